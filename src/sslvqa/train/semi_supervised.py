"""Stage two: a quality model from few labelled and many unlabelled videos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sslvqa.data.datasets import VideoDataset, read_centre_views
from sslvqa.data.loaders import PartPlan, RunPlan
from sslvqa.evaluate.correlation import srocc
from sslvqa.hub.names import build_model
from sslvqa.methods import Compute, SslVqa, keep_local
from sslvqa.scoring.runtime import pick_device
from sslvqa.train.checkpoint import find_checkpoint
from sslvqa.train.distributed import gather_rows, join_world, main_first
from sslvqa.train.engine import Run, fit
from sslvqa.train.finish import finish_model
from sslvqa.train.start import fingerprint, open_run, read_start, seeded, start_patches
from sslvqa.train.tables import read_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sslvqa.methods import Gather
    from sslvqa.sampling import ViewGeometry
    from sslvqa.train.config import TrainConfig
    from sslvqa.train.start import Start
    from sslvqa.train.tables import Tables

__all__ = ["train"]


def train(config: TrainConfig, *, resume: bool = False, tables: Tables | None = None) -> Path:
    """Learn a quality model with SSL-VQA, calibrate it, and write it.

    The weights are those after the last step: nothing is selected on labels.

    Args:
        config: The settings; written to ``out/config.toml``.
        resume: Continue the run in ``out``.
        tables: The videos, when they are read already: then the paths in ``config`` are but their names.

    Returns:
        The model directory, ``out/model``, which ``sslvqa score --model`` takes.

    Raises:
        ConfigError: Settings that cannot work.
        ManifestError: A table is malformed.
        DataError: The videos cannot serve.
        Interrupted: After SIGTERM or Ctrl-C.
    """
    device = pick_device(config.runtime.device)
    with join_world(device) as world:
        with main_first(world):
            folder = open_run(config, resume=resume, world=world)
        tables = read_tables(config) if tables is None else tables
        start = read_start(config.init, config.architecture)
        method = build_ssl_vqa(config, start, gather=keep_local if world.size == 1 else gather_rows).to(
            device
        )
        parts = _datasets(config, tables, start.architecture.geometry)
        if start.regressor is None and find_checkpoint(folder) is None:
            model = method.model
            start_patches([model.regressor.backbone, model.distance.backbone], parts["labelled"])
        run = Run(
            folder=folder,
            plan=_plan(config, tables),
            parts=parts,
            optim=config.optim,
            runtime=config.runtime,
            fingerprint=fingerprint(config, *tables.hashes),
            refresh_steps=config.corpus.refresh_steps,
            title="train",
        )
        fit(
            method,
            run,
            resume=resume,
            world=world,
            on_epoch=_validation(config, tables, method, start.architecture.geometry) if world.main else None,
        )
        if world.main:
            finish_model(method, config, tables, start, folder / "model")
    return folder / "model"


def build_ssl_vqa(config: TrainConfig, start: Start, *, gather: Gather = keep_local) -> SslVqa:
    """The method with its two models, from the seed or the initial weights."""
    with seeded(config.runtime.seed, "networks"):
        model = build_model(start.architecture)
    start.apply(model.regressor.backbone, start.regressor)
    start.apply(model.distance.backbone, start.distance)
    start.apply(model.regressor.head, start.head)
    return SslVqa(
        model,
        plcc=config.loss.plcc,
        consistency=config.loss.consistency,
        transfer=config.loss.transfer,
        consistency_weight=config.loss.consistency_weight,
        transfer_weight=config.loss.transfer_weight,
        supervised_views=config.loss.supervised_views,
        temperature=config.loss.temperature,
        compute=Compute(bf16=config.runtime.precision == "bf16", chunk=config.runtime.chunk),
        gather=gather,
    )


def _datasets(config: TrainConfig, tables: Tables, geometry: ViewGeometry) -> dict[str, VideoDataset]:
    seed, pair = config.runtime.seed, config.pair
    parts = {
        "labelled": VideoDataset(tables.labelled.rows, geometry, preset=pair, seed=seed),
        "corpus": VideoDataset(tables.pristine.rows, geometry, views=1, seed=seed),
    }
    if tables.unlabelled is not None:
        parts["unlabelled"] = VideoDataset(tables.unlabelled.rows, geometry, preset=pair, seed=seed)
    return parts


def _plan(config: TrainConfig, tables: Tables) -> RunPlan:
    labelled = PartPlan(len(tables.labelled), config.labelled_batch)
    corpus = PartPlan(len(tables.pristine), config.corpus.clips, once_per_epoch=True, shared=True)
    parts = {"labelled": labelled, "corpus": corpus}
    if tables.unlabelled is not None:
        parts["unlabelled"] = PartPlan(len(tables.unlabelled), config.unlabelled_batch)
    steps_per_epoch = -(-labelled.size // labelled.taken)
    total = steps_per_epoch * config.epochs
    return RunPlan(
        parts=parts,
        steps_per_epoch=steps_per_epoch,
        total_steps=total if config.max_steps is None else min(total, config.max_steps),
        seed=config.runtime.seed,
    )


def _validation(
    config: TrainConfig, tables: Tables, method: SslVqa, geometry: ViewGeometry
) -> Callable[[int], Mapping[str, float]] | None:
    """Rank correlation of one clip a held-out video, for the record only; None when there are none."""
    rows = tables.calibration.rows
    if not config.validate_epochs or len(set(tables.calibration.scores)) < 2:
        return None

    def validate(epoch: int) -> Mapping[str, float]:
        if epoch % config.validate_epochs:
            return {}
        device = next(method.parameters()).device
        scores = [
            method.predict_parts(read_centre_views(row.path, geometry, clips=1, seed=0).to(device))
            for row in rows
        ]
        q_r, q_d = (torch.cat([score[index] for score in scores]).double().cpu().numpy() for index in (0, 1))
        labels = tables.calibration.scores
        return {"srocc_r": srocc(q_r, labels).value, "srocc_d": srocc(q_d, labels).value}

    return validate
