"""A score and, beside it, what the video looks like to the distance backbone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sslvqa.sampling.qcs import read_views
from sslvqa.scoring.batch import FailedScore
from sslvqa.video.reader import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from sslvqa.scoring.result import VideoScore
    from sslvqa.scoring.scorer import Scorer

__all__ = ["FeaturedScore", "describe", "describe_each"]


@dataclass(frozen=True, slots=True)
class FeaturedScore:
    """One video."""

    score: VideoScore
    features: tuple[float, ...]
    """Mean, then deviation, over the tokens of the distance backbone, averaged over the score's views."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form of the score with one more key, ``features``."""
        return {**self.score.to_dict(), "features": list(self.features)}


def describe(
    source: str | Path | BinaryIO,
    *,
    scorer: Scorer,
    progress: Callable[[int, int], object] | None = None,
) -> FeaturedScore:
    """Score one video and pool its features.

    Args:
        source: A file.
        scorer: What scores.
        progress: As in :meth:`~sslvqa.scoring.Scorer.score`.

    Raises:
        VideoError: The file cannot be used.
    """
    result = scorer.score(source, progress=progress)
    if not isinstance(source, str | Path):
        source.seek(0)
    with open_video(source, limits=scorer.limits) as video:
        views = read_views(video, scorer.plan(video.info))
    pooled = scorer.token_features(views).mean(axis=0)
    return FeaturedScore(result, tuple(float(value) for value in pooled))


def describe_each(paths: Iterable[str | Path], *, scorer: Scorer) -> Iterator[FeaturedScore | FailedScore]:
    """Describe files one after another, in their order; a failure is the record of that file."""
    for path in paths:
        try:
            yield describe(path, scorer=scorer)
        except Exception as error:  # the contract of a batch: never abort
            yield FailedScore(str(path), str(error) or type(error).__name__, type(error).__name__)
