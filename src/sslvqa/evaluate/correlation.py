"""Agreement of scores with labels: rank and linear correlation, error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from sslvqa.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Measure", "krocc", "paired", "plcc", "rmse", "srocc"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measured number, or NaN and why there is none."""

    value: float
    undefined: str | None = None
    """Reason for NaN, e.g. ``scores are constant``."""


def srocc(scores: ArrayLike, labels: ArrayLike) -> Measure:
    """Spearman's rank correlation in [-1, 1], ties at their average rank; higher is better.

    Raises:
        DataError: Sizes that differ, or values that are not finite.
    """
    x, y = paired(scores, labels)
    return _undefined(x, y) or Measure(_pearson(stats.rankdata(x), stats.rankdata(y)))


def plcc(scores: ArrayLike, labels: ArrayLike) -> Measure:
    """Pearson's linear correlation in [-1, 1] of the numbers as they are; higher is better.

    Raises:
        DataError: Sizes that differ, or values that are not finite.
    """
    x, y = paired(scores, labels)
    return _undefined(x, y) or Measure(_pearson(x, y))


def krocc(scores: ArrayLike, labels: ArrayLike) -> Measure:
    """Kendall's tau-b in [-1, 1] (corrected for ties); higher is better.

    Raises:
        DataError: Sizes that differ, or values that are not finite.
    """
    x, y = paired(scores, labels)
    return _undefined(x, y) or Measure(float(stats.kendalltau(x, y).statistic))


def rmse(scores: ArrayLike, labels: ArrayLike) -> Measure:
    """Root of the mean squared difference, in the unit of the labels; lower is better.

    Raises:
        DataError: Sizes that differ, or values that are not finite.
    """
    x, y = paired(scores, labels)
    if x.size == 0:
        return Measure(float("nan"), "no videos")
    return Measure(float(np.sqrt(np.mean((x - y) ** 2))))


def paired(scores: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both as float64 vectors.

    Raises:
        DataError: Sizes that differ, or values that are not finite.
    """
    x, y = np.asarray(scores, dtype=np.float64).ravel(), np.asarray(labels, dtype=np.float64).ravel()
    if x.size != y.size:
        raise DataError(f"got {x.size} scores and {y.size} labels; each video needs one of both")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError("scores or labels are not finite; drop unlabelled and failed videos first")
    return x, y


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The same as SciPy's without its p-value, which takes most of its time in a bootstrap."""
    a, b = x - x.mean(), y - y.mean()
    value = float(a / np.linalg.norm(a) @ (b / np.linalg.norm(b)))
    return max(-1.0, min(1.0, value))


def _undefined(x: NDArray[np.float64], y: NDArray[np.float64]) -> Measure | None:
    if x.size < 2:
        return Measure(float("nan"), f"{x.size} videos; a correlation needs two")
    if _constant(x):
        return Measure(float("nan"), "scores are constant")
    if _constant(y):
        return Measure(float("nan"), "labels are constant")
    return None


def _constant(values: NDArray[np.float64]) -> bool:
    """Return whether nothing is left but rounding (SciPy warns in the same case)."""
    centred = values - values.mean()
    return bool(np.linalg.norm(centred) < 1e-13 * abs(values.mean()) or np.ptp(values) == 0)
