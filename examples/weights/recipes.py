"""The recipes: one table, one row a size, and the settings of each stage made from a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from sslvqa.train import (
    PRETRAIN_PRESETS,
    TRAIN_PRESETS,
    HeadConfig,
    OutputConfig,
    PretrainConfig,
    RuntimeConfig,
    TrainConfig,
)

LICENCE = "research use: learned in part from re-hosted web videos without a media licence (ugc_*)"
LABEL_KIND = (
    "VMAF (vmaf-torch, vmaf_v0.6.1) of synthetic distortions, in the order of their levels; not human opinion"
)


@dataclass(frozen=True)
class Recipe:
    """What differs between sizes."""

    architecture: str
    preset: str
    """Of ``sslvqa pretrain`` and ``sslvqa train``."""
    frames: int
    """Of a scene. Data of one number are shared by all sizes that use it."""
    spare_clips: int
    """Clips outside the table of sources whose 12 versions are used without labels."""
    versions: int
    """K of ST-VQRL: the source and K - 1 of its distorted versions."""
    scenes_per_batch: int
    pretrain_steps: int
    train_epochs: int
    labels: int
    unlabelled: int
    runs: tuple[str, ...]
    """Which of :data:`RUNS` are made, in this order; the first is the one to release."""
    tag: str = "open1"
    """Of that one."""
    head_lr: float = 1e-3
    """Of SSL-VQA; the backbones' is 1e-4, as these are not few labels."""
    accumulate: int = 1
    """Parts of a step of ST-VQRL, to save memory."""
    chunk: int = 0
    """Views of a step of SSL-VQA that keep their activations at once, to save memory; 0 for all."""
    extended_versions: int = 20
    """Drawn versions of a labelled scene, besides the reference and the paper's 12."""
    samples: int = 6
    """Frames that VMAF is computed on."""
    tuned_batch: int = 48
    """Videos a step of ``tuned``, two views each."""
    tuned_epochs: int = 40
    tuned_lr: float = 3e-4
    """Of the backbone."""
    grown_from: str = ""
    """The size whose released model, its windows resized, is what ``tuned`` starts from; ST-VQRL if none."""


class Run(NamedTuple):
    """How a model is made."""

    method: str
    start: str
    """``scratch`` or ``stvqrl``."""
    text: str
    """What its card says of it."""


_SSL_VQA = "SSL-VQA on {labelled} labelled and {unlabelled} unlabelled videos, started from ST-VQRL"
_MOMENTS = "a head that judges views by moments of tokens and of band energies"

RUNS = {
    "moments": Run(
        "ssl_vqa_minus",
        "stvqrl",
        f"The backbone as ST-VQRL left it, with {_MOMENTS}, learned from {{labelled}} labelled videos",
    ),
    "ssl_vqa": Run("ssl_vqa", "stvqrl", _SSL_VQA),
    "ssl_vqa_minus": Run("ssl_vqa_minus", "stvqrl", _SSL_VQA),
    "tuned": Run(
        "supervised",
        "stvqrl",
        f"One network, started from {{start}}, with {_MOMENTS}; it learned from {{labelled}} labelled "
        "videos, turned at random",
    ),
    "ssl_vqa_random": Run("ssl_vqa", "scratch", _SSL_VQA.removesuffix(", started from ST-VQRL")),
}
"""``moments``: the backbones stay as ST-VQRL left them, and a head that judges views by moments learns from
all labels. ``tuned``: from there on one network learns from all labels and turned views, for a GPU."""
ALL_LABELS = ("moments", "tuned")
MOMENTS = HeadConfig(epochs=80, moments=True)

