"""Stage one: a backbone from videos without any score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sslvqa.data.datasets import GroupDataset, SceneVersions
from sslvqa.data.loaders import PartPlan, RunPlan
from sslvqa.errors import ConfigError
from sslvqa.methods import StVqrl, keep_local
from sslvqa.nn.heads import Projection
from sslvqa.nn.swin3d.model import SwinBackbone
from sslvqa.scoring.runtime import pick_device
from sslvqa.train.build import compute_of, settled
from sslvqa.train.checkpoint import find_checkpoint
from sslvqa.train.distributed import gather_rows, join_world, local_device, main_first
from sslvqa.train.engine import Run, fit
from sslvqa.train.footage import Footage
from sslvqa.train.groups import find_or_make_groups, hash_groups
from sslvqa.train.start import (
    fingerprint,
    open_run,
    read_start,
    save_backbone,
    seeded,
    start_patches,
)

if TYPE_CHECKING:
    from sslvqa.methods import Gather
    from sslvqa.train.pretrain_config import PretrainConfig
    from sslvqa.train.start import Start

__all__ = ["pretrain"]


def pretrain(
    config: PretrainConfig, *, resume: bool = False, groups: tuple[SceneVersions, ...] | None = None
) -> Path:
    """Learn a backbone with ST-VQRL.

    Args:
        config: The settings; written to ``out/config.toml``.
        resume: Continue the run in ``out``.
        groups: The scenes, when they are read already: then ``config.videos`` is but their name.

    Returns:
        The run folder: ``config.toml``, ``metrics.jsonl``, the last checkpoint and ``backbone.safetensors``.

    Raises:
        ConfigError: Settings that cannot work.
        DataError: No usable video.
        Interrupted: After SIGTERM or Ctrl-C.
    """
    config = replace(config, runtime=settled(config.runtime))
    device = local_device(pick_device(config.runtime.device))
    with join_world(device) as world:
        with main_first(world):
            folder = open_run(config, resume=resume, world=world)
            if groups is None:
                groups = find_or_make_groups(
                    Path(config.videos), folder / "groups", max_frames=config.group_frames
                )
        start = read_start(config.init, config.architecture)
        method = build_stvqrl(config, start, gather=keep_local if world.size == 1 else gather_rows).to(device)
        geometry = start.architecture.geometry
        footage = Footage(
            {path: None for group in groups for path in group.paths},
            geometry=geometry,
            runtime=config.runtime,
            device=device,
        )
        dataset = GroupDataset(
            groups,
            geometry,
            versions=config.versions,
            preset=config.pair,
            seed=config.runtime.seed,
            cache=footage.cache,
            held=footage.held,
        )
        if start.regressor is None and find_checkpoint(folder) is None:
            start_patches([method.backbone], dataset, footage)
        run = Run(
            folder=folder,
            plan=_plan(config, len(groups)),
            parts={"groups": dataset},
            optim=config.optim,
            runtime=config.runtime,
            fingerprint=fingerprint(config, hash_groups(groups)),
            footage=footage,
            accumulate=config.accumulate,
            title="pretrain",
        )
        fit(method, run, resume=resume, world=world)
        if world.main:
            save_backbone(folder, method.backbone, start.architecture)
    return folder


def build_stvqrl(config: PretrainConfig, start: Start, *, gather: Gather = keep_local) -> StVqrl:
    """The method with its networks, from the seed or the initial weights."""
    architecture = start.architecture
    with seeded(config.runtime.seed, "networks"):
        backbone = SwinBackbone(architecture.backbone.without_skip)
        projection = (
            Projection(backbone.channels, out_channels=architecture.projection_channels)
            if config.projection
            else None
        )
    start.apply(backbone, start.regressor)
    return StVqrl(
        backbone,
        projection,
        loss=config.loss,
        temperature=config.temperature,
        ridge=config.ridge,
        shrinkage=config.shrinkage,
        cross_scene=config.cross_scene,
        compute=compute_of(config.runtime),
        gather=gather,
    )


def _plan(config: PretrainConfig, scenes: int) -> RunPlan:
    """Steps of the loader: ``accumulate`` of them make one optimisation step."""
    if scenes < config.scenes_per_batch:
        raise ConfigError(
            f"scenes_per_batch is {config.scenes_per_batch}, but there are {scenes} scenes; lower it"
        )
    steps_per_epoch = -(-scenes // config.scenes_per_batch)
    total = steps_per_epoch * config.epochs
    total = total if config.max_steps is None else min(total, config.max_steps)
    return RunPlan(
        parts={"groups": PartPlan(scenes, config.scenes_per_batch // config.accumulate)},
        steps_per_epoch=steps_per_epoch * config.accumulate,
        total_steps=total * config.accumulate,
        seed=config.runtime.seed,
    )
