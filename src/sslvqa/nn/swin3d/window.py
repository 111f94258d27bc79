"""Geometry of shifted 3D windows: which tokens share a window, how far apart they are, in which fragment.

Nothing here is learned. The constant tensors of a geometry are built once a process and shared by all blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Constants",
    "GateKind",
    "Triple",
    "WindowPlan",
    "axis_gates",
    "axis_masks",
    "bias_rows",
    "constants",
    "fragment_gates",
    "plan_windows",
    "shift_masks",
    "window_order",
]

Triple = tuple[int, int, int]
GateKind = Literal["distance", "binary", "none"]

BLOCKED = (
    -100.0
)  # added to the logit of a pair that only the cyclic shift brought together (published weights)


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """How one feature map is cut in windows; triples are (time, height, width) in tokens."""

    size: Triple
    """The map before padding."""
    window: Triple
    """The window, nowhere larger than the map."""
    shift: Triple
    """How far the map is rolled towards the origin; 0 along an axis that one window covers."""
    table_window: Triple
    """The window that the bias tables were made for."""
    fragments: int
    """Cells of the fragment grid along height and along width."""
    gate: GateKind
    """How two tokens' fragments choose between the two bias tables; ``none``: there is one table only."""
    kept: dict[torch.device, Constants] = field(default_factory=dict, compare=False, repr=False)
    """What :func:`constants` gave, by device: a compiler follows this look-up, but no cache of a function."""

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return the plan itself: copies of a network share it, and its constants."""
        return self

    @property
    def padded(self) -> Triple:
        """The map after padding to whole windows."""
        t, h, w = (-(-n // win) * win for n, win in zip(self.size, self.window, strict=True))
        return t, h, w

    @property
    def counts(self) -> Triple:
        """Number of windows along each axis."""
        t, h, w = (n // win for n, win in zip(self.padded, self.window, strict=True))
        return t, h, w

    @property
    def tokens(self) -> int:
        """Tokens of one window."""
        t, h, w = self.window
        return t * h * w

    @property
    def distinct(self) -> int:
        """How many windows of a clip need a bias of their own; they are the last ones in window order.

        1 where all windows are alike; height x width where only the fragment gate or a spatial shift tells
        them apart; all of them where the shift also wraps around in time.
        """
        t, h, w = self.counts
        if self.shift[0]:
            return t * h * w
        return h * w if self.gate != "none" or any(self.shift) else 1


def plan_windows(
    size: Triple,
    *,
    window: Triple,
    shifted: bool,
    fragments: int = 7,
    gate: GateKind = "none",
) -> WindowPlan:
    """Fit a window to a feature map.

    Args:
        size: The map in tokens (time, height, width).
        window: The window wanted; cut to the map where the map is smaller.
        shifted: Whether the windows are displaced by half a window; not along an axis that one covers.
        fragments: Cells of the fragment grid along height and along width.
        gate: Kind of fragment gate.

    Returns:
        The plan.
    """
    t, h, w = (min(n, win) for n, win in zip(size, window, strict=True))
    dt, dh, dw = (win // 2 if shifted and n > win else 0 for n, win in zip(size, window, strict=True))
    return WindowPlan(size, (t, h, w), (dt, dh, dw), window, fragments, gate)


def bias_rows(plan: WindowPlan) -> NDArray[np.int64]:
    """Row of the bias tables for every pair of tokens of a window, int64 ``(tokens, tokens)``.

    A row stands for one offset (query minus key) in (time, height, width) within the tables' window. A window
    smaller than that numbers its tokens as the first ones of the full window, which is how the published
    weights were trained (for a window cut in time only, this is the true offset).
    """
    axes = np.meshgrid(*(np.arange(n) for n in plan.table_window), indexing="ij")
    position = np.stack(axes, axis=-1).reshape(-1, 3)[: plan.tokens]
    offset = position[:, None] - position[None] + np.asarray(plan.table_window) - 1
    _, height, width = plan.table_window
    rows: NDArray[np.int64] = (offset[..., 0] * (2 * height - 1) + offset[..., 1]) * (2 * width - 1) + offset[
        ..., 2
    ]
    return rows


def fragment_gates(plan: WindowPlan) -> NDArray[np.uint8]:
    """Gate g of every pair of tokens, uint8 ``(distinct, tokens, tokens)``.

    ``distance`` is the Manhattan distance of the fragments in the grid, ``binary`` is 1 where they differ.
    A token's fragment follows from nearest interpolation of the grid to the padded map; it moves with shifts.
    """
    _, height, width = plan.padded
    row = np.arange(height)[None, :, None] * plan.fragments // height
    column = np.arange(width)[None, None, :] * plan.fragments // width
    gates = _apart(row, plan) + _apart(column, plan)
    return np.minimum(gates, 1) if plan.gate == "binary" else gates


def shift_masks(plan: WindowPlan) -> NDArray[np.bool_]:
    """True for pairs that are neighbours only because the map was rolled, ``(distinct, tokens, tokens)``."""
    masks = np.zeros((plan.distinct, plan.tokens, plan.tokens), dtype=np.bool_)
    for axis, shift in enumerate(plan.shift):
        shape = [1, 1, 1]
        shape[axis] = plan.padded[axis]
        wrapped = (np.arange(plan.padded[axis]) < shift).astype(np.int64).reshape(shape)
        masks |= _apart(wrapped, plan) > 0
    return masks


def axis_gates(plan: WindowPlan, axis: int) -> NDArray[np.uint8]:
    """Share of height (1) or width (2) in the gates, by window along it, uint8 ``(windows, tokens, tokens)``.

    A gate is the sum of the shares of both axes, or for ``binary`` the larger one.
    """
    places = np.arange(plan.padded[axis]) * plan.fragments // plan.padded[axis]
    gates = _apart_along(places, plan, axis)
    return np.minimum(gates, 1) if plan.gate == "binary" else gates


def axis_masks(plan: WindowPlan, axis: int) -> NDArray[np.bool_]:
    """Pairs that the roll along one axis brought together, ``(counts[axis], tokens, tokens)``.

    Only the last window of an axis has any. A pair is blocked where one of the three axes blocks it.
    """
    return _apart_along(np.arange(plan.padded[axis]) < plan.shift[axis], plan, axis) > 0


def window_order(plan: WindowPlan) -> NDArray[np.int64]:
    """Place in the padded, unrolled map (row-major) of every token of every window, ``(windows, tokens)``."""
    places = np.arange(plan.padded[0] * plan.padded[1] * plan.padded[2]).reshape(plan.padded)
    return _cut(places, plan)


def _apart(values: NDArray[np.int64], plan: WindowPlan) -> NDArray[np.uint8]:
    """Absolute difference of a small per-token value for every pair in a window, after the shift."""
    cut = _cut(np.broadcast_to(values, plan.padded), plan)[-plan.distinct :].astype(np.int8)
    apart: NDArray[np.uint8] = np.abs(cut[:, :, None] - cut[:, None]).view(np.uint8)
    return apart


def _apart_along(values: NDArray[Any], plan: WindowPlan, axis: int) -> NDArray[np.uint8]:
    """The same for a value of each place along one axis, by window along that axis."""
    rolled = np.roll(values.astype(np.int8), -plan.shift[axis])
    own = rolled.reshape(plan.counts[axis], -1)[:, np.indices(plan.window)[axis].ravel()]
    apart: NDArray[np.uint8] = np.abs(own[:, :, None] - own[:, None]).view(np.uint8)
    return apart


def _cut(values: NDArray[np.int64], plan: WindowPlan) -> NDArray[np.int64]:
    """Values of a padded map by window, after the shift, ``(windows, tokens)``."""
    rolled = np.roll(values, [-s for s in plan.shift], axis=(0, 1, 2))
    (nt, nh, nw), (t, h, w) = plan.counts, plan.window
    return rolled.reshape(nt, t, nh, h, nw, w).transpose(0, 2, 4, 1, 3, 5).reshape(-1, plan.tokens)


@dataclass(frozen=True, slots=True, eq=False)
class Constants:
    """Tensors of one geometry on one device."""

    rows: Tensor
    """Integers ``(tokens * tokens,)``: rows of the bias tables."""
    gates: Tensor | None
    """float32 ``(distinct, 1, tokens, tokens)``: the gate g; None without a gate."""
    masks: Tensor | None
    """float32 ``(distinct, 1, tokens, tokens)``: added to the logits; None without a shift."""


def constants(plan: WindowPlan, device: torch.device) -> Constants:
    """Return the constant tensors of a plan, built at the first call and shared afterwards.

    Args:
        plan: The geometry.
        device: Where the tensors shall live.

    Returns:
        Table rows, gates and shift masks. They are not to be modified.
    """
    if torch.compiler.is_compiling() and not torch.compiler.is_dynamo_compiling():
        return _build(plan, device)  # the stand-in tensors of an export must not be kept
    found = plan.kept.get(device)
    if found is None:
        found = plan.kept[device] = _build_once(plan, device)
    return found


def _build(plan: WindowPlan, device: torch.device) -> Constants:
    with torch.inference_mode(
        mode=False
    ):  # the first call may be a scoring one, a later one may need gradients
        rows = torch.from_numpy(bias_rows(plan).reshape(-1)).to(device)
        gates = masks = None
        if plan.gate != "none":
            gates = torch.from_numpy(fragment_gates(plan).astype(np.float32)).to(device).unsqueeze(1)
        if any(plan.shift):
            blocked = np.where(shift_masks(plan), np.float32(BLOCKED), np.float32(0))
            masks = torch.from_numpy(blocked).to(device).unsqueeze(1)
    return Constants(rows, gates, masks)


_build_once = lru_cache(maxsize=64)(_build)
