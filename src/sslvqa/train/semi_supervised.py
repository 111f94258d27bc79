"""Stage two: a quality model from few labelled and many unlabelled videos, by SSL-VQA or a baseline."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sslvqa.data.datasets import GroupDataset, VideoDataset, read_centre_views
from sslvqa.data.loaders import PartPlan, RunPlan
from sslvqa.evaluate.correlation import srocc
from sslvqa.methods import keep_local
from sslvqa.nn.quality import RegressorModel, join_scores
from sslvqa.nn.swin3d import SwinBackbone
from sslvqa.scoring.runtime import pick_device
from sslvqa.train.build import build_method, compute_of, settled
from sslvqa.train.checkpoint import find_checkpoint
from sslvqa.train.distributed import gather_rows, join_world, local_device, main_first
from sslvqa.train.engine import Run, fit
from sslvqa.train.finish import finish_model, label_scale
from sslvqa.train.footage import Footage
from sslvqa.train.head import Reading, fit_head, train_head
from sslvqa.train.start import fingerprint, open_run, read_start, start_patches
from sslvqa.train.tables import read_tables
from sslvqa.train.train_config import WITH_DISTANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sslvqa.hub import ModelKind
    from sslvqa.methods import Method, SslVqa, Supervised
    from sslvqa.sampling import ViewGeometry
    from sslvqa.train.start import Start
    from sslvqa.train.tables import Tables
    from sslvqa.train.train_config import TrainConfig
    from sslvqa.video import RawGeometry

__all__ = ["train"]


def train(config: TrainConfig, *, resume: bool = False, tables: Tables | None = None) -> Path:
    """Learn a quality model, calibrate it, and write it.

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
    config = replace(config, runtime=settled(config.runtime))
    device = local_device(pick_device(config.runtime.device))
    with join_world(device) as world:
        with main_first(world):
            folder = open_run(config, resume=resume, world=world)
        tables = read_tables(config) if tables is None else tables
        label_scale(config.output, tables.labelled.scores)  # refused now, not after the training
        kind: ModelKind = "pair" if config.method in WITH_DISTANCE else "regressor"
        start = read_start(config.init, config.architecture, kind=kind)
        if start.head is None and config.head.moments:
            start = replace(start, architecture=start.architecture.with_moments())
        method = build_method(config, start, gather=keep_local if world.size == 1 else gather_rows).to(device)
        geometry = start.architecture.geometry
        footage = Footage(_files(tables), geometry=geometry, runtime=config.runtime, device=device)
        parts = _datasets(config, tables, geometry, footage)
        if find_checkpoint(folder) is None:
            _prepare(config, method, start, parts, footage)
        run = Run(
            folder=folder,
            plan=_plan(config, tables),
            parts=parts,
            optim=config.optim,
            runtime=config.runtime,
            fingerprint=fingerprint(config, *tables.hashes),
            footage=footage,
            refresh_steps=config.corpus.refresh_steps,
            title="train",
        )
        fit(
            method,
            run,
            resume=resume,
            world=world,
            on_epoch=_validation(config, tables, method, geometry) if world.main else None,
        )
        if world.main:
            finish_model(method, config, tables, start, folder / "model")
    return folder / "model"


def _files(tables: Tables) -> dict[Path, RawGeometry | None]:
    """All videos that steps are made of."""
    manifests = (tables.labelled, tables.pristine, tables.unlabelled)
    files = {row.path: row.geometry for table in manifests if table is not None for row in table.rows}
    return files | dict.fromkeys(path for group in tables.groups for path in group.paths)


def _prepare(
    config: TrainConfig,
    method: Method,
    start: Start,
    parts: Mapping[str, VideoDataset | GroupDataset],
    footage: Footage,
) -> None:
    """What random weights gain from a look at the videos; the same in every process."""
    labelled = parts["labelled"]
    assert isinstance(labelled, VideoDataset)
    if start.regressor is None:
        start_patches(
            [part for part in method.modules() if isinstance(part, SwinBackbone)], labelled, footage
        )
    regressor, *copies = [part for part in method.modules() if isinstance(part, RegressorModel)]
    reading = Reading(compute_of(config.runtime), footage, config.runtime.workers)
    if start.head is None and config.fit_head:
        fit_head(regressor, labelled, reading=reading)
    if config.head.epochs:
        train_head(
            regressor,
            labelled,
            config.head,
            reading=reading,
            plcc=config.loss.plcc,
            weight_decay=config.optim.weight_decay,
            seed=config.runtime.seed,
            learned=start.head is not None,
        )
    for copy in copies:  # teachers start where their students do
        copy.head.load_state_dict(regressor.head.state_dict())


def _datasets(
    config: TrainConfig, tables: Tables, geometry: ViewGeometry, footage: Footage
) -> dict[str, VideoDataset | GroupDataset]:
    common: dict[str, Any] = {"seed": config.runtime.seed, "cache": footage.cache, "held": footage.held}
    parts: dict[str, VideoDataset | GroupDataset] = {
        "labelled": VideoDataset(
            tables.labelled.rows, geometry, preset=config.pair, turned=config.turned, **common
        )
    }
    if tables.pristine is not None:
        parts["corpus"] = VideoDataset(tables.pristine.rows, geometry, views=1, **common)
    if tables.unlabelled is not None:
        parts["unlabelled"] = VideoDataset(tables.unlabelled.rows, geometry, preset=config.pair, **common)
    if tables.groups:
        parts["groups"] = GroupDataset(
            tables.groups, geometry, versions=config.group_versions, views=1, preset=config.pair, **common
        )
    return parts


def _plan(config: TrainConfig, tables: Tables) -> RunPlan:
    labelled = PartPlan(len(tables.labelled), config.labelled_batch)
    parts = {"labelled": labelled}
    if tables.pristine is not None:
        parts["corpus"] = PartPlan(
            len(tables.pristine), config.corpus.clips, once_per_epoch=True, shared=True
        )
    if tables.unlabelled is not None:
        parts["unlabelled"] = PartPlan(len(tables.unlabelled), config.unlabelled_batch)
    if tables.groups:
        parts["groups"] = PartPlan(len(tables.groups), config.groups_batch)
    steps_per_epoch = -(-labelled.size // labelled.taken)
    total = steps_per_epoch * config.epochs
    return RunPlan(
        parts=parts,
        steps_per_epoch=steps_per_epoch,
        total_steps=total if config.max_steps is None else min(total, config.max_steps),
        seed=config.runtime.seed,
    )


def _validation(
    config: TrainConfig, tables: Tables, method: SslVqa | Supervised, geometry: ViewGeometry
) -> Callable[[int], Mapping[str, float]] | None:
    """Rank correlation of one clip a held-out video, for the record only; None when there are none."""
    rows = tables.calibration.rows
    if not config.validate_epochs or len(set(tables.calibration.scores)) < 2:
        return None

    def validate(epoch: int) -> Mapping[str, float]:
        if epoch % config.validate_epochs:
            return {}
        device = next(method.parameters()).device
        scores = join_scores(
            [
                method.predict_parts(read_centre_views(row, geometry, clips=1, seed=0).to(device))
                for row in rows
            ]
        )
        labels = tables.calibration.scores
        return {
            f"srocc_{name}": srocc(values.double().cpu().numpy(), labels).value
            for name, values in zip("rd", scores, strict=True)
            if values is not None
        }

    return validate
