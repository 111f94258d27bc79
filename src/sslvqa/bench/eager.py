"""The networks as research code runs them: every step its own tensor, every window its own bias.

The slow reference of the fast paths: for their numbers in the tests, for their time in the benchmark.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from sslvqa.nn.swin3d.attention import WindowAttention
from sslvqa.nn.swin3d.window import constants

if TYPE_CHECKING:
    from sslvqa.nn.quality import QualityModel
    from sslvqa.nn.swin3d.window import WindowPlan

__all__ = ["EagerAttention", "count_flop", "eager_model"]


class EagerAttention(nn.Module):
    """Softmax attention in windows, step by step, with the bias of all windows as one tensor.

    Args:
        attention: Whose weights are used.
    """

    def __init__(self, attention: WindowAttention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, tokens: Tensor, plan: WindowPlan) -> Tensor:
        """Same as :meth:`sslvqa.nn.swin3d.attention.WindowAttention.forward`."""
        batch, channels, heads = tokens.shape[0], tokens.shape[-1], self.attention.heads
        (nt, nh, nw), (t, h, w), count = plan.counts, plan.window, plan.tokens
        windows = tokens.view(batch, nt, t, nh, h, nw, w, channels).permute(0, 1, 3, 5, 2, 4, 6, 7)
        windows = windows.reshape(-1, count, channels)
        qkv = self.attention.qkv(windows).reshape(-1, count, 3, heads, channels // heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        logits = (query * (channels // heads) ** -0.5) @ key.transpose(-2, -1)
        logits = logits.view(batch, -1, heads, count, count) + self._bias(plan)
        mixed = logits.flatten(0, 1).softmax(dim=-1) @ value
        out: Tensor = self.attention.proj(mixed.transpose(1, 2).reshape(-1, count, channels))
        out = out.view(batch, nt, nh, nw, t, h, w, channels).permute(0, 1, 4, 2, 5, 3, 6, 7)
        return out.reshape(tokens.shape)

    def _bias(self, plan: WindowPlan) -> Tensor:
        """What is added to the logits of every window, ``(windows, heads, tokens, tokens)``."""
        own, count = self.attention, plan.tokens
        fixed = constants(plan, own.qkv.weight.device)
        windows = plan.counts[0] * plan.counts[1] * plan.counts[2]
        repeats = (windows // plan.distinct, 1, 1, 1)
        bias = own.relative_position_bias_table[fixed.rows].view(count, count, -1).permute(2, 0, 1)[None]
        if own.fragment_position_bias_table is not None and fixed.gates is not None:
            fragment = own.fragment_position_bias_table[fixed.rows].view(count, count, -1).permute(2, 0, 1)
            gates = fixed.gates.repeat(repeats)
            bias = gates * bias + (1 - gates) * fragment[None]
        if fixed.masks is not None:
            bias = bias + fixed.masks.repeat(repeats)
        return bias.expand(windows, -1, -1, -1)


def eager_model(model: QualityModel) -> QualityModel:
    """Copy a model and let its attention run step by step."""
    slow = copy.deepcopy(model)
    for module in list(slow.modules()):
        for name, child in module.named_children():
            if isinstance(child, WindowAttention) and not isinstance(module, EagerAttention):
                setattr(module, name, EagerAttention(child))
    return slow


@torch.inference_mode()
def count_flop(model: QualityModel, views: Tensor) -> float:
    """Floating-point operations of the matrix products and convolutions of all networks.

    Args:
        model: As :func:`eager_model` gives it: products inside fused kernels are not seen.
        views: Normalised views ``(n, 3, T, S, S)``.
    """
    with FlopCounterMode(display=False) as counter:
        model(views)
    return float(counter.get_total_flops())
