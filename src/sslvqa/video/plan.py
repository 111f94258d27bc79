"""Which frames are asked for."""

from __future__ import annotations

from operator import index as as_int
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["checked_indices"]


def checked_indices(indices: Sequence[int], frame_count: int, *, name: str) -> list[int]:
    """Sorted, distinct frame numbers.

    Raises:
        ValueError: A number is outside ``[0, frame_count)``.
    """
    wanted = sorted({as_int(i) for i in indices})
    if wanted and (wanted[0] < 0 or wanted[-1] >= frame_count):
        wrong = wanted[0] if wanted[0] < 0 else wanted[-1]
        raise ValueError(
            f"{name}: frame {wrong} was asked for; the video has frames 0 to {frame_count - 1}; "
            "plan the frames with info.frame_count"
        )
    return wanted
