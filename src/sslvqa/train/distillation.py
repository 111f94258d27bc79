"""A student: one network that gives the scores of a model with two, learned from videos without labels."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from sslvqa.data.datasets import ItemKey, VideoDataset, read_centre_views
from sslvqa.data.loaders import PartPlan, RunPlan
from sslvqa.errors import ConfigError
from sslvqa.evaluate.correlation import srocc
from sslvqa.hub import build_single, load_model
from sslvqa.methods import Distil, keep_local
from sslvqa.nn.quality import join_scores
from sslvqa.nn.swin3d import SwinBackbone
from sslvqa.scoring import Combined, Combiner
from sslvqa.scoring.backends import make_runtime
from sslvqa.scoring.runtime import pick_device, run_views, views_at_once
from sslvqa.train.build import compute_of, settled
from sslvqa.train.checkpoint import find_checkpoint
from sslvqa.train.distributed import gather_rows, join_world, local_device, main_first
from sslvqa.train.engine import Run, fit
from sslvqa.train.finish_student import finish_student
from sslvqa.train.footage import Footage
from sslvqa.train.start import Start, fingerprint, open_run, read_start, seeded, start_patches
from sslvqa.train.tables import divide_videos, read_held_out_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sslvqa.data.manifest import Manifest
    from sslvqa.hub import LoadedModel, ModelKind
    from sslvqa.methods import Gather
    from sslvqa.nn.quality import QualityScores
    from sslvqa.train.distil_config import DistilConfig

__all__ = ["build_distil", "distil"]

_SCALE_ITEMS = 32


def distil(config: DistilConfig, *, resume: bool = False) -> Path:
    """Learn a student and write it, with its agreement with the teacher on videos it has not seen.

    Its scores are on the teacher's scale, by the teacher's calibration. It has one network where a pair has
    two, and no covariance to factorise. The weights are those after the last step: nothing is selected.

    Args:
        config: The settings; written to ``out/config.toml``.
        resume: Continue the run in ``out``.

    Returns:
        The model directory, ``out/model``.

    Raises:
        ConfigError: Settings that cannot work.
        ModelError: The teacher cannot be used.
        ManifestError: The table is malformed.
        DataError: The videos cannot serve.
        Interrupted: After SIGTERM or Ctrl-C.
    """
    config = replace(config, runtime=settled(config.runtime))
    device = local_device(pick_device(config.runtime.device))
    with join_world(device) as world:
        teacher = load_model(config.teacher)
        start = _read_start(config, teacher)
        with main_first(world):
            folder = open_run(config, resume=resume, world=world)
        learned, held = divide_videos(
            config.videos, limit=config.limit, fraction=config.held_out, seed=config.runtime.seed
        )
        labelled = None if config.labels is None else read_held_out_labels(config.labels, learned)
        hashes = [table.sha256 for table in (learned, held, labelled) if table is not None]
        score = _teacher_scores(teacher, device)
        method = build_distil(config, start, score, gather=keep_local if world.size == 1 else gather_rows)
        method.to(device)
        geometry = start.architecture.geometry
        footage = Footage(
            {row.path: row.geometry for row in learned.rows},
            geometry=geometry,
            runtime=config.runtime,
            device=device,
        )
        dataset = VideoDataset(
            learned.rows,
            geometry,
            preset=config.pair,
            seed=config.runtime.seed,
            cache=footage.cache,
            held=footage.held,
        )
        if find_checkpoint(folder) is None:
            _set_up(method, dataset, start, footage)
        run = Run(
            folder=folder,
            plan=_plan(config, len(learned)),
            parts={"unlabelled": dataset},
            optim=config.optim,
            runtime=config.runtime,
            fingerprint=fingerprint(config, teacher.card.weights_sha256, *hashes),
            footage=footage,
            title="distil",
        )
        validate = _validation(config, held, method, score, teacher) if world.main else None
        fit(method, run, resume=resume, world=world, on_epoch=validate)
        if world.main:
            finish_student(method, config, learned, held, start.architecture, labelled=labelled)
    return folder / "model"


def build_distil(
    config: DistilConfig,
    start: Start,
    teacher: Callable[[torch.Tensor], QualityScores],
    *,
    gather: Gather = keep_local,
) -> Distil:
    """The method with its student, from the seed or the initial weights."""
    with seeded(config.runtime.seed, "networks"):
        model = build_single(start.architecture)
    start.apply(model.regressor.backbone, start.regressor)
    start.apply(model.regressor.head, start.head)
    return Distil(
        model,
        teacher,
        order_weight=config.order_weight,
        head_first=0.0 if start.head is None else config.head_first,
        compute=compute_of(config.runtime),
        gather=gather,
    )


def _teacher_scores(teacher: LoadedModel, device: torch.device) -> Callable[[torch.Tensor], QualityScores]:
    """The teacher as a function of any number of uint8 views, in torch: the same numbers on every machine."""
    batch = views_at_once(device)
    runtime = make_runtime(
        teacher.model.to(device),
        geometry=teacher.card.architecture.geometry,
        device=device,
        backend="torch",
        precision="fp32",
        batch=batch,
    )
    return partial(run_views, runtime, batch=batch)


def _read_start(config: DistilConfig, teacher: LoadedModel) -> Start:
    """Where the student starts, without random depth or dropout: it is to give the same number as another.

    Raises:
        ConfigError: The start has other views than the teacher, or no coverage would be left.
    """
    card = teacher.card
    if card.interval is not None and config.interval_share <= 1 - card.interval.coverage:
        raise ConfigError(
            f"interval_share is {config.interval_share}, but {card.name} has a coverage of "
            f"{card.interval.coverage}; give a share above {1 - card.interval.coverage:.3g}"
        )
    if config.init == "scratch":
        start = Start(card.architecture)
    else:
        start = read_start(
            config.teacher if config.init == "teacher" else config.init, card.architecture.name
        )
    own = start.architecture
    if own.geometry != card.architecture.geometry:
        raise ConfigError(
            f"init {config.init!r} has views of {own.geometry}, the teacher {card.architecture.geometry}; "
            "they must be the same, as both score the same views"
        )
    steady = replace(own.backbone, drop_path=0.0)
    kind: ModelKind = "regressor" if card.architecture.kind == "regressor" else "student"
    return replace(
        start,
        architecture=replace(own, kind=kind, head_dropout=0.0, backbone=steady),
        head=start.head if config.init == "teacher" else None,  # another one has another scale
    )


def _set_up(method: Distil, dataset: VideoDataset, start: Start, footage: Footage) -> None:
    """Before the first step: patches of a network from scratch, and the scale of the teacher's scores."""
    if start.regressor is None:
        start_patches([part for part in method.modules() if isinstance(part, SwinBackbone)], dataset, footage)
    count = min(len(dataset), _SCALE_ITEMS)
    places = [index * len(dataset) // count for index in range(count)]
    views = torch.cat([footage(dataset[ItemKey("scale", 0, place)].views) for place in places])
    method.set_scale(views, same_regressor=start.head is not None)


def _plan(config: DistilConfig, videos: int) -> RunPlan:
    part = PartPlan(videos, config.batch)
    steps_per_epoch = -(-part.size // part.taken)
    total = steps_per_epoch * config.epochs
    return RunPlan(
        parts={"unlabelled": part},
        steps_per_epoch=steps_per_epoch,
        total_steps=total if config.max_steps is None else min(total, config.max_steps),
        seed=config.runtime.seed,
    )


def _validation(
    config: DistilConfig,
    held: Manifest,
    method: Distil,
    teacher_scores: Callable[[torch.Tensor], QualityScores],
    teacher: LoadedModel,
) -> Callable[[int], Mapping[str, float]] | None:
    """Rank correlation with the teacher on one clip a held-out video, for the record only."""
    if not config.validate_epochs or len(held) < 2:
        return None
    card = teacher.card
    combiner = Combiner.from_card(card, combine=card.combine)
    device = next(method.parameters()).device
    wanted: list[Combined] = []

    def scores(predict: Callable[[torch.Tensor], QualityScores]) -> Combined:
        geometry = card.architecture.geometry
        views = (read_centre_views(row, geometry, clips=1, seed=0) for row in held.rows)
        q_r, q_d = join_scores([predict(part.to(device)) for part in views])
        return combiner(q_r.double().cpu().numpy(), None if q_d is None else q_d.double().cpu().numpy())

    def validate(epoch: int) -> Mapping[str, float]:
        if epoch % config.validate_epochs:
            return {}
        if not wanted:
            wanted.append(scores(teacher_scores))
        pairs = zip(("score", "r", "d"), scores(method.predict_parts), wanted[0], strict=True)
        return {
            f"srocc_{name}": srocc(mine, other).value
            for name, mine, other in pairs
            if mine is not None and other is not None
        }

    return validate
