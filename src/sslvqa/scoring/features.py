"""A score and, beside it, what the video looks like to the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sslvqa.sampling.qcs import read_views
from sslvqa.scoring.batch import FailedScore, score_each
from sslvqa.video.reader import open_video

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sslvqa.scoring.result import VideoScore
    from sslvqa.scoring.scorer import Scorer

__all__ = ["FeaturedScore", "describe_each"]


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


def describe_each(paths: Iterable[str | Path], *, scorer: Scorer) -> Iterator[FeaturedScore | FailedScore]:
    """Score files and pool their features, one after another, as :func:`~sslvqa.scoring.score_each` does."""
    for result in score_each(paths, scorer=scorer):
        if isinstance(result, FailedScore):
            yield result
            continue
        try:
            with open_video(result.path, limits=scorer.limits) as video:
                views = read_views(video, scorer.plan(video.info))
            pooled = scorer.token_features(views).mean(axis=0)
        except Exception as error:  # as there: never abort
            yield FailedScore(result.path, str(error) or type(error).__name__, type(error).__name__)
        else:
            yield FeaturedScore(result, tuple(float(value) for value in pooled))
