"""A process of Ray that scores files: it loads the model once and is given file after file."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sslvqa.scoring.batch import FailedScore, score_each
from sslvqa.scoring.result import ScoreKind, VideoScore
from sslvqa.scoring.scorer import Scorer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sslvqa.scoring.settings import ScorerSettings
    from sslvqa.video.raw import RawGeometry

__all__ = ["RayWorker", "WorkerFacts"]

_BATCHES_IN_HAND = 8


class WorkerFacts(NamedTuple):
    """What a worker says of itself when it is ready."""

    kind: ScoreKind
    files_at_once: int
    """How many files it likes to be given together: several where they share batches, else 1."""
    host: str


class RayWorker:
    """The actor. Nothing but a bug raises in :meth:`score`: a bad file is a record."""

    def start(
        self,
        model: str,
        settings: ScorerSettings,
        *,
        folder: str,
        timeline_seconds: float | None,
        geometry: RawGeometry | Mapping[str, RawGeometry] | None,
    ) -> WorkerFacts:
        """Load the model; ``folder`` is where relative paths start, if it exists on this machine.

        Raises:
            SslvqaError: As :class:`Scorer` does.
        """
        with contextlib.suppress(OSError):
            os.chdir(folder)
        self._scorer = scorer = Scorer(model, **settings)
        self._timeline_seconds, self._geometry = timeline_seconds, geometry
        files = max(scorer.batch * _BATCHES_IN_HAND // (scorer.clips * scorer.draws), 1)
        kind = replace(scorer.kind, timeline_seconds=timeline_seconds)
        return WorkerFacts(kind, files if scorer.joins_files else 1, socket.gethostname())

    def score(self, paths: Sequence[str]) -> list[VideoScore | FailedScore]:
        """Score files in their order."""
        return list(
            score_each(
                paths,
                scorer=self._scorer,
                timeline_seconds=self._timeline_seconds,
                geometry=self._geometry,
            )
        )
