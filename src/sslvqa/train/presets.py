"""Whole recipes by name: the paper's, the released code's, and one for two CPU cores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sslvqa.train.config import OptimConfig, RuntimeConfig
from sslvqa.train.distil_config import DistilConfig
from sslvqa.train.pretrain_config import PretrainConfig
from sslvqa.train.train_config import CorpusConfig, LossConfig, TrainConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DISTIL_PRESETS", "PRETRAIN_PRESETS", "TRAIN_PRESETS"]


def paper_pretrain(videos: str, out: str) -> PretrainConfig:
    """ST-VQRL as the paper states it."""
    return PretrainConfig(videos=videos, out=out)


def released_pretrain(videos: str, out: str) -> PretrainConfig:
    """ST-VQRL as released: two clips with the same offsets make the pair."""
    return replace(paper_pretrain(videos, out), pair="released_stage1")


def nano_cpu_pretrain(videos: str, out: str) -> PretrainConfig:
    """ST-VQRL for two CPU cores: the small backbone, a few versions of a few scenes a step."""
    return PretrainConfig(
        videos=videos,
        out=out,
        architecture="nano",
        versions=8,
        scenes_per_batch=2,
        pair="released_stage1",  # same places: the easier task, which a short run can learn
        shrinkage=0.1,  # a view has as many tokens as projected channels
        optim=OptimConfig(lr=3e-4, head_lr=3e-4, warmup_epochs=1.0, final_ratio=0.05, grad_clip=5.0),
        runtime=RuntimeConfig(precision="auto"),
    )


def paper_train(labels: str, pristine: str, out: str) -> TrainConfig:
    """SSL-VQA as the paper states it, the statistics of the corpus computed anew in each step."""
    return TrainConfig(
        labels=labels,
        pristine=pristine,
        out=out,
        method="ssl_vqa_minus",
        optim=OptimConfig(head_lr=1e-4, warmup_epochs=2.5, final_ratio=0.0),
        corpus=CorpusConfig(refresh_steps=1),
    )


def released_train(labels: str, pristine: str, out: str) -> TrainConfig:
    """SSL-VQA as released: other pair, correlation loss, temperature and head learning rate."""
    return replace(
        paper_train(labels, pristine, out),
        pair="released_stage2",
        loss=LossConfig(plcc="released", temperature=100.0),
        optim=OptimConfig(head_lr=1e-3, warmup_epochs=2.5, final_ratio=0.0),
    )


def nano_cpu_train(labels: str, pristine: str, out: str) -> TrainConfig:
    """SSL-VQA for two CPU cores."""
    return TrainConfig(
        labels=labels,
        pristine=pristine,
        out=out,
        method="ssl_vqa_minus",
        architecture="nano",
        labelled_batch=16,
        unlabelled_batch=8,
        fit_head=True,  # a short run has no steps to lose
        loss=LossConfig(supervised_views=2),
        corpus=CorpusConfig(refresh_steps=8),
        optim=OptimConfig(lr=1e-5, head_lr=1e-5, warmup_epochs=0.5, final_ratio=0.0, grad_clip=1.0),
        runtime=RuntimeConfig(precision="auto"),
    )


def nano_cpu_distil(teacher: str, videos: str, out: str) -> DistilConfig:
    """A student of a small model, for two CPU cores."""
    return DistilConfig(
        teacher=teacher,
        videos=videos,
        out=out,
        batch=8,
        epochs=20,
        optim=OptimConfig(lr=5e-5, head_lr=1e-3, warmup_epochs=0.5, final_ratio=0.0, grad_clip=1.0),
        runtime=RuntimeConfig(precision="auto"),
    )


PRETRAIN_PRESETS: Mapping[str, Callable[[str, str], PretrainConfig]] = {
    "paper": paper_pretrain,
    "released": released_pretrain,
    "nano_cpu": nano_cpu_pretrain,
}
"""Recipes of stage one: (videos, out) to settings."""

TRAIN_PRESETS: Mapping[str, Callable[[str, str, str], TrainConfig]] = {
    "paper": paper_train,
    "released": released_train,
    "nano_cpu": nano_cpu_train,
}
"""Recipes of stage two: (labels, pristine, out) to settings; unlabelled videos are added with ``replace``."""

DISTIL_PRESETS: Mapping[str, Callable[[str, str, str], DistilConfig]] = {"nano_cpu": nano_cpu_distil}
"""Recipes of a student: (teacher, videos, out) to settings."""
