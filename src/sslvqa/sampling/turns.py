"""Turned views: another content of the same quality (ours; the paper has none of it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["TURNS", "draw_turns", "turn_view"]

TURNS = 16
"""How many there are: a number's bits say whether to mirror columns (1), to mirror rows (2), to swap rows and
columns after that (4), and to run backwards in time (8). 0 changes nothing."""


def draw_turns(count: int, *, generator: Generator) -> list[int]:
    """Draw a turn for each of ``count`` views, every one as likely."""
    drawn: list[int] = torch.randint(TURNS, (count,), generator=generator).tolist()
    return drawn


def turn_view(view: Tensor, turn: int) -> Tensor:
    """The view ``(..., T, S, S)`` turned, a copy unless ``turn`` is 0."""
    axes = [axis for bit, axis in ((1, -1), (2, -2), (8, -3)) if turn & bit]
    if axes:
        view = view.flip(axes)
    return view.transpose(-1, -2).contiguous() if turn & 4 else view
