"""After the last step: corpus statistics, calibration, interval, results, card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.data.datasets import read_centre_views
from sslvqa.errors import ConfigError, DataError
from sslvqa.evaluate import evaluate_predictions
from sslvqa.hub import (
    CalibrationCard,
    InputCard,
    IntervalCard,
    ManifestCard,
    ModelCard,
    ResultCard,
    ScaleCard,
    TrainingCard,
    save_model,
)
from sslvqa.hub.toml import dump_toml
from sslvqa.hub.weights import LoadedModel
from sslvqa.methods import Supervised
from sslvqa.nn.quality import SharedQualityModel, SingleQualityModel
from sslvqa.scoring import (
    Combiner,
    FailedScore,
    RawScores,
    Scorer,
    finish_each,
    fit_interval,
    fit_monotonic_map,
    fit_weight,
    store_golden,
)
from sslvqa.train.settings import portable_settings
from sslvqa.train.tables import limit_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from sslvqa.data.manifest import Manifest
    from sslvqa.methods import SslVqa
    from sslvqa.nn.quality import QualityModel
    from sslvqa.sampling import ViewGeometry
    from sslvqa.scoring import MonotonicMap, Reading
    from sslvqa.train.settings import RunConfig
    from sslvqa.train.start import Start
    from sslvqa.train.tables import Tables
    from sslvqa.train.train_config import OutputConfig, TrainConfig

__all__ = ["finish_model", "interval_card", "raw_scores", "result_card", "settings_text"]


_MAP_VIDEOS = 500
"""Labelled videos, drawn by the seed, that the maps to the label scale are fitted on at most: they have few
parameters, and to score all of 28 000 labelled videos would take longer than the training."""


def finish_model(
    method: SslVqa | Supervised, config: TrainConfig, tables: Tables, start: Start, out: Path
) -> ModelCard:
    """Store the final corpus statistics, calibrate on the training labels, and write the model directory.

    Interval and results come from the held-out calibration videos; without enough of them they are left out.

    Args:
        method: Trained; what predicts is written.
        config: Settings of the run; also put in the card.
        tables: Videos of the run.
        start: Architecture and where the weights came from.
        out: Model directory.
    """
    device = next(method.parameters()).device
    if isinstance(method, Supervised):
        model: QualityModel = SingleQualityModel(method.learned)
    else:
        method.set_corpus(_pristine_views(config, tables, start.architecture.geometry, device))
        model = SharedQualityModel.of(method.model) or method.model
    if isinstance(model, SharedQualityModel):
        start = replace(start, architecture=replace(start.architecture, kind="shared"))
    raw_card = _raw_card(config, tables, start)
    scorer = Scorer(LoadedModel(model, raw_card), device=str(device), combine="raw")
    card = _calibrate(raw_card, scorer, tables, coverage=config.output.coverage)
    save_model(out, model, card)
    return store_golden(out)


def _pristine_views(
    config: TrainConfig, tables: Tables, geometry: ViewGeometry, device: torch.device
) -> Iterator[Tensor]:
    for row in () if tables.pristine is None else tables.pristine.rows:
        yield read_centre_views(row, geometry, clips=config.corpus.final_clips, seed=config.runtime.seed).to(
            device
        )


def _raw_card(config: TrainConfig, tables: Tables, start: Start) -> ModelCard:
    """The card before calibration."""
    output = config.output
    names = ("labelled", "calibration", "pristine", "unlabelled")
    named = {name: getattr(tables, name) for name in names}
    return ModelCard(
        name=f"{start.architecture.name}.{output.tag}",
        description=output.description,
        licence=output.licence,
        architecture=start.architecture,
        input=InputCard(clips=output.clips),
        scale=label_scale(output, tables.labelled.scores),
        combine="raw",
        training=TrainingCard(
            method=Path(config.method).name,
            labelled=len(tables.labelled),
            unlabelled=0 if tables.unlabelled is None else len(tables.unlabelled),
            seed=config.runtime.seed,
            manifests=tuple(
                ManifestCard(name=name, sha256=table.sha256, rows=len(table))
                for name, table in named.items()
                if table is not None
            ),
            pretrained=None if config.init == "scratch" else Path(config.init).name,
            config=settings_text(config),
        ),
    )


def label_scale(output: OutputConfig, labels: Sequence[float]) -> ScaleCard:
    """The scale of the scores: as the settings say, else as far as the labels go.

    Raises:
        ConfigError: It would be empty.
    """
    minimum = min(labels) if output.minimum is None else output.minimum
    maximum = max(labels) if output.maximum is None else output.maximum
    if not minimum < maximum:
        raise ConfigError(
            f"the scale goes from {minimum:g} to {maximum:g}, with labels of {min(labels):g} to "
            f"{max(labels):g}; output.minimum must be below output.maximum"
        )
    return ScaleCard(label=output.label, kind=output.label_kind, minimum=minimum, maximum=maximum)


def settings_text(config: RunConfig) -> str:
    """The settings as TOML; of paths only the last part or none, as a card travels to other machines."""
    values = portable_settings(config)
    values["runtime"].pop("cache")
    return dump_toml(values)


def _calibrate(card: ModelCard, scorer: Scorer, tables: Tables, *, coverage: float) -> ModelCard:
    held = tables.calibration
    raw_held = raw_scores(scorer, held) if len(held) else None
    known = limit_rows(tables.labelled, _MAP_VIDEOS, card.training.seed)
    combiner = _fit_maps(raw_scores(scorer, known), known.scores, card.scale)
    if raw_held is not None:
        held_scores = _held_out_scores(combiner, raw_held, held)
        combiner = replace(combiner, weight=_fit_weight(combiner, raw_held, held.scores))
    regressor, distance = combiner.regressor, combiner.distance
    assert regressor is not None
    update: dict[str, object] = {
        "combine": "calibrated",
        "calibration": CalibrationCard(
            regressor=regressor.to_card(),
            distance=None if distance is None else distance.to_card(),
            weight=combiner.weight,
        ),
    }
    if raw_held is not None:
        update["interval"] = interval_card(held_scores, held, coverage=coverage)
        protocol = "contents held out from training, last epoch, no selection"
        update["results"] = (result_card(held_scores, held.scores, held, protocol=protocol),)
    return ModelCard.model_validate(card.model_copy(update=update).model_dump())


def _fit_maps(raw: RawScores, scores: Sequence[float], scale: ScaleCard) -> Combiner:
    """Fit maps to the label scale on every view, and a weight on the means of the same videos."""
    labels = np.asarray(scores)

    def fit(views: NDArray[np.float64]) -> MonotonicMap:
        repeated = np.repeat(labels, views.shape[1])
        return fit_monotonic_map(views.ravel(), repeated, minimum=scale.minimum, maximum=scale.maximum)

    regressor = fit(raw.q_r)
    if raw.q_d is None:
        return Combiner(regressor, None, 1.0)
    combiner = Combiner(regressor, fit(raw.q_d))
    return replace(combiner, weight=_fit_weight(combiner, raw, scores))


def _fit_weight(combiner: Combiner, raw: RawScores, scores: Sequence[float]) -> float:
    """The weight of Q_R for these videos: held-out ones, as a model is too sure of those it learned from."""
    mapped = combiner(*raw)
    return 1.0 if mapped.q_d is None else fit_weight(mapped.q_r.mean(axis=1), mapped.q_d.mean(axis=1), scores)


def _held_out_scores(combiner: Combiner, raw: RawScores, held: Manifest) -> NDArray[np.float64]:
    """Scores of held-out videos, the weight of each content's from the other contents.

    So no label has a part in the score that it is compared with.
    """
    mapped = combiner(*raw).mean(axis=1)
    if mapped.q_d is None:
        return mapped.score
    scores, labels = mapped.score.copy(), np.asarray(held.scores)
    contents = np.array([row.content for row in held.rows])
    for content in np.unique(contents):
        own = contents == content
        if own.all():
            break
        weight = fit_weight(mapped.q_r[~own], mapped.q_d[~own], labels[~own])
        scores[own] = weight * mapped.q_r[own] + (1 - weight) * mapped.q_d[own]
    return scores


def raw_scores(scorer: Scorer, table: Manifest) -> RawScores:
    """Raw scores of every view, each ``(videos, views)``.

    Raises:
        DataError: A video cannot be read, or gives scores that are not finite.
    """

    def views_of(reading: Reading, *, raw: RawScores | None) -> RawScores:
        return (scorer.raw(reading) if raw is None else raw).part(slice(None))

    raw_files = {str(row.path): row.geometry for row in table.rows if row.geometry is not None}
    found = []
    for item in finish_each([row.path for row in table.rows], views_of, scorer=scorer, geometry=raw_files):
        if isinstance(item, FailedScore):
            raise DataError(item.error)
        found.append(item)
    q_d = [item.q_d for item in found if item.q_d is not None]
    return RawScores(np.stack([item.q_r for item in found]), np.stack(q_d) if q_d else None)


def interval_card(scores: ArrayLike, held: Manifest, *, coverage: float) -> IntervalCard | None:
    """Fit the interval of scores to the labels of held-out videos; None with too few contents."""
    contents = [row.content for row in held.rows]
    interval = fit_interval(held.scores, scores, contents=contents, coverage=coverage)
    return None if interval is None else interval.to_card()


def result_card(scores: ArrayLike, wanted: ArrayLike, held: Manifest, *, protocol: str) -> ResultCard:
    """Compare scores of held-out videos with what they should be."""
    evaluation = evaluate_predictions(scores, wanted, contents=[row.content for row in held.rows])
    values = {name: item.value for name, item in evaluation.measures.items() if np.isfinite(item.value)}
    interval = evaluation.intervals["srocc"]
    return ResultCard(
        dataset=held.source.name,
        protocol=protocol,
        videos=evaluation.videos,
        contents=evaluation.contents,
        srocc_interval=None if interval is None else (interval.low, interval.high),
        **{name: values.get(name) for name in ("srocc", "plcc", "plcc_logistic", "krocc", "rmse")},
    )
