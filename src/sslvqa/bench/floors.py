"""What this machine can do at best: matrix products, and decoding one file."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from typing import TYPE_CHECKING

import av
import torch

from sslvqa.nn.inference import PackedLinear

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

__all__ = ["decode_ffmpeg", "decode_pyav", "ffmpeg_version", "gemm_peaks"]

_SIDE, _SMALL_SIDE = 2048, 256
_LONGEST_SECONDS = 2.0
"""Of one product; a format that this processor does not multiply natively would take minutes."""


def gemm_peaks(*, threads: int, runs: int) -> dict[str, float]:
    """Operations a second of one large matrix product, for each number format that torch offers.

    Args:
        threads: CPU threads.
        runs: Timed products of each kind, after one that is not.

    Returns:
        GFLOP/s (int8: GOP/s), median of the better library, by ``fp32``, ``bf16`` and ``int8``; of a small
        product where a large one would take longer than 2 s.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            peaks: dict[str, float] = {}
            for (kind, small), (_, large) in zip(_products(_SMALL_SIDE), _products(_SIDE), strict=True):
                side, seconds = _SMALL_SIDE, _median_seconds(small, runs)
                if seconds * (_SIDE / side) ** 3 < _LONGEST_SECONDS:
                    side, seconds = _SIDE, _median_seconds(large, runs)
                peaks[kind] = max(2e-9 * side**3 / seconds, peaks.get(kind, 0.0))
            return peaks
    finally:
        torch.set_num_threads(before)


def decode_pyav(path: str | Path, *, threads: int, runs: int) -> tuple[int, float]:
    """Decode a whole file and drop the frames: how many, and the median of the seconds."""
    frames, seconds = 0, []
    for _ in range(runs):
        started = time.perf_counter()
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type, stream.thread_count = "AUTO", threads
            frames = sum(1 for _ in container.decode(stream))
        seconds.append(time.perf_counter() - started)
    return frames, statistics.median(seconds)


def decode_ffmpeg(path: str | Path, *, threads: int, runs: int) -> float | None:
    """Seconds (median) in which the ffmpeg command decodes a file and drops the frames; None without it."""
    command = shutil.which("ffmpeg")
    if command is None:
        return None
    line = [command, "-v", "error", "-nostdin", "-threads", str(threads), "-i", str(path)]
    line += ["-map", "0:v:0", "-f", "null", "-"]
    return _median_seconds(lambda: subprocess.run(line, check=True, capture_output=True), runs)  # noqa: S603


def ffmpeg_version() -> str | None:
    """First line of ``ffmpeg -version``; None without the command."""
    command = shutil.which("ffmpeg")
    if command is None:
        return None
    found = subprocess.run([command, "-version"], check=True, capture_output=True, text=True)  # noqa: S603
    return found.stdout.split(" Copyright", maxsplit=1)[0]


def _products(side: int) -> list[tuple[str, Callable[[], object]]]:
    """Products by number format, without those that this build of torch lacks; fp32 in both libraries."""
    left, right = torch.randn(2, side, side)
    half_left, half_right = left.bfloat16(), right.bfloat16()
    packed = PackedLinear(torch.nn.Linear(side, side, bias=False), torch.float32)
    products: list[tuple[str, Callable[[], object]]] = [
        ("fp32", lambda: left @ right),
        ("fp32", lambda: packed(left)),
        ("bf16", lambda: half_left @ half_right),
    ]
    integers: Callable[[Tensor, Tensor], Tensor] | None = getattr(torch, "_int_mm", None)
    if integers is not None:
        int_left, int_right = ((20 * values).to(torch.int8) for values in (left, right))
        products.append(("int8", lambda: integers(int_left, int_right)))
    return products


def _median_seconds(work: Callable[[], object], runs: int) -> float:
    work()
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
