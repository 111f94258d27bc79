"""Turned views: another content of the same quality (ours; the paper has none of it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["COLUMNS", "ROWS", "SWAP", "TIME", "TURNS", "draw_turns", "turn_view"]

COLUMNS, ROWS, SWAP, TIME = 1, 2, 4, 8
"""Bits of a turn: mirror columns, mirror rows, swap rows and columns after that, run backwards in time."""
TURNS = 16
"""How many there are; 0 changes nothing."""


def draw_turns(count: int, *, generator: Generator) -> list[int]:
    """Draw a turn for each of ``count`` views, every one as likely."""
    drawn: list[int] = torch.randint(TURNS, (count,), generator=generator).tolist()
    return drawn


def turn_view(view: Tensor, turn: int) -> Tensor:
    """The view ``(..., T, S, S)`` turned, a copy unless ``turn`` is 0."""
    axes = [axis for bit, axis in ((COLUMNS, -1), (ROWS, -2), (TIME, -3)) if turn & bit]
    if axes:
        view = view.flip(axes)
    return view.transpose(-1, -2).contiguous() if turn & SWAP else view
