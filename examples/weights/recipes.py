"""The recipes: one table, one row a size, and the settings of each stage made from a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

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


RUNS = {
    "moments": ("ssl_vqa_minus", True),
    "ssl_vqa": ("ssl_vqa", True),
    "ssl_vqa_minus": ("ssl_vqa_minus", True),
    "ssl_vqa_random": ("ssl_vqa", False),
}
"""Name to (method, whether it starts from ST-VQRL). ``moments``: the backbones stay as ST-VQRL left them, and
a head that judges views by moments learns from all labels."""

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
        runs=("moments", "ssl_vqa", "ssl_vqa_minus", "ssl_vqa_random"),
        tag="open2",
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
        runs=("ssl_vqa", "ssl_vqa_minus"),
        chunk=24,  # 21 GiB without
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
        runs=("ssl_vqa", "ssl_vqa_minus"),
        head_lr=1e-4,
        accumulate=2,
        chunk=32,
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
    """SSL-VQA of a recipe, or an ablation of it, by its name in :data:`RUNS`."""
    base = TRAIN_PRESETS[recipe.preset](str(tables["labelled"]), str(tables["pristine"]), str(out))
    method, _ = RUNS[name]
    alone = name == "moments"
    return replace(
        base,
        unlabelled=str(tables["unlabelled"]) if method == "ssl_vqa" else None,
        max_steps=0 if alone else None,
        fit_head=base.fit_head and not alone,
        head=HeadConfig(epochs=80, moments=True) if alone else HeadConfig(),
        method=method,
        optim=replace(base.optim, lr=1e-4, head_lr=recipe.head_lr),
        init=init,
        architecture=recipe.architecture,
        epochs=recipe.train_epochs,
        validate_epochs=0,  # the card says how it does on held-out contents
        labels_table=replace(
            base.labels_table, limit=None if alone else recipe.labels, unlabelled_limit=recipe.unlabelled
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


def runtime_of(workers: int, stop_minutes: float | None = None) -> RuntimeConfig:
    """How a run computes; only the precision can change its result."""
    return RuntimeConfig(
        precision="auto", workers=max(workers - 1, 0), checkpoint_minutes=5.0, stop_minutes=stop_minutes
    )
