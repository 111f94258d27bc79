"""STEM: how well the next response of the LGN is predicted, and NIQE (Kancharla, Channappayya, TIP 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sslvqa.peers.trajectory import DIMENSIONS, consecutive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["prediction_errors", "recency_weights"]

_PAST = 4
_DECAY = 0.1
_WINDOW = 0.25


def prediction_errors(points: NDArray[np.float64], numbers: Sequence[int]) -> NDArray[np.float64]:
    """How far each frame is from the best linear prediction by the four frames before it.

    The ten coordinates of a frame are ten samples of a regression on those of the four frames and a constant;
    the error is ``sqrt(sum of squared residuals / (10 - 5))``.

    Args:
        points: Coordinates ``(frames, 10)``.
        numbers: Of the frames; one that has no four frames right before it is not predicted.

    Returns:
        ``(predicted frames,)``, 0 is best.
    """
    starts = consecutive(numbers, _PAST + 1)
    past = points[starts[:, None] + np.arange(_PAST)].swapaxes(1, 2)
    known = np.concatenate([past, np.ones((len(starts), DIMENSIONS, 1))], axis=2)
    wanted = points[starts + _PAST][:, :, None]
    residual = wanted - known @ (np.linalg.pinv(known, rcond=1e-10) @ wanted)
    errors: NDArray[np.float64] = np.sqrt((residual**2).sum(axis=(1, 2)) / (DIMENSIONS - _PAST - 1))
    return errors


def recency_weights(numbers: Sequence[int]) -> NDArray[np.float64]:
    """Weight ``(frames,)`` of each frame in the mean over time of an average that prefers recent frames.

    That average is, at each frame of a run of T, of the last ``round(T / 4)`` frames of the run, with weights
    ``exp(-0.1 age)``; at the start of a run it is of those that there are. The weights sum to 1.

    Args:
        numbers: Of the frames, increasing; a run ends where one is left out.
    """
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    runs = np.diff([0, *cuts, len(numbers)])
    return np.concatenate([_weights_of_run(run) * run for run in runs]) / len(numbers)


def _weights_of_run(frames: int) -> NDArray[np.float64]:
    window = max(int(_WINDOW * frames + 0.5), 1)
    ages = np.subtract.outer(np.arange(frames), np.arange(frames))
    weights = np.where((ages >= 0) & (ages < window), np.exp(-_DECAY * ages), 0)
    mean: NDArray[np.float64] = (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)
    return mean
