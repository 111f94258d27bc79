"""Mean opinion scores, and what the votes say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from sslvqa.errors import ConfigError
from sslvqa.evaluate.correlation import plcc, srocc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sslvqa.rate.votes import Votes

__all__ = ["Opinion", "SplitHalf", "mean_opinion", "rater_agreement", "sos_parameter", "split_half"]


@dataclass(frozen=True)
class Opinion:
    """Scores of videos on the scale of the votes, each vector aligned with ``Votes.videos``."""

    score: NDArray[np.float64]
    """NaN for a video without votes."""
    std_error: NDArray[np.float64]
    """Standard error of the score; NaN where it cannot be estimated."""
    low: NDArray[np.float64]
    """Lower end of the confidence interval, not cut at the ends of the scale."""
    high: NDArray[np.float64]
    deviation: NDArray[np.float64]
    """Sample standard deviation of the votes (N - 1); NaN with one vote."""
    votes: NDArray[np.intp]


def mean_opinion(votes: Votes, *, coverage: float = 0.95) -> Opinion:
    """Average the votes of each video (MOS).

    The interval is ``mean ± t S / sqrt(N)`` with Student's t of N - 1 degrees of freedom: BT.500's 1.96 holds
    for many raters, with three t is 4.3. Where all votes are equal S, and so the interval, is 0.

    Args:
        votes: One vote for each rater and video.
        coverage: Of the interval, in (0, 1).

    Raises:
        ConfigError: ``coverage`` outside (0, 1).
    """
    if not 0 < coverage < 1:
        raise ConfigError(f"coverage is {coverage}; it must lie between 0 and 1, e.g. 0.95")
    count, mean, deviation = moments(votes)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = deviation / np.sqrt(count)
    half = error * stats.t.ppf((1 + coverage) / 2, np.maximum(count - 1, 1))
    return Opinion(mean, error, mean - half, mean + half, deviation, count)


def moments(votes: Votes) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Return count, mean and sample deviation of each video; NaN where undefined."""
    size = len(votes.videos)
    count = np.bincount(votes.video, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(votes.video, weights=votes.value, minlength=size) / count
        squares = np.bincount(votes.video, weights=(votes.value - mean[votes.video]) ** 2, minlength=size)
        deviation = np.sqrt(np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan))
    return count, mean, deviation


def sos_parameter(votes: Votes, *, low: float, high: float) -> float:
    """Fit a of the SOS hypothesis ``S² = a (MOS - low) (high - MOS)`` by least squares.

    Source: Hossfeld, Schatz, Egger, *SOS: the MOS is not enough*, QoMEX 2011. For a scale 1..5 this is their
    ``-a (MOS² - 6 MOS + 5)``. 1 means votes at the two ends only, 0 that all agree.

    Args:
        votes: One vote for each rater and video.
        low: Lowest vote of the scale.
        high: Highest vote of the scale.

    Returns:
        a >= 0; NaN when no video has two votes or all means lie at the ends of the scale.

    Raises:
        ConfigError: ``low`` is not below ``high``.
    """
    if not low < high:
        raise ConfigError(f"the scale is {low}..{high}; its lowest vote must be below the highest")
    count, mean, deviation = moments(votes)
    known = count > 1
    room = (mean[known] - low) * (high - mean[known])
    power = float(np.sum(room**2))
    return float(np.sum(room * deviation[known] ** 2) / power) if power > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class SplitHalf:
    """Agreement of the MOS of two random halves of the raters: higher is better, 1 at most."""

    plcc: float
    """Mean over the splits."""
    srocc: float
    """Mean over the splits."""
    splits: int
    """How many gave a number."""
    raters: tuple[int, int]
    """Size of the halves."""


def split_half(votes: Votes, *, splits: int = 100, generator: np.random.Generator) -> SplitHalf | None:
    """Correlate the MOS of two random halves of the raters, over the videos that both halves rated.

    A half has half the votes, so the full MOS is more reliable than this.

    Returns:
        ``None`` when no split gives a correlation (one rater, constant votes, one video).
    """
    present = np.unique(votes.rater)
    smaller = present.size // 2
    found = []
    for _ in range(splits if smaller else 0):
        half = np.zeros(len(votes.raters), dtype=bool)
        half[generator.permutation(present)[:smaller]] = True
        first, second = (moments(votes.only(part))[1] for part in (half[votes.rater], ~half[votes.rater]))
        both = np.isfinite(first) & np.isfinite(second)
        pair = plcc(first[both], second[both]).value, srocc(first[both], second[both]).value
        if np.isfinite(pair).all():
            found.append(pair)
    if not found:
        return None
    linear, rank = np.mean(found, axis=0)
    return SplitHalf(float(linear), float(rank), len(found), (smaller, int(present.size) - smaller))


def rater_agreement(votes: Votes) -> NDArray[np.float64]:
    """Return each rater's Pearson correlation with the mean of the *other* raters, NaN where undefined.

    VQEG test plans discard raters below 0.75 in controlled studies that cover the scale.
    """
    size = len(votes.videos)
    count = np.bincount(votes.video, minlength=size)[votes.video]
    total = np.bincount(votes.video, weights=votes.value, minlength=size)[votes.video]
    shared = count > 1
    result = np.full(len(votes.raters), np.nan)
    others = (total - votes.value) / np.maximum(count - 1, 1)
    for rater in range(len(votes.raters)):
        mine = shared & (votes.rater == rater)
        result[rater] = plcc(votes.value[mine], others[mine]).value
    return result