RECIPES = {
    "nano": Recipe(
        architecture="nano",
        preset="nano_cpu",
        frames=48,
        spare_clips=60,
        versions=8,
        scenes_per_batch=2,
        pretrain_steps=1000,
        train_epochs=9,
        labels=500,
        unlabelled=600,
        runs=("tuned", "moments", "ssl_vqa", "ssl_vqa_minus", "ssl_vqa_random"),
        tag="open3",
    ),
    "mobile": Recipe(
        architecture="mobile",
        preset="nano_cpu",
        frames=48,
        spare_clips=60,
        versions=8,
        scenes_per_batch=2,
        pretrain_steps=1000,
        train_epochs=8,
        labels=500,
        unlabelled=600,
        runs=("tuned", "ssl_vqa", "ssl_vqa_minus"),
        chunk=24,  # 21 GiB without
        tuned_batch=32,
        tuned_epochs=24,
        tuned_lr=2e-4,
    ),
    # the paper's scale, 6 000 draws of a scene, from the 160 or so that are long enough (the paper has 200)
    "swin_t": Recipe(
        architecture="swin_t",
        preset="paper",
        frames=64,
        spare_clips=60,
        versions=10,
        scenes_per_batch=6,
        pretrain_steps=1000,
        train_epochs=30,
        labels=500,
        unlabelled=1500,
        runs=("tuned", "ssl_vqa", "ssl_vqa_minus"),
        head_lr=1e-4,
        accumulate=2,
        chunk=32,
        tuned_batch=16,
        tuned_epochs=24,
        tuned_lr=2e-4,
    ),
    # the same network, which knows from mobile what to look at, on views three times as large
    "swin_t_bands": Recipe(
        architecture="swin_t_bands",
        preset="nano_cpu",
        frames=48,
        spare_clips=60,
        versions=8,
        scenes_per_batch=2,
        pretrain_steps=0,  # it has seen videos
        train_epochs=8,
        labels=500,
        unlabelled=600,
        runs=("tuned",),
        grown_from="mobile",
        tuned_batch=24,
        tuned_epochs=11,
        tuned_lr=1e-4,
    ),
}


def pretrain_config(recipe: Recipe, groups: Path, out: Path, runtime: RuntimeConfig) -> PretrainConfig:
    """ST-VQRL of a recipe."""
    return replace(
        PRETRAIN_PRESETS[recipe.preset](str(groups), str(out)),
        architecture=recipe.architecture,
        versions=recipe.versions,
        scenes_per_batch=recipe.scenes_per_batch,
        accumulate=recipe.accumulate,
        epochs=10_000,
        max_steps=recipe.pretrain_steps,
        runtime=runtime,
    )


def train_config(
    recipe: Recipe, name: str, tables: dict[str, Path], init: str, out: Path, runtime: RuntimeConfig
) -> TrainConfig:
    """SSL-VQA of a recipe, or another run, by its name in :data:`RUNS`."""
    base = TRAIN_PRESETS[recipe.preset](str(tables["labelled"]), str(tables["pristine"]), str(out))
    method = RUNS[name].method
    config = replace(
        base,
        unlabelled=str(tables["unlabelled"]) if method == "ssl_vqa" else None,
        method=method,
        optim=replace(base.optim, lr=1e-4, head_lr=recipe.head_lr),
        init=init,
        architecture=recipe.architecture,
        epochs=recipe.train_epochs,
        validate_epochs=0,  # the card says how it does on held-out contents
        labels_table=replace(
            base.labels_table,
            limit=None if name in ALL_LABELS else recipe.labels,
            unlabelled_limit=recipe.unlabelled,
        ),
        output=OutputConfig(
            tag=recipe.tag if name == recipe.runs[0] else name.replace("_", "-"),
            label="VMAF",
            label_kind=LABEL_KIND,
            minimum=0.0,  # one scale for every size, whatever the labels of the draw reach
            maximum=100.0,
            licence=LICENCE,
        ),
        runtime=replace(runtime, chunk=recipe.chunk),
    )
    match name:
        case "moments":
            return replace(config, max_steps=0, fit_head=False, head=MOMENTS)
        case "tuned":
            return replace(
                config,
                labelled_batch=recipe.tuned_batch,
                turned=True,
                epochs=recipe.tuned_epochs,
                fit_head=False,
                head=replace(MOMENTS, epochs=0) if recipe.grown_from else MOMENTS,
                loss=replace(config.loss, supervised_views=2),
                optim=replace(config.optim, lr=recipe.tuned_lr, warmup_epochs=1.0, grad_clip=1.0),
                runtime=replace(config.runtime, chunk=0),
            )
    return config


def runtime_of(
    workers: int,
    stop_minutes: float | None = None,
    *,
    compiled: Literal["auto", "on", "off"] = "auto",
    cache: Path | None = None,
) -> RuntimeConfig:
    """How a run computes; precision and frames held on the device change its result by rounding."""
    held = torch.cuda.get_device_properties(0).total_memory / 2.5e9 if torch.cuda.is_available() else None
    return RuntimeConfig(
        device_gigabytes=held,
        precision="auto",
        workers=max(workers - 1, 0),
        compile=compiled,
        cache=None if cache is None else str(cache),
        checkpoint_minutes=1.0,  # what a lent machine can lose
        stop_minutes=stop_minutes,
    )
