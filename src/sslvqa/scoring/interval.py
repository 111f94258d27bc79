"""Prediction intervals with a stated coverage: conformal, by contents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.errors import ConfigError, DataError
from sslvqa.hub.card import IntervalCard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["ConformalInterval", "fit_interval", "widen_interval"]


@dataclass(frozen=True, slots=True)
class ConformalInterval:
    """Half-width such that ``score ± half_width`` holds the label of a video of a new content.

    The probability is about ``coverage`` over the draw of the held-out contents and the new one, if those are
    exchangeable: videos like the ones the interval was fitted on. It promises nothing about other videos.
    """

    coverage: float
    half_width: float
    """On the label scale."""
    videos: int
    contents: int
    margin: float = 0.0
    """Added to the half-width: of a student, how far it may be from its teacher."""

    def bounds(
        self, score: float, *, minimum: float = -np.inf, maximum: float = np.inf
    ) -> tuple[float, float]:
        """Return the ends of the interval, cut at the ends of the scale.

        Args:
            score: Calibrated score.
            minimum: Lowest value of the scale.
            maximum: Highest value of the scale.
        """
        width = self.half_width + self.margin
        return max(score - width, minimum), min(score + width, maximum)

    def to_card(self) -> IntervalCard:
        """Return the numbers as the card stores them."""
        return IntervalCard(
            coverage=self.coverage,
            half_width=self.half_width,
            margin=self.margin,
            videos=self.videos,
            contents=self.contents,
        )

    @classmethod
    def from_card(cls, card: IntervalCard) -> ConformalInterval:
        """Inverse of :meth:`to_card`."""
        return cls(card.coverage, card.half_width, card.videos, card.contents, margin=card.margin)


def fit_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    contents: Sequence[str] | None = None,
    coverage: float = 0.9,
) -> ConformalInterval | None:
    """Fit an interval on labelled videos that neither training nor calibration has seen.

    The half-width is that of :func:`_for_new_content` over the residuals ``|label - score|``.

    Args:
        labels: Labels of the held-out videos.
        scores: Calibrated scores of the same videos.
        contents: Content of each video; default every video its own.
        coverage: In (0, 1).

    Returns:
        The interval, or ``None`` when there are too few contents for the coverage (fewer than 9 for 0.9).

    Raises:
        ConfigError: ``coverage`` outside (0, 1).
        DataError: Sizes that differ, or values that are not finite.
    """
    if not 0 < coverage < 1:
        raise ConfigError(f"coverage is {coverage}; it must lie between 0 and 1, e.g. 0.9")
    y, s = np.asarray(labels, dtype=np.float64).ravel(), np.asarray(scores, dtype=np.float64).ravel()
    names = [str(index) for index in range(y.size)] if contents is None else list(contents)
    _require_aligned(y, s, len(names))
    if y.size == 0:
        return None
    half_width = _for_new_content(np.abs(y - s), names, coverage)
    if half_width is None:
        return None
    return ConformalInterval(coverage, half_width, int(y.size), len(set(names)))


def widen_interval(
    interval: ConformalInterval, distances: ArrayLike, *, contents: Sequence[str], share: float = 0.95
) -> ConformalInterval | None:
    """The interval of a model that imitates another one: wide enough to hold the other's.

    Where it does, it holds the label whenever the other's holds it. Both may fail, so that its coverage may
    be as low as ``coverage + share - 1``, and that is what it states.

    Args:
        interval: Of the imitated model.
        distances: Between the scores of the two, on the label scale, for each of some videos that the
            imitating one has not seen ``(n,)``; not negative.
        contents: Content of each of these videos.
        share: Probability to hold it for a video of a new content, in (0, 1).

    Returns:
        The wider interval, or ``None`` when there are too few contents (fewer than 19 for 0.95).

    Raises:
        ConfigError: If no coverage would be left.
    """
    if not 1 - interval.coverage < share < 1:
        raise ConfigError(
            f"share is {share}; it must lie between {1 - interval.coverage:.3g} and 1, as 0.95 does"
        )
    margin = _for_new_content(np.asarray(distances, dtype=np.float64), contents, share)
    if margin is None:
        return None
    coverage = round(interval.coverage + share - 1, 6)
    return replace(interval, margin=interval.margin + margin, coverage=coverage)


def _for_new_content(values: NDArray[np.float64], contents: Sequence[str], coverage: float) -> float | None:
    """Return a bound that holds the value of a video of a new content with probability ``coverage``.

    Videos of one content are alike, so each of the G contents weighs as much, shared by its videos. A bound
    is fitted without a content, at the lowest level at which it holds ``coverage * (G + 1) / G`` of the
    contents left out, in turn; with all contents, at that level, it is the result. With one video a content
    this is the ``ceil((G + 1) * coverage)``-th smallest value, as split conformal has it, with its guarantee.
    With more, those left out tell what a new content does; to assume nothing of it (hierarchical split
    conformal) would hold 97 % instead of 90 % with a dozen contents, and be a third wider. None with too few
    contents: fewer than ``coverage / (1 - coverage)``.
    """
    _, group, counts = np.unique(np.asarray(contents), return_inverse=True, return_counts=True)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(1.0 / counts[group][order])  # contents up to each value
    below = np.concatenate([[0.0], reached])[np.searchsorted(values[order], values)]
    for own in np.split(np.argsort(group, kind="stable"), np.cumsum(counts)[:-1]):
        below[own] -= np.searchsorted(np.sort(values[own]), values[own]) / own.size
    # what others would hold a video: those whose share below it is not yet the level
    by_level = np.argsort(below, kind="stable")
    held = np.cumsum(1.0 / counts[group][by_level]) >= coverage * (counts.size + 1) - 1e-9
    if not held.any():
        return None
    level = below[by_level][np.argmax(held)]
    return float(values[order][np.argmax(reached > level + 1e-9)])


def _require_aligned(labels: NDArray[np.float64], scores: NDArray[np.float64], contents: int) -> None:
    if len({labels.size, scores.size, contents}) != 1:
        raise DataError(
            f"interval got {labels.size} labels, {scores.size} scores and {contents} contents; "
            "it needs one of each per video"
        )
    if not all(np.isfinite(values).all() for values in (labels, scores)):
        raise DataError("interval got values that are not finite; drop unlabelled and failed videos first")
