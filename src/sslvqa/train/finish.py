"""After the last step: corpus statistics, calibration, interval, results, card."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.data.datasets import read_centre_views
from sslvqa.evaluate import evaluate_predictions
from sslvqa.hub import (
    CalibrationCard,
    InputCard,
    ManifestCard,
    ModelCard,
    ResultCard,
    ScaleCard,
    TrainingCard,
    save_model,
)
from sslvqa.hub.toml import dump_toml
from sslvqa.hub.weights import LoadedModel
from sslvqa.scoring import Combiner, Scorer, fit_interval, fit_monotonic_map, fit_weight, store_golden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from sslvqa.data.manifest import Manifest
    from sslvqa.methods import SslVqa
    from sslvqa.train.config import TrainConfig
    from sslvqa.train.start import Start
    from sslvqa.train.tables import Tables

__all__ = ["finish_model"]


def finish_model(method: SslVqa, config: TrainConfig, tables: Tables, start: Start, out: Path) -> ModelCard:
    """Store the final corpus statistics, calibrate on the training labels, and write the model directory.

    Interval and results come from the held-out calibration videos; without enough of them they are left out.

    Args:
        method: Trained; its model is written.
        config: Settings of the run; also put in the card.
        tables: Videos of the run.
        start: Architecture and where the weights came from.
        out: Model directory.
    """
    geometry = start.architecture.geometry
    device = next(method.parameters()).device

    def pristine_views() -> Iterator[Tensor]:
        for row in tables.pristine.rows:
            yield read_centre_views(
                row, geometry, clips=config.corpus.final_clips, seed=config.runtime.seed
            ).to(device)

    method.set_corpus(pristine_views())
    raw_card = _raw_card(config, tables, start)
    scorer = Scorer(LoadedModel(method.model, raw_card), device=str(device), combine="raw")
    card = _calibrate(raw_card, scorer, tables, coverage=config.output.coverage)
    save_model(out, method.model, card)
    return store_golden(out)


def _raw_card(config: TrainConfig, tables: Tables, start: Start) -> ModelCard:
    """The card before calibration."""
    output, labels = config.output, tables.labelled.scores
    minimum = min(labels) if output.minimum is None else output.minimum
    maximum = max(labels) if output.maximum is None else output.maximum
    named = {"labelled": tables.labelled, "calibration": tables.calibration, "pristine": tables.pristine}
    if tables.unlabelled is not None:
        named["unlabelled"] = tables.unlabelled
    return ModelCard(
        name=f"{start.architecture.name}.{output.tag}",
        description=output.description,
        licence=output.licence,
        architecture=start.architecture,
        input=InputCard(clips=output.clips),
        scale=ScaleCard(label=output.label, kind=output.label_kind, minimum=minimum, maximum=maximum),
        combine="raw",
        training=TrainingCard(
            method=config.method,
            labelled=len(tables.labelled),
            unlabelled=0 if tables.unlabelled is None else len(tables.unlabelled),
            seed=config.runtime.seed,
            manifests=tuple(
                ManifestCard(name=name, sha256=table.sha256, rows=len(table)) for name, table in named.items()
            ),
            pretrained=None if config.init == "scratch" else Path(config.init).name,
            config=_settings_text(config),
        ),
    )


def _settings_text(config: TrainConfig) -> str:
    """The settings as TOML; of paths only the last part, as a card travels to other machines."""
    values = dataclasses.asdict(config)
    for key in ("labels", "pristine", "unlabelled", "init", "out"):
        values[key] = None if values[key] is None else Path(values[key]).name
    values["labels_table"]["root"] = None
    return dump_toml(values)


def _calibrate(card: ModelCard, scorer: Scorer, tables: Tables, *, coverage: float) -> ModelCard:
    scale = card.scale
    raw = _raw_scores(scorer, tables.labelled)
    labels = np.asarray(tables.labelled.scores)
    regressor, distance = (
        fit_monotonic_map(
            views.ravel(), np.repeat(labels, views.shape[1]), minimum=scale.minimum, maximum=scale.maximum
        )
        for views in raw
    )
    q_r, q_d = (fitted(views).mean(axis=1) for fitted, views in zip((regressor, distance), raw, strict=True))
    combiner = Combiner(regressor, distance, fit_weight(q_r, q_d, labels))
    update: dict[str, object] = {
        "combine": "calibrated",
        "calibration": CalibrationCard(
            regressor=regressor.to_card(), distance=distance.to_card(), weight=combiner.weight
        ),
    }
    held = tables.calibration
    if len(held):
        scores = combiner(*_raw_scores(scorer, held)).score.mean(axis=1)
        contents = [row.content for row in held.rows]
        interval = fit_interval(held.scores, scores, contents=contents, coverage=coverage)
        update["interval"] = None if interval is None else interval.to_card()
        update["results"] = (_result(scores, held, contents),)
    return ModelCard.model_validate(card.model_copy(update=update).model_dump())


def _raw_scores(scorer: Scorer, table: Manifest) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Q_R and Q_D of every view, each ``(videos, views)``."""
    raw = [scorer.raw(row.path, geometry=row.geometry) for row in table.rows]
    return np.stack([item.q_r.ravel() for item in raw]), np.stack([item.q_d.ravel() for item in raw])


def _result(scores: NDArray[np.float64], held: Manifest, contents: list[str]) -> ResultCard:
    evaluation = evaluate_predictions(scores, held.scores, contents=contents)
    values = {name: item.value for name, item in evaluation.measures.items() if np.isfinite(item.value)}
    interval = evaluation.intervals["srocc"]
    return ResultCard(
        dataset=held.source.name,
        protocol="contents held out from training, last epoch, no selection",
        videos=evaluation.videos,
        contents=evaluation.contents,
        srocc_interval=None if interval is None else (interval.low, interval.high),
        **{name: values.get(name) for name in ("srocc", "plcc", "plcc_logistic", "krocc", "rmse")},
    )
