"""A small copy of a video that every browser plays."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from sslvqa.video import open_video, write_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from sslvqa.video import Limits, RawGeometry, Video

__all__ = ["Preview", "write_preview"]

_MAX_FPS = 30.0


@dataclass(frozen=True, slots=True)
class Preview:
    """What was written."""

    width_px: int
    height_px: int
    fps: float
    frames: int
    complete: bool
    """False when only the beginning was converted."""


def write_preview(
    target: Path,
    source: BinaryIO,
    *,
    limits: Limits,
    geometry: RawGeometry | None = None,
    max_seconds: float = 600.0,
    max_side_px: int = 960,
    progress: Callable[[float], object] | None = None,
) -> Preview:
    """Convert a video to H.264 in MP4, without sound, at a constant rate; its time 0 is the first frame.

    Args:
        target: The file to write, ``*.mp4``.
        source: An open video file.
        limits: What the source may cost.
        geometry: What a headerless file holds.
        max_seconds: Only so much of the beginning is converted.
        max_side_px: Longer side of the pictures; smaller ones keep their size, made even.
        progress: Called with the fraction of the frames written.

    Raises:
        VideoError: The source cannot be used.
    """
    with open_video(source, limits=limits, geometry=geometry) as video:
        size = _size(video.info.width_px, video.info.height_px, max_side_px)
        rate = Fraction(min(video.info.fps, _MAX_FPS)).limit_denominator(1001)
        seconds = min(video.info.duration_seconds, max_seconds)
        shown = _shown_frames(video.timestamps_seconds, rate=float(rate), seconds=seconds)
        written = write_video(
            target,
            _pictures(video, shown, size, progress),
            fps=rate,
            options={"crf": "26", "preset": "veryfast", "g": str(max(1, round(rate)))},
        )
        complete = video.info.duration_seconds <= max_seconds
    return Preview(size[0], size[1], float(rate), written, complete)


def _size(width: int, height: int, longest: int) -> tuple[int, int]:
    factor = min(1.0, longest / max(width, height))
    return max(2, 2 * round(width * factor / 2)), max(2, 2 * round(height * factor / 2))


def _shown_frames(timestamps: NDArray[np.float64], *, rate: float, seconds: float) -> list[int]:
    """Number of the frame on show at each tick of the preview; not decreasing."""
    ticks = timestamps[0] + np.arange(max(1, round(seconds * rate))) / rate
    found = np.searchsorted(timestamps, ticks + 0.25 / rate, side="right") - 1
    return [int(index) for index in np.clip(found, 0, len(timestamps) - 1)]


def _pictures(
    video: Video, shown: list[int], size: tuple[int, int], progress: Callable[[float], object] | None
) -> Iterator[NDArray[np.uint8]]:
    frames = video.frames(sorted(set(shown)))
    current, picture = -1, np.empty(0, np.uint8)
    for tick, wanted in enumerate(shown):
        if wanted != current:
            frame = next(frames)
            current = frame.index
            image = Image.fromarray(np.ascontiguousarray(frame.rgb().transpose(1, 2, 0)))
            picture = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
        if progress is not None:
            progress((tick + 1) / len(shown))
        yield picture
