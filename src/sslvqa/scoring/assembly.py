"""The result of one video, from what was read of it and the raw scores of its views."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch

from sslvqa import __version__
from sslvqa.scoring.cautions import cautions
from sslvqa.scoring.result import ClipScore, Interval, Provenance, ScoreKind, VideoScore
from sslvqa.scoring.windows import clip_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sslvqa.hub.card import ModelCard
    from sslvqa.scoring.combine import Combine, Combined, Combiner
    from sslvqa.scoring.interval import ConformalInterval
    from sslvqa.scoring.reading import RawScores, Reading

__all__ = ["Assembler", "score_kind"]


def score_kind(
    card: ModelCard, *, combine: Combine, seed: int, clips: int, draws: int, precision: str
) -> ScoreKind:
    """What all scores share that are made in this way, with the clips as their timeline."""
    return ScoreKind(
        weights_sha256=card.weights_sha256,
        combine=combine,
        seed=seed,
        clips=clips,
        draws=draws,
        precision=precision,
        scale=_scale_in_words(card, combine),
        card_sha256=_sha256_of_what_counts(card),
    )


@dataclass(frozen=True, slots=True)
class Assembler:
    """Makes the results of one scorer."""

    card: ModelCard
    kind: ScoreKind
    combiner: Combiner
    interval: ConformalInterval | None
    device: str

    def __call__(self, reading: Reading, raw: RawScores, *, backend: str) -> VideoScore:
        """Make the result of one video.

        Args:
            reading: What was read of it.
            raw: Of all its views, in a row.
            backend: What ran the networks.
        """
        used, shape = len(reading.plans), (self.kind.clips, self.kind.draws)
        of_clips, of_windows = raw.part(slice(used), shape), raw.part(slice(used, None))
        views = self.combiner(of_clips.q_r, of_clips.q_d)
        score, q_r = float(views.score.mean()), float(views.q_r.mean())
        q_d = None if views.q_d is None else float(views.q_d.mean())
        if reading.windows:
            spans = [(window.start_seconds, window.end_seconds) for window in reading.windows]
            timeline = self._timeline(spans, self.combiner(of_windows.q_r, of_windows.q_d))
        else:
            clips = [plan.clip for plan in reading.plans[:: self.kind.draws]]
            spans = [clip_span(clip, reading.timestamps_seconds, reading.info) for clip in clips]
            timeline = self._timeline(spans, views.mean(axis=1))
        return VideoScore(
            path=reading.info.path,
            score=score,
            scale=self.kind.scale,
            spread=float(views.score.std()),
            disagreement=None if q_d is None else abs(q_r - q_d),
            interval=self._interval(score),
            q_r=q_r,
            q_d=q_d,
            raw_q_r=float(of_clips.q_r.mean()),
            raw_q_d=None if of_clips.q_d is None else float(of_clips.q_d.mean()),
            timeline=timeline,
            video=reading.info,
            provenance=self._provenance(reading, backend),
            warnings=(*reading.warnings, *cautions(reading, self.card.architecture.geometry)),
        )

    def _timeline(self, spans: Sequence[tuple[float, float]], scores: Combined) -> tuple[ClipScore, ...]:
        q_d = [None] * len(spans) if scores.q_d is None else scores.q_d.tolist()
        rows = zip(spans, scores.score.tolist(), scores.q_r.tolist(), q_d, strict=True)
        return tuple(
            ClipScore(start, end, value, r, d, self._interval(value)) for (start, end), value, r, d in rows
        )

    def _interval(self, score: float) -> Interval | None:
        if self.interval is None:
            return None
        scale = self.card.scale
        low, high = self.interval.bounds(score, minimum=scale.minimum, maximum=scale.maximum)
        return Interval(low, high, self.interval.coverage)

    def _provenance(self, reading: Reading, backend: str) -> Provenance:
        kind = self.kind
        return Provenance(
            model=self.card.name,
            weights_sha256=kind.weights_sha256,
            package_version=__version__,
            torch_version=torch.__version__,
            device=self.device,
            backend=backend,
            precision=kind.precision,
            combine=kind.combine,
            seed=kind.seed,
            clips=kind.clips,
            draws=kind.draws,
            clip_starts=tuple(plan.clip.indices[0] for plan in reading.plans[:: kind.draws]),
            card_sha256=kind.card_sha256,
            timeline_seconds=reading.timeline_seconds,
        )


def _scale_in_words(card: ModelCard, combine: Combine) -> str:
    if combine == "raw":
        if card.architecture.kind == "regressor":
            return "raw Q_R (arbitrary scale): good for ranking only"
        return "raw mean of Q_R (arbitrary scale) and Q_D (0..1): good for ranking only"
    scale = card.scale
    return f"{scale.label} {scale.minimum:g}..{scale.maximum:g}: {scale.kind}"


def _sha256_of_what_counts(card: ModelCard) -> str:
    """Hash of what decides the number beside the weights; not of names, results, defaults of the sampling."""
    counts = card.model_dump(mode="json", include={"scale", "calibration", "interval"}, exclude_defaults=True)
    counts["geometry"] = asdict(card.architecture.geometry)
    return hashlib.sha256(json.dumps(counts, sort_keys=True).encode()).hexdigest()
