"""The networks as they run fastest on a CPU: the same weights, the same numbers to rounding.

Linear layers are kept in oneDNN's blocked layout, with GELU in the product before it. Attention takes a few
windows at a time: their tokens are gathered, and their bias is put together where it fits in the cache, since
the biases of all windows are hundreds of megabytes (0.8 GB a network for ``swin_t``). Gates and shift masks
are built once a geometry, one byte an entry, and shared by all blocks of all networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslvqa.nn.swin3d.model import SwinBackbone
from sslvqa.nn.swin3d.window import (
    BLOCKED,
    WindowPlan,
    bias_rows,
    fragment_gates,
    shift_masks,
    window_order,
)
from sslvqa.nn.twin import stamp_of, twin_of

if TYPE_CHECKING:
    from sslvqa.nn.quality import QualityModel
    from sslvqa.nn.swin3d.attention import WindowAttention

__all__ = ["PackedLinear", "bf16_supported", "inference_model"]

_BIAS_FLOATS = 2_000_000  # of the windows at a time: 8 MB, a share of the last cache
_ROWS = 8192  # tokens at a time in an MLP, for the same reason


def inference_model(model: QualityModel, *, dtype: torch.dtype = torch.float32) -> QualityModel:
    """Wrap a model for inference on the CPU; weights are shared and later changes of them are seen.

    Args:
        model: In evaluation mode, float32 on the CPU.
        dtype: float32, or bfloat16 for the operands of matrix products and attention. Patch embedding, norms,
            residual sums and everything after the backbone stay float32.

    Returns:
        A model of the same class for use without gradients.
    """
    return twin_of(model, SwinBackbone, lambda backbone: _Backbone(backbone, dtype)).eval()


def bf16_supported() -> bool:
    """Whether this processor and build of torch multiply bfloat16 matrices natively."""
    return _onednn_present() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class PackedLinear:
    """A linear layer with its weight in the layout that oneDNN likes here; packed again when it changed.

    Args:
        linear: Holds the weights.
        dtype: Of the product; the output has it too.
        activation: ``gelu`` is applied to the output.
    """

    def __init__(
        self, linear: nn.Linear, dtype: torch.dtype, activation: Literal["none", "gelu"] = "none"
    ) -> None:
        self._linear, self._dtype, self._activation = linear, dtype, activation
        self._stamp: tuple[tuple[int, int], ...] = ()
        self._weight: Any = None
        self._bias: Tensor | None = None

    def __call__(self, rows: Tensor) -> Tensor:
        """Map ``(..., in)`` to ``(..., out)``."""
        rows = rows.to(self._dtype)
        self._refresh()
        if _onednn_present():
            out: Tensor = torch.ops.mkldnn._linear_pointwise(
                rows, self._weight, self._bias, self._activation, [], "none"
            )
            return out
        product = F.linear(rows, self._weight, self._bias)
        return F.gelu(product) if self._activation == "gelu" else product

    def _refresh(self) -> None:
        own = dict(self._linear.named_parameters())
        stamp = stamp_of(own.values())
        if stamp == self._stamp:
            return
        weight = own["weight"].detach().to(self._dtype)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, None) if _onednn_present() else weight
        self._bias = own["bias"].detach().to(self._dtype) if "bias" in own else None
        self._stamp = stamp


class _Attention:
    """Window attention on a map in its own order."""

    def __init__(self, attention: WindowAttention, dtype: torch.dtype) -> None:
        self._own, self._dtype = attention, dtype
        self._qkv, self._proj = PackedLinear(attention.qkv, dtype), PackedLinear(attention.proj, dtype)

    def __call__(self, tokens: Tensor, plan: WindowPlan) -> Tensor:
        """Map normed tokens ``(B, T, H, W, C)`` of ``plan.size`` to what is added to them, same shape."""
        size, channels = plan.size, tokens.shape[-1]
        pads = [whole - own for whole, own in zip(plan.padded, size, strict=True)]
        if any(pads):
            tokens = F.pad(tokens, (0, 0, 0, pads[2], 0, pads[1], 0, pads[0]))
        flat = tokens.flatten(1, 3)
        mixed = torch.empty_like(flat)
        fixed, tables = _geometry(plan), self._tables(plan)
        for start in range(0, fixed.order.shape[1], step := self._windows_at_once(plan)):
            part = slice(start, start + step)
            spots = fixed.order[:, part].reshape(-1)
            rows = flat.index_select(1, spots).view(len(flat), -1, *fixed.order[:, part].shape[1:], channels)
            out = self._attend(rows, self._bias(fixed, tables, part))
            mixed.index_copy_(1, spots, out.view(len(flat), -1, channels).to(mixed.dtype))
        mixed = mixed.view(tokens.shape)
        return mixed[:, : size[0], : size[1], : size[2]]

    def _attend(self, rows: Tensor, bias: Tensor) -> Tensor:
        """Attention in windows ``(B, groups, windows, N, C)``; bias ``(windows or 1, heads, N, N)``."""
        heads = self._own.heads
        qkv = self._qkv(rows)
        split = qkv.view(*qkv.shape[:-1], 3, heads, -1).movedim(-3, 0).transpose(-3, -2)
        # one call serves all windows that share their bias, otherwise one call for each group of each clip
        calls = split.flatten(1, 3).unsqueeze(1) if len(bias) == 1 else split.flatten(1, 2)
        mixed = [
            F.scaled_dot_product_attention(query, key, value, attn_mask=bias).transpose(1, 2)
            for query, key, value in zip(*calls, strict=True)
        ]
        joined = mixed[0] if len(mixed) == 1 else torch.cat(mixed)
        return self._proj(joined.reshape(rows.shape))

    def _tables(self, plan: WindowPlan) -> tuple[Tensor, Tensor | None]:
        """The second bias table for every pair of tokens, ``(1, heads, N, N)``, and first less second."""
        rows, shape = _geometry(plan).rows, (1, self._own.heads, plan.tokens, plan.tokens)
        relative = self._own.relative_position_bias_table.t().index_select(1, rows).view(shape)
        if self._own.fragment_position_bias_table is None:
            return relative, None
        fragment = self._own.fragment_position_bias_table.t().index_select(1, rows).view(shape)
        return fragment, relative.sub_(fragment)

    def _bias(self, fixed: _Geometry, tables: tuple[Tensor, Tensor | None], part: slice) -> Tensor:
        bias, difference = tables
        if difference is not None and fixed.gates is not None:
            bias = torch.addcmul(bias, _of_windows(fixed.gates, part).float(), difference)
        if fixed.masks is not None:
            bias = torch.add(bias, _of_windows(fixed.masks, part), alpha=BLOCKED)
        return bias.to(self._dtype)

    def _windows_at_once(self, plan: WindowPlan) -> int:
        return max(1, _BIAS_FLOATS // (self._own.heads * plan.tokens**2))


class _Stage:
    """The blocks of one resolution, and the merge that follows."""

    def __init__(self, stage: Any, dtype: torch.dtype) -> None:  # noqa: ANN401 - a private class of swin3d
        self._own, self._dtype = stage, dtype
        self._attention = [_Attention(block.attn, dtype) for block in stage.blocks]
        self._mlps = [
            (PackedLinear(block.mlp.fc1, dtype, "gelu"), PackedLinear(block.mlp.fc2, dtype))
            for block in stage.blocks
        ]
        merge = stage.downsample
        self._reduction = None if merge is None else PackedLinear(merge.reduction, dtype)

    def __call__(self, tokens: Tensor) -> Tensor:
        _, t, h, w, _ = tokens.shape
        plans = self._own.config.stage_plans(self._own.stage, (t, h, w))
        for index, block in enumerate(self._own.blocks):
            plan = plans[index % 2]
            tokens = (tokens + self._attention[index](block.norm1(tokens), plan)).contiguous()
            expand, narrow = self._mlps[index]
            for rows in torch.split(tokens.flatten(0, -2), _ROWS):
                rows += narrow(expand(block.norm2(rows)))  # noqa: PLW2901 - in place
        if self._reduction is None:
            return tokens
        return self._reduction(self._own.downsample.pairs(tokens)).float()


class _Backbone(nn.Module):
    """A :class:`SwinBackbone` for inference."""

    def __init__(self, backbone: SwinBackbone, dtype: torch.dtype) -> None:
        super().__init__()
        self.backbone = backbone
        self._stages = [_Stage(stage, dtype) for stage in backbone.layers]

    def forward(self, views: Tensor) -> Tensor:
        """Same as :meth:`SwinBackbone.forward`."""
        tokens, energies = self.backbone.split(self.backbone.patch_embed(views))
        for stage in self._stages:
            tokens = stage(tokens)
        return self.backbone.finish(tokens, energies)


@dataclass(frozen=True, slots=True, eq=False)
class _Geometry:
    """Constants of one geometry on the CPU; windows are ordered as ``(groups, windows of a group)``."""

    order: Tensor
    """int64 ``(groups, windows, N)``: place in the padded map of every token of every window.

    Windows of one number in different groups share their bias; where all share it, there is one group."""
    rows: Tensor
    """int64 ``(N * N,)``: rows of the bias tables."""
    gates: Tensor | None
    """uint8 ``(windows or 1, 1, N, N)``: the gate g."""
    masks: Tensor | None
    """uint8 ``(windows or 1, 1, N, N)``: 1 where a pair may not attend."""


def _of_windows(values: Tensor, part: slice) -> Tensor:
    """Gates or masks of some windows; one entry is that of all windows."""
    return values if len(values) == 1 else values[part]


@lru_cache(maxsize=64)
def _geometry(plan: WindowPlan) -> _Geometry:
    with torch.inference_mode(mode=False):  # tensors that any later call may use
        order = torch.from_numpy(window_order(plan))
        order = order.view(-1, plan.distinct if plan.distinct > 1 else len(order), plan.tokens)
        gates = masks = None
        if plan.gate != "none":
            gates = torch.from_numpy(fragment_gates(plan)).unsqueeze(1)
        if any(plan.shift):
            masks = torch.from_numpy(shift_masks(plan)).to(torch.uint8).unsqueeze(1)
        return _Geometry(order, torch.from_numpy(bias_rows(plan).reshape(-1)), gates, masks)


@lru_cache(maxsize=1)
def _onednn_present() -> bool:
    present = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    return present and hasattr(torch.ops.mkldnn, "_linear_pointwise")
