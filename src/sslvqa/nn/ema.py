"""Exponential moving average of a model's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.optim.swa_utils import AveragedModel

from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["moving_average"]


def moving_average(model: nn.Module, *, decay: float = 0.999, ramp: bool = True) -> AveragedModel:
    """Copy a model into one that follows it: ``average = d * average + (1 - d) * model`` at each update.

    Args:
        model: The model to follow; call ``update_parameters(model)`` on the result after each optimiser step.
        decay: d, in [0, 1).
        ramp: Use ``min(decay, 1 - 1/(n + 1))`` at update n = 1, 2, ...: forgets the first weights soon.

    Returns:
        The average, ``.module`` being the averaged model. Its first update copies; buffers are always copied.

    Raises:
        ConfigError: If ``decay`` is outside [0, 1).
    """
    if not 0 <= decay < 1:
        raise ConfigError(f"decay is {decay}; it must lie in [0, 1), for example 0.999")

    def average(old: Tensor, new: Tensor, updates: Tensor | int) -> Tensor:
        weight = min(decay, 1 - 1 / (int(updates) + 1)) if ramp else decay
        return old.lerp(new, 1 - weight)

    averaged = AveragedModel(model, avg_fn=average, use_buffers=False)
    averaged.requires_grad_(requires_grad=False)
    return averaged
