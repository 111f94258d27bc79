"""Optimizer and learning rate schedule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from sslvqa.train.config import OptimConfig

__all__ = ["build_optimizer", "lr_factor", "set_lr"]


def build_optimizer(trainable: Mapping[str, nn.Module], config: OptimConfig) -> torch.optim.AdamW:
    """AdamW over exactly the trainable modules.

    Modules whose name ends in ``head`` get ``head_lr``, the others ``lr``. Vectors (biases, norms) and
    position tables are not decayed. Every group keeps its peak rate as ``peak_lr``. On a GPU one kernel
    updates all (fused).
    """
    groups: list[dict[str, Any]] = []
    for name, module in trainable.items():
        peak = config.head_lr if name.endswith("head") else config.lr
        decayed: list[nn.Parameter] = []
        kept: list[nn.Parameter] = []
        for path, parameter in module.named_parameters():
            (decayed if parameter.ndim > 1 and "bias" not in path else kept).append(parameter)
        groups += [
            {"params": params, "lr": peak, "peak_lr": peak, "weight_decay": decay}
            for params, decay in ((decayed, config.weight_decay), (kept, 0.0))
            if params
        ]
    on_gpu = all(parameter.is_cuda for group in groups for parameter in group["params"])
    return torch.optim.AdamW(groups, fused=True if on_gpu else None)


def lr_factor(step: int, *, total: int, warmup: int, final_ratio: float) -> float:
    """Learning rate of a step over the peak one: a linear rise, then half a cosine to ``final_ratio``.

    Args:
        step: From 0.
        total: Steps of the run.
        warmup: Steps of the rise; the first has ``1 / (warmup + 1)``.
        final_ratio: Value after the last step.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(total - warmup, 1)
    return final_ratio + (1 - final_ratio) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


def set_lr(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group to ``factor`` times its peak rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * factor
