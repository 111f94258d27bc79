"""Which frames of a video a comparator looks at, and their luminance."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sslvqa.video import open_video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from sslvqa.video import RawGeometry, VideoInfo

__all__ = ["Frame", "FramePolicy", "Runs", "Spread", "luma_frames"]

_RED, _GREEN, _BLUE = 0.2989, 0.5870, 0.1140


class Frame(NamedTuple):
    """One frame of a video."""

    number: int
    """From 0; frames are consecutive where their numbers are."""
    luma: NDArray[np.float64]
    """Luminance ``(H, W)``, whole numbers in 0..255."""


class Spread(NamedTuple):
    """Single frames, spread evenly over the video; one at least."""

    per_second: float = 1.0
    """Frames for a second of video."""

    def numbers(self, info: VideoInfo) -> NDArray[np.intp]:
        """Of the frames, increasing."""
        count = min(max(round(info.duration_seconds * self.per_second), 1), info.frame_count)
        return ((np.arange(count) + 0.5) * info.frame_count / count).astype(np.intp)


class Runs(NamedTuple):
    """Consecutive frames: the whole video or, of one longer than all runs, runs spread evenly over it."""

    run_frames: int = 60
    """Frames of a run."""
    most_runs: int = 4
    """With it the cost of a long video is bounded: by default that of 240 frames, 8 s at 30 a second."""

    def numbers(self, info: VideoInfo) -> NDArray[np.intp]:
        """Of the frames, increasing."""
        if info.frame_count <= self.run_frames * self.most_runs:
            return np.arange(info.frame_count)
        middles = (np.arange(self.most_runs) + 0.5) * info.frame_count / self.most_runs
        starts = (middles - self.run_frames / 2).astype(np.intp)
        return (starts[:, None] + np.arange(self.run_frames)).ravel()


FramePolicy = Spread | Runs
"""What a comparator looks at."""


def luma_frames(
    path: str | Path, *, looks_at: FramePolicy, geometry: RawGeometry | None = None
) -> Iterator[Frame]:
    """Yield frames of a video, one at a time.

    Luminance is that of the RGB picture, rounded, as the published methods take it.

    Raises:
        VideoError: The file cannot be used.
    """
    with open_video(path, geometry=geometry, threads=1) as video:
        for planes in video.frames(looks_at.numbers(video.info).tolist()):
            red, green, blue = planes.rgb().astype(np.float64)
            yield Frame(planes.index, np.rint(_RED * red + _GREEN * green + _BLUE * blue))
