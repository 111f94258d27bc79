"""What passes between the reading of a file, the networks and the score."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from sslvqa.sampling.qcs import ViewPlan
    from sslvqa.scoring.windows import Window
    from sslvqa.video.frames import VideoInfo

__all__ = ["RawScores", "Reading"]


class RawScores(NamedTuple):
    """Raw outputs for the views of one video, float64 ``(clips, draws)``."""

    q_r: NDArray[np.float64]
    q_d: NDArray[np.float64] | None
    """None where the model has no Q_D."""

    def part(self, rows: slice, shape: tuple[int, ...] = (-1,)) -> RawScores:
        """Some of the scores of views in a row, in another shape."""
        return RawScores(
            self.q_r[rows].reshape(shape), None if self.q_d is None else self.q_d[rows].reshape(shape)
        )


class Reading(NamedTuple):
    """What a score needs of one file: all that is left is arithmetic."""

    info: VideoInfo
    timestamps_seconds: NDArray[np.float64]
    plans: tuple[ViewPlan, ...]
    windows: tuple[Window, ...]
    views: Tensor
    """uint8 ``(clips * draws + windows, 3, T, S, S)``."""
    warnings: tuple[str, ...]
    """The decoder's."""
    timeline_seconds: float | None = None
    """Length of the windows that were asked for."""
