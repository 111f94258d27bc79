"""The networks in the form that is exported as one graph for a compiler of graphs.

The geometry of the windows (table rows, gates, shift masks) is a set of further inputs that all blocks of all
networks share: as constants they would be folded to the bias of every window of every block, gigabytes for
``swin_t`` that are also slower to read than to compute. Attention takes some windows at a time, so that the
bias of all of them is never held.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslvqa.nn.swin3d.attention import WindowAttention
from sslvqa.nn.swin3d.model import SwinBackbone
from sslvqa.nn.swin3d.window import BLOCKED, Constants, bias_rows, fragment_gates, shift_masks
from sslvqa.nn.twin import twin_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sslvqa.nn.quality import QualityModel
    from sslvqa.nn.swin3d.window import Triple, WindowPlan

__all__ = ["ExportedEncoder", "WindowInputs", "backbones"]

_BIAS_FLOATS = 10_000_000
"""Of the windows at a time: 20 MB in bfloat16. Fewer windows are as fast, in a larger graph."""


class WindowInputs:
    """The geometry of all windows of a model, one byte an entry but for the table rows.

    Attributes:
        tensors: The inputs, in order.
        table: What the attention reads, by plan, while a graph is traced.
    """

    def __init__(self, model: QualityModel, view: Triple) -> None:
        """Collect what views of a size (frames, height, width) in pixels need."""
        plans = [plan for each in backbones(model) for plan in each.config.all_plans(view)]
        self._plans = tuple(dict.fromkeys(plans))
        self._places: dict[object, int] = {}
        self.tensors: list[Tensor] = []
        self.table: dict[WindowPlan, Constants] = {}
        for plan in self._plans:
            if _rows_key(plan) not in self._places:
                self._add(_rows_key(plan), bias_rows(plan).reshape(-1).astype(np.int32))
            if plan.gate != "none":
                self._add((plan, "gates"), fragment_gates(plan)[:, None])
            if any(plan.shift):
                self._add((plan, "masks"), shift_masks(plan)[:, None].view(np.uint8))

    def _add(self, key: object, values: NDArray[Any]) -> None:
        self._places[key] = len(self.tensors)
        self.tensors.append(torch.from_numpy(values))

    def give(self, inputs: Sequence[Tensor]) -> None:
        """Fill :attr:`table` from the inputs of a graph: bytes become numbers once for all blocks."""
        given = {key: inputs[place] for key, place in self._places.items()}
        for plan in self._plans:
            gates, masks = given.get((plan, "gates")), given.get((plan, "masks"))
            self.table[plan] = Constants(
                given[_rows_key(plan)],
                None if gates is None else gates.float(),
                None if masks is None else masks.float() * BLOCKED,
            )


class ExportedEncoder(nn.Module):
    """``encode`` of a model, from the tokens of its patch embeddings and the geometry of its windows.

    Args:
        model: In evaluation mode; weights are shared.
        windows: Of the views' size.
    """

    def __init__(self, model: QualityModel, windows: WindowInputs) -> None:
        super().__init__()
        self.count, self.windows = len(backbones(model)), windows
        places = itertools.count()
        self.model = twin_of(
            model, SwinBackbone, lambda backbone: _Embedded(backbone, windows, next(places))
        ).eval()

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Encode embedded views.

        Args:
            inputs: For each backbone ``(B, T', h, w, C)``, then :attr:`WindowInputs.tensors`.
        """
        self.windows.give(inputs[self.count :])
        return self.model.encode(inputs)  # type: ignore[arg-type]  # only handed on to the backbones


class _Embedded(nn.Module):
    """A backbone that takes its tokens out of those of all patch embeddings."""

    def __init__(self, backbone: SwinBackbone, windows: WindowInputs, place: int) -> None:
        super().__init__()
        self.backbone = twin_of(backbone, WindowAttention, lambda own: _Attention(own, windows))
        self.place = place

    def forward(self, embedded: tuple[Tensor, ...]) -> Tensor:
        return self.backbone.encode_tokens(embedded[self.place])


class _Attention(WindowAttention):
    """Shares everything with another attention, and takes some windows at a time."""

    def __init__(self, own: WindowAttention, windows: WindowInputs) -> None:
        self.__dict__.update(own.__dict__)
        self.windows = windows

    def forward(self, tokens: Tensor, plan: WindowPlan) -> Tensor:
        query, key, value = self.project(tokens, plan)
        fixed = self.windows.table[plan]
        base, difference = self.look_up(self.relative_position_bias_table, fixed.rows, plan.tokens), None
        if self.fragment_position_bias_table is not None and fixed.gates is not None:
            fragment = self.look_up(self.fragment_position_bias_table, fixed.rows, plan.tokens)
            base, difference = fragment, base - fragment
        step = max(_BIAS_FLOATS // (self.heads * plan.tokens**2), 1)
        mixed = []
        for start in range(0, plan.distinct, step):
            part = slice(start, start + step)
            bias = base
            if fixed.gates is not None and difference is not None:
                bias = torch.addcmul(bias, fixed.gates[part], difference)
            if fixed.masks is not None:
                bias = bias + fixed.masks[part]
            q, k, v = (each[:, part].flatten(1, 2) for each in (query, key, value))
            mixed.append(F.scaled_dot_product_attention(q, k, v, attn_mask=bias.flatten(0, 1).unsqueeze(0)))
        return self.join(torch.cat(mixed, dim=1), tokens.shape, plan)


def backbones(model: QualityModel) -> list[SwinBackbone]:
    """The backbones of a model, in the order that :class:`ExportedEncoder` takes their tokens in."""
    return [module for module in model.modules() if isinstance(module, SwinBackbone)]


def _rows_key(plan: WindowPlan) -> object:
    return plan.tokens, plan.table_window
