"""After the last step of a distillation: agreement with the teacher, interval, card."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.hub import (
    IntervalCard,
    ManifestCard,
    ModelCard,
    ResultCard,
    TeacherCard,
    TrainingCard,
    load_model,
    save_model,
)
from sslvqa.hub.weights import LoadedModel
from sslvqa.scoring import Combined, ConformalInterval, Scorer, store_golden, widen_interval
from sslvqa.train.finish import interval_card, raw_scores, result_card, settings_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sslvqa.data.manifest import Manifest
    from sslvqa.hub import Architecture
    from sslvqa.methods import Distil
    from sslvqa.train.distil_config import DistilConfig

__all__ = ["finish_student"]

_logger = logging.getLogger(__name__)


def finish_student(
    method: Distil,
    config: DistilConfig,
    learned: Manifest,
    held: Manifest,
    architecture: Architecture,
    *,
    labelled: Manifest | None = None,
) -> ModelCard:
    """Compare student and teacher on the held-out videos, and write the model directory, ``out/model``.

    Scale, calibration, sampling and limits are the teacher's. The interval is fitted to labels, where there
    are any; else it is the teacher's, by the student's scores, widened so that it holds the teacher's. With
    too few contents for either, it is left out.

    Args:
        method: Trained.
        config: Settings of the run; also put in the card.
        learned: Videos of the run.
        held: Videos to compare on.
        architecture: The student's.
        labelled: Videos with labels, of contents that neither learned from.
    """
    out = Path(config.out) / "model"
    device = str(next(method.parameters()).device)
    loaded = load_model(config.teacher)
    tables = {"unlabelled": learned, "held_out": held}
    if labelled is not None:
        tables["calibration"] = labelled
    model, card = method.distilled(), _blank_card(config, loaded.card, architecture, tables)
    student, teacher = (
        Scorer(LoadedModel(network, own), device=device) for network, own in ((model, card), loaded)
    )
    mine, theirs = _video_scores(student, held), _video_scores(teacher, held)
    results = _results(mine, theirs, held, teacher=loaded.card.name)
    _logger.info("SROCC to the teacher on %d held-out contents: %s", len(held.contents), results[0].srocc)
    if labelled is None:
        interval = _wider_interval(config, loaded.card, mine, theirs, held)
    else:
        scores = _video_scores(student, labelled).score
        coverage = 0.9 if loaded.card.interval is None else loaded.card.interval.coverage
        raw = loaded.card.combine == "raw"  # a score without a scale
        interval = None if raw else interval_card(scores, labelled, coverage=coverage)
        protocol = "contents held out from distillation, and from its teacher as the run was told"
        results.append(result_card(scores, labelled.scores, labelled, protocol=protocol))
    update = {"results": tuple(results), "interval": interval}
    save_model(out, model, ModelCard.model_validate(card.model_copy(update=update).model_dump()))
    return store_golden(out)


def _blank_card(
    config: DistilConfig, teacher: ModelCard, architecture: Architecture, tables: Mapping[str, Manifest]
) -> ModelCard:
    """The card before the comparison."""
    about = (
        f"A student of {teacher.name}: it imitates that model, mistakes included; nobody rated its videos."
    )
    return ModelCard(
        name=f"{architecture.name}.{config.tag}",
        description=config.description or f"Student of {teacher.name}: one network instead of two.",
        licence=teacher.licence if config.licence is None else config.licence,
        limits=(about, *teacher.limits),
        architecture=architecture,
        input=teacher.input,
        scale=teacher.scale,
        combine=teacher.combine,
        calibration=teacher.calibration,
        training=TrainingCard(
            method="distil",
            labelled=0,
            unlabelled=len(tables["unlabelled"]),
            seed=config.runtime.seed,
            manifests=tuple(
                ManifestCard(name=name, sha256=table.sha256, rows=len(table))
                for name, table in tables.items()
            ),
            pretrained=None if config.init == "scratch" else Path(config.init).name,
            teacher=TeacherCard(name=teacher.name, sha256=teacher.weights_sha256),
            config=settings_text(config),
        ),
    )


def _video_scores(scorer: Scorer, table: Manifest) -> Combined:
    """Scores of videos, each ``(videos,)``."""
    return scorer.combiner(*raw_scores(scorer, table)).mean(axis=1)


def _results(mine: Combined, theirs: Combined, held: Manifest, *, teacher: str) -> list[ResultCard]:
    """How well the score, Q_R and Q_D agree with the teacher's."""
    protocol = "{} of " + teacher + " imitated, on contents held out from distillation; these are not labels"
    return [
        result_card(ours, other, held, protocol=protocol.format(name))
        for name, ours, other in zip(("score", "Q_R", "Q_D"), mine, theirs, strict=True)
        if ours is not None and other is not None
    ]


def _wider_interval(
    config: DistilConfig, teacher: ModelCard, mine: Combined, theirs: Combined, held: Manifest
) -> IntervalCard | None:
    if teacher.interval is None:
        return None
    own = ConformalInterval.from_card(teacher.interval)
    distances, contents = np.abs(theirs.score - mine.score), [row.content for row in held.rows]
    wider = widen_interval(own, distances, contents=contents, share=config.interval_share)
    return None if wider is None else wider.to_card()
