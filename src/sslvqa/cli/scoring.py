"""Where a command scores: in this process, or on Ray."""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sslvqa.scoring import FailedScore, ScoreKind, Scorer, ScorerSettings, VideoScore
    from sslvqa.video import RawGeometry

__all__ = ["Scoring", "open_scoring"]


class Scoring(NamedTuple):
    """What scores."""

    kind: Callable[[], ScoreKind]
    score_each: Callable[[Any], Iterator[VideoScore | FailedScore]]
    """Takes the files; on Ray, paths only."""
    scorer: Scorer | None
    """Of this process; None on Ray."""
    stdout: TextIO
    """Where results go, if not to a file."""


@contextmanager
def open_scoring(
    model: str,
    settings: ScorerSettings,
    *,
    ray: str | None,
    ray_workers: int | None,
    timeline_seconds: float | None,
    geometry: RawGeometry | None,
) -> Iterator[Scoring]:
    """Load the model here, or start workers on the Ray at an address.

    Ray prints to ``sys.stdout`` when a worker dies, whatever its logging is told; with it, that is stderr.
    """
    from sslvqa.scoring import RayPool, Scorer, score_each

    stdout = sys.stdout
    if ray is None:
        scorer = Scorer(model, **settings)
        score = partial(score_each, scorer=scorer, timeline_seconds=timeline_seconds, geometry=geometry)
        yield Scoring(lambda: scorer.kind, score, scorer, stdout)
        return
    with (
        redirect_stdout(sys.stderr),
        RayPool(
            model,
            workers=ray_workers,
            address=ray,
            timeline_seconds=timeline_seconds,
            geometry=geometry,
            **settings,
        ) as pool,
    ):
        yield Scoring(lambda: pool.kind, pool.score_each, None, stdout)
