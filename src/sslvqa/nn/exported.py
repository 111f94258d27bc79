"""The networks in the form that is exported as one graph for a compiler of graphs.

The geometry of the windows (table rows, gates, shift masks) is a set of further inputs that all blocks of all
networks share: as constants they would be folded to the bias of every window of every block, gigabytes for
``swin_t`` that are also slower to read than to compute. Gates and masks come axis by axis, as the bias of a
window is that of its row plus that of its column. Attention takes a row of windows at a time and adds the two
inside its product, so that their sum is never held (but with a binary gate, which is no such sum).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslvqa.nn.swin3d.attention import WindowAttention
from sslvqa.nn.swin3d.model import SwinBackbone
from sslvqa.nn.swin3d.window import BLOCKED, axis_gates, axis_masks, bias_rows
from sslvqa.nn.twin import twin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from sslvqa.nn.quality import QualityModel
    from sslvqa.nn.swin3d.window import Triple, WindowPlan

__all__ = ["ExportedEncoder", "WindowInputs", "backbones"]


class Axes(NamedTuple):
    """Geometry of one plan in a graph; gates and masks are ``(windows of the axis, 1, tokens, tokens)``."""

    rows: Tensor
    """Of the bias tables, see :class:`~sslvqa.nn.swin3d.window.Constants`."""
    gates: Mapping[int, Tensor]
    """By axis, 1 and 2; empty without a gate."""
    masks: Mapping[int, Tensor]
    """By each axis that is shifted; added to the logits."""


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
        self.table: dict[WindowPlan, Axes] = {}
        for plan in self._plans:
            if _rows_key(plan) not in self._places:
                self._add(_rows_key(plan), bias_rows(plan).reshape(-1).astype(np.int32))
            for axis in _gated(plan):
                self._add((plan, "gates", axis), axis_gates(plan, axis)[:, None])
            for axis in _shifted(plan):
                self._add((plan, "masks", axis), axis_masks(plan, axis)[:, None].view(np.uint8))

    def _add(self, key: object, values: NDArray[Any]) -> None:
        self._places[key] = len(self.tensors)
        self.tensors.append(torch.from_numpy(values))

    def give(self, inputs: Sequence[Tensor]) -> None:
        """Fill :attr:`table` from the inputs of a graph: bytes become numbers once for all blocks."""
        given = {key: inputs[place] for key, place in self._places.items()}
        for plan in self._plans:
            self.table[plan] = Axes(
                given[_rows_key(plan)],
                {axis: given[plan, "gates", axis].float() for axis in _gated(plan)},
                {axis: given[plan, "masks", axis].float() * BLOCKED for axis in _shifted(plan)},
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
        """Encode one embedded view.

        Args:
            inputs: For each backbone ``(1, T', h, w, C)``, then :attr:`WindowInputs.tensors`.
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
    """Shares everything with another attention, and takes the windows of a row at a time."""

    def __init__(self, own: WindowAttention, windows: WindowInputs) -> None:
        self.__dict__.update(own.__dict__)
        self.windows = windows

    def forward(self, tokens: Tensor, plan: WindowPlan) -> Tensor:
        """As of the other attention, for one map ``(1, T, H, W, C)``."""
        (nt, nh, nw), (t, h, w) = plan.counts, plan.window
        channels = tokens.shape[-1]
        parted = tokens.view(nt, t, nh, h, nw, w, channels).permute(0, 2, 4, 1, 3, 5, 6)
        query, key, value = self._heads_of(parted.reshape(-1, plan.tokens, channels))
        terms = self._terms(plan)
        mixed = []
        for row in range(nt * nh):
            q, k, v = (each[row * nw : (row + 1) * nw].transpose(1, 2) for each in (query, key, value))
            logits = sum(terms(*divmod(row, nh)), start=q @ k.transpose(2, 3))
            mixed.append((logits.softmax(dim=-1) @ v).transpose(1, 2).flatten(2))
        joined: Tensor = self.proj(torch.cat(mixed))
        return joined.view(parted.shape).permute(0, 3, 1, 4, 2, 5, 6).reshape(tokens.shape)

    def _heads_of(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value of ``(windows, N, C)``, each ``(windows, N, heads, C / heads)``.

        They are three products, as to part the result of one takes a copy.
        """
        shape = (*rows.shape[:2], self.heads, rows.shape[2] // self.heads)
        layers = zip(self.qkv.weight.chunk(3), self.qkv.bias.chunk(3), strict=True)
        query, key, value = (F.linear(rows, weight, bias).view(shape) for weight, bias in layers)
        return query * shape[-1] ** -0.5, key, value

    def _terms(self, plan: WindowPlan) -> Callable[[int, int], list[Tensor]]:
        """What is added to the logits of a row of windows, by window in time and row.

        The terms are ``(windows of the row or 1, heads, N, N)`` and are read faster than their sum. A
        distance gate is a sum over the axes, so its share of the bias is one too; a binary one is not, and is
        put together row by row.
        """
        fixed, times = self.windows.table[plan], plan.counts[0]
        by_row = self.look_up(self.relative_position_bias_table, fixed.rows, plan.tokens)
        by_column: list[Tensor] = []
        gated = None
        if self.fragment_position_bias_table is not None and fixed.gates:
            fragment = self.look_up(self.fragment_position_bias_table, fixed.rows, plan.tokens)
            difference, by_row = by_row - fragment, fragment
            if plan.gate == "distance":
                by_row = torch.addcmul(by_row, fixed.gates[1], difference)
                by_column = [fixed.gates[2] * difference]
            else:
                gated = difference
        if 1 in fixed.masks:
            by_row = by_row + fixed.masks[1]
        if 2 in fixed.masks:
            by_column = [sum(by_column, start=fixed.masks[2])]

        def terms(time: int, row: int) -> list[Tensor]:
            here = by_row[row : row + 1] if len(by_row) > 1 else by_row
            if 0 in fixed.masks and time == times - 1:
                here = here + fixed.masks[0][-1]
            if gated is not None:
                here = torch.addcmul(
                    here, torch.maximum(fixed.gates[1][row : row + 1], fixed.gates[2]), gated
                )
            return [here, *by_column]

        return terms


def backbones(model: QualityModel) -> list[SwinBackbone]:
    """The backbones of a model, in the order that :class:`ExportedEncoder` takes their tokens in."""
    return [module for module in model.modules() if isinstance(module, SwinBackbone)]


def _rows_key(plan: WindowPlan) -> object:
    return plan.tokens, plan.table_window


def _gated(plan: WindowPlan) -> tuple[int, ...]:
    return () if plan.gate == "none" else (1, 2)


def _shifted(plan: WindowPlan) -> tuple[int, ...]:
    return tuple(axis for axis, shift in enumerate(plan.shift) if shift)
