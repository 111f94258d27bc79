"""Rotation and mirroring that a container asks for, as an exact map of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

__all__ = ["UPRIGHT", "Orientation", "frame_orientation"]

_UNIT = 1 << 16
_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Orientation:
    """displayed = coded, transposed first, then flipped.

    Attributes:
        transpose: Swap rows and columns.
        flip_rows: Then turn upside down.
        flip_columns: Then mirror left and right.
    """

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    @property
    def rotation_degrees(self) -> int:
        """Clockwise rotation from coded to displayed, 0, 90, 180 or 270 (mirroring left out)."""
        if self.transpose:
            return 90 if self.flip_columns else 270
        return 180 if self.flip_rows else 0

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Displayed ``(height, width)`` of a coded frame, and the other way round."""
        return (width, height) if self.transpose else (height, width)

    def to_coded(
        self, top: int, left: int, height: int, width: int, *, shown_height: int, shown_width: int
    ) -> tuple[int, int, int, int]:
        """Map a displayed rectangle ``(top, left, height, width)`` to the coded one that holds its pixels."""
        if self.flip_rows:
            top = shown_height - top - height
        if self.flip_columns:
            left = shown_width - left - width
        return (left, top, width, height) if self.transpose else (top, left, height, width)

    def apply(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Turn coded pixels ``(..., H, W)`` into displayed ones, as a view."""
        if self.transpose:
            pixels = pixels.swapaxes(-1, -2)
        if self.flip_rows:
            pixels = pixels[..., ::-1, :]
        if self.flip_columns:
            pixels = pixels[..., ::-1]
        return pixels


UPRIGHT = Orientation()


def frame_orientation(frame: VideoFrame) -> tuple[Orientation, bool]:
    """Orientation from a frame's display matrix, and whether the matrix could be honoured.

    The matrix maps coded ``(x, y)`` to displayed ``(a x + c y, b x + d y)``. Multiples of 90 degrees with or
    without mirroring are exact; any other angle would need resampling and is ignored (second value False).
    """
    matrix = _display_matrix(frame)
    if matrix is None:
        return UPRIGHT, True
    a, b, c, d = (float(matrix[i]) / _UNIT for i in (0, 1, 3, 4))
    straight, crossed = max(abs(a), abs(d)), max(abs(b), abs(c))
    if min(abs(a), abs(d)) > 0 and crossed < _TOLERANCE * straight:
        return Orientation(transpose=False, flip_rows=d < 0, flip_columns=a < 0), True
    if min(abs(b), abs(c)) > 0 and straight < _TOLERANCE * crossed:
        return Orientation(transpose=True, flip_rows=b < 0, flip_columns=c < 0), True
    return UPRIGHT, False


def _display_matrix(frame: VideoFrame) -> NDArray[np.int32] | None:
    entries: Any = frame.side_data
    for item in entries:
        if getattr(item.type, "name", "") == "DISPLAYMATRIX":
            return np.frombuffer(bytes(item), np.int32)
    return None
