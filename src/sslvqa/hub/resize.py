"""The network of a model for larger views and windows: a start for training, not a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from sslvqa.errors import WeightsError
from sslvqa.hub.names import build_single
from sslvqa.hub.parts import save_parts
from sslvqa.hub.weights import load_model

if TYPE_CHECKING:
    from torch import Tensor

    from sslvqa.hub.names import Architecture
    from sslvqa.nn.swin3d.window import Triple

__all__ = ["resize_model", "resize_table"]

_RELATIVE, _FRAGMENT = "relative_position_bias_table", "fragment_position_bias_table"


def resize_model(model: str | Path, out: str | Path, *, architecture: Architecture) -> Architecture:
    """Write the regressor of a model as the start of one with other views, windows or gates.

    Everything is kept but the position tables, which get the size of the new window (:func:`resize_table`);
    a fragment table that the model lacks starts as a copy of the relative one, with which the gate changes
    nothing.

    Args:
        model: Shipped name or model directory.
        out: Folder for ``backbone.safetensors`` and ``head.safetensors``, as ``train --init`` takes it.
        architecture: Of the same widths, depths, heads and patches.

    Returns:
        The architecture written: the one wanted, with a head as the model's.

    Raises:
        WeightsError: Something else than the tables differs; all of it is listed, and nothing is written.
    """
    loaded = load_model(model)
    own = loaded.card.architecture
    wanted = architecture.with_moments() if own.head_moments else architecture
    wanted = replace(wanted, head_channels=own.head_channels)
    with torch.device("meta"):
        expected = build_single(wanted).regressor
    found = loaded.model.regressor
    windows = own.backbone.window, wanted.backbone.window
    parts = {
        "backbone": _fit(found.backbone.state_dict(), expected.backbone.state_dict(), windows),
        "head": _fit(found.head.state_dict(), expected.head.state_dict(), windows),
    }
    problems = [problem for _, listed in parts.values() for problem in listed]
    if problems:
        listing = "\n  ".join(problems)
        raise WeightsError(
            f"{loaded.card.name} has another network than {wanted.name}, not only other windows; choose an "
            f"architecture of its widths and depths:\n  {listing}"
        )
    save_parts(Path(out), {name: state for name, (state, _) in parts.items()}, wanted)
    return wanted


def resize_table(table: Tensor, old: Triple, new: Triple) -> Tensor:
    """A table of position biases for another window.

    Args:
        table: A row for each offset in (time, height, width) within the old window, ``(offsets, heads)``.
        old: Its window (time, height, width) in tokens.
        new: The window wanted.

    Returns:
        float32 table of the new window, ``(offsets, heads)``.
    """
    sizes = [2 * side - 1 for side in old]
    grid = table.float().t().reshape(1, -1, *sizes)
    grid = F.interpolate(grid, size=[2 * side - 1 for side in new], mode="trilinear", align_corners=True)
    return grid.flatten(2).squeeze(0).t().contiguous()


def _fit(
    found: dict[str, Tensor], expected: dict[str, Tensor], windows: tuple[Triple, Triple]
) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors for a state of these shapes, and what stands in the way."""
    state, problems = {}, [f"unexpected {name}" for name in found if name not in expected]
    for name, wanted in expected.items():
        tensor = found.get(name, found.get(name.replace(_FRAGMENT, _RELATIVE)))
        if tensor is not None and name.endswith((_RELATIVE, _FRAGMENT)):
            tensor = resize_table(tensor, *windows)
        if tensor is None:
            problems.append(f"missing {name}")
        elif tensor.shape != wanted.shape:
            problems.append(f"{name}: shape {tuple(tensor.shape)} instead of {tuple(wanted.shape)}")
        else:
            state[name] = tensor
    return state, problems
