"""A score and, beside it, what the video looks like to the model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sslvqa.scoring.batch import FailedScore, finish_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sslvqa.scoring.reading import RawScores, Reading
    from sslvqa.scoring.result import VideoScore
    from sslvqa.scoring.scorer import Scorer

__all__ = ["FeaturedScore", "describe", "describe_each"]


@dataclass(frozen=True, slots=True)
class FeaturedScore:
    """One video."""

    score: VideoScore
    features: tuple[float, ...]
    """Mean, then deviation, over the tokens of the distance backbone (of the only one where there is one),
    averaged over the score's views."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form of the score with one more key, ``features``."""
        return {**self.score.to_dict(), "features": list(self.features)}


def describe(
    reading: Reading,
    *,
    scorer: Scorer,
    raw: RawScores | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> FeaturedScore:
    """Score what was read of one video and pool its features; arguments as of :meth:`Scorer.finish`."""
    pooled = scorer.token_features(reading.views).mean(axis=0)
    score = scorer.finish(reading, raw=raw, progress=progress)
    return FeaturedScore(score, tuple(float(value) for value in pooled))


def describe_each(paths: Sequence[str | Path], *, scorer: Scorer) -> Iterator[FeaturedScore | FailedScore]:
    """Describe files in their order, as :func:`~sslvqa.scoring.score_each` scores them."""
    yield from finish_each(paths, partial(describe, scorer=scorer), scorer=scorer)
