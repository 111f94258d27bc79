"""Encode planes to a file, and read back what was written."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

import av

from sslvqa.distort.planes import Yuv, to_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sslvqa.distort.bank import Encoder

__all__ = ["encode_frames", "encoder_versions", "file_sha256"]

_UNSPECIFIED, _VIDEO_RANGE = 2, 1
_QUIET = {
    "libx265": {"x265-params": "log-level=none:pools=none:frame-threads=1"},
    "libsvtav1": {"svtav1-params": "lp=1"},
}


def encode_frames(
    path: Path, frames: Iterable[Yuv], *, fps: Fraction, encoder: Encoder, matrix_tag: int = _UNSPECIFIED
) -> int:
    """Write frames to ``path`` at a constant rate, one thread, video range, no audio.

    Args:
        path: Output file, replaced if it exists. It appears only when it is complete.
        frames: uint8 planes of one even size.
        fps: Frame rate.
        encoder: Encoder and options.
        matrix_tag: FFmpeg's number of the YUV matrix; primaries and transfer are left unspecified.

    Returns:
        How many frames were written.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        with _tamed_av1(), av.open(str(part), "w") as container:
            count = _encode(container, frames, fps=fps, encoder=encoder, matrix_tag=matrix_tag)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def _encode(
    container: av.container.OutputContainer,
    frames: Iterable[Yuv],
    *,
    fps: Fraction,
    encoder: Encoder,
    matrix_tag: int,
) -> int:
    options = dict(encoder.options) | _QUIET.get(encoder.codec, {})
    stream = container.add_stream(encoder.codec, rate=fps, options=options)
    context = stream.codec_context
    assert isinstance(context, av.VideoCodecContext)
    context.pix_fmt, context.thread_count = "yuv420p", 1
    context.colorspace, context.color_range = matrix_tag, _VIDEO_RANGE
    count = 0
    for planes in frames:
        frame = to_frame(planes)
        if count == 0:
            context.width, context.height = frame.width, frame.height
        frame.pts, frame.time_base = count, 1 / fps
        container.mux(context.encode(frame))
        count += 1
    if count:
        container.mux(context.encode(None))
    return count


@contextmanager
def _tamed_av1() -> Iterator[None]:
    """Undo what SVT-AV1 does to a process.

    It prints a banner on stderr unless the environment says otherwise, and for root it leaves the thread that
    opens it at real-time priority 99, which starves everything else on the machine.
    """
    before = os.environ.get("SVT_LOG")
    os.environ["SVT_LOG"] = before or "1"
    scheduled = hasattr(os, "sched_setscheduler")  # Linux
    policy, priority = (os.sched_getscheduler(0), os.sched_getparam(0)) if scheduled else (0, None)
    try:
        yield
    finally:
        if priority is not None:
            os.sched_setscheduler(0, policy, priority)
        if before is None:
            del os.environ["SVT_LOG"]


def encoder_versions() -> dict[str, str]:
    """Versions of PyAV and of the FFmpeg libraries it carries."""
    libraries = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    return {"pyav": av.__version__, **libraries}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
