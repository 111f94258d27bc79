"""Full-reference labels of a distorted version: VMAF, SSIM, XPSNR."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import av.filter
import numpy as np
import torch

from sslvqa.distort.planes import Yuv, to_frame
from sslvqa.distort.source import read_segment
from sslvqa.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

__all__ = ["FullReference", "FullReferenceScores", "vmaf_label"]

_XPSNR_CAP = 100.0
_TICK = Fraction(1, 25)  # any: frames are paired by number


@dataclass(frozen=True, slots=True)
class FullReferenceScores:
    """How near one video is to its reference; all three: higher is better."""

    vmaf: float
    """0..100, mean over the sampled frames; a video against itself gets 97..100."""
    ssim: float
    """0..1, FFmpeg's weighted Y, U, V, mean over all frames."""
    xpsnr: float
    """Luma, dB, mean over all frames, each capped at 100 dB."""
    frames: int
    """Frames that both videos have."""


def vmaf_label() -> str:
    """Name the label: package, its version, model.

    Raises:
        MissingExtraError: ``vmaf-torch`` is not installed.
    """
    _load_vmaf()
    return f"VMAF (vmaf-torch {version('vmaf-torch')}, model vmaf_v0.6.1)"


class FullReference:
    """Measures many versions against one reference, which is decoded for its motion only once.

    Frame ``i`` is compared with frame ``i``. VMAF's motion feature comes from consecutive frames of the
    reference, so sampling frames does not change it; the other features are of the sampled frames.
    Frames go through the network one at a time: batches are slower on a CPU and need more memory.

    Args:
        reference: Video file.
        samples: How many frames VMAF is computed on, evenly spaced.

    Raises:
        MissingExtraError: ``vmaf-torch`` is not installed.
        VideoError: The reference cannot be read.
    """

    def __init__(self, reference: Path, *, samples: int = 10) -> None:
        self._reference = read_segment(reference)
        self._model = _load_vmaf()(clip_score=True)
        self._motion = self._reference_motion()
        count = len(self._motion)
        self.indices = tuple(
            sorted({round(place) for place in np.linspace(0, count - 1, min(samples, count))})
        )
        """Frames that VMAF is computed on."""

    def score(self, path: Path) -> FullReferenceScores:
        """Compare one video with the reference.

        Raises:
            VideoError: It cannot be read.
            DataError: The sizes differ.
        """
        video = read_segment(path)
        if video.size_px != self._reference.size_px:
            sizes = [f"{width}x{height}" for height, width in (video.size_px, self._reference.size_px)]
            raise DataError(
                f"{path}: {sizes[0]} px, but the reference has {sizes[1]}; both must have one size"
            )
        chosen = set(self.indices)
        vmaf: list[float] = []
        graph = _Graph(*video.size_px)
        for index, (ours, original) in enumerate(zip(video.frames(), self._reference.frames(), strict=False)):
            if index in chosen:
                vmaf.append(self._vmaf(index, _luma(original), _luma(ours)))
            graph.push(ours, original)
        ssim, xpsnr = graph.finish()
        return FullReferenceScores(
            float(np.mean(vmaf)), float(np.mean(ssim)), float(np.mean(xpsnr)), len(ssim)
        )

    @torch.inference_mode()
    def _vmaf(self, index: int, original: Tensor, ours: Tensor) -> float:
        model = self._model
        detail, information = (
            model.compute_adm_score(original, ours),
            model.compute_vif_features(original, ours),
        )
        return float(model.predict(detail, torch.tensor([[self._motion[index]]]), information))

    @torch.inference_mode()
    def _reference_motion(self) -> list[float]:
        """VMAF's motion2: the lesser of the differences to the frame before and the frame after."""
        pairs = pairwise(map(_luma, self._reference.frames()))
        steps = [float(self._model.motion.motion(torch.cat(pair))[1]) for pair in pairs]
        if not steps:  # a single picture
            return [0.0]
        return [0.0, *(min(pair) for pair in pairwise(steps)), steps[-1]]


class _Graph:
    """FFmpeg's ``ssim`` and ``xpsnr`` filters over two streams pushed in step."""

    def __init__(self, height: int, width: int) -> None:
        self._graph, self._inputs = _configured(height, width)
        self._ssim: list[float] = []
        self._xpsnr: list[float] = []
        self._count = 0

    def push(self, ours: Yuv, original: Yuv) -> None:
        """Add the next frame of both."""
        for source, planes in zip(self._inputs, (ours, original), strict=True):
            frame = to_frame(planes)
            frame.pts, frame.time_base = self._count, _TICK
            source.push(frame)
        self._count += 1
        self._pull()

    def finish(self) -> tuple[list[float], list[float]]:
        """SSIM and XPSNR of each frame."""
        for source in self._inputs:
            source.push(None)
        self._pull()
        return self._ssim, self._xpsnr

    def _pull(self) -> None:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            values = frame.metadata
            self._ssim.append(float(values["lavfi.ssim.All"]))
            self._xpsnr.append(min(float(values["lavfi.xpsnr.xpsnr.y"]), _XPSNR_CAP))


def _configured(height: int, width: int) -> tuple[av.filter.Graph, tuple[Any, Any]]:
    graph = av.filter.Graph()
    graph.threads = 1
    ours, original = (
        graph.add_buffer(
            width=width, height=height, format=av.VideoFormat("yuv420p"), time_base=_TICK, name=name
        )
        for name in ("ours", "original")
    )
    split, ssim, xpsnr, sink = (graph.add(name) for name in ("split", "ssim", "xpsnr", "buffersink"))
    original.link_to(split)
    ours.link_to(ssim, 0, 0)
    split.link_to(ssim, 0, 1)
    ssim.link_to(xpsnr, 0, 0)
    split.link_to(xpsnr, 1, 1)
    xpsnr.link_to(sink)
    graph.configure()
    return graph, (ours, original)


def _luma(frame: Yuv) -> Tensor:
    """Luma as float (1, 1, H, W), 0..255."""
    return torch.from_numpy(frame.y.astype(np.float32))[None, None]


def _load_vmaf() -> Any:  # noqa: ANN401 - the package is untyped
    try:
        from vmaf_torch import VMAF
    except ImportError as error:
        raise MissingExtraError(
            "VMAF labels need vmaf-torch, which is not installed; run: pip install 'sslvqa[train]'"
        ) from error
    return VMAF
