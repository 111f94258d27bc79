"""Gaussian pyramid with the binomial kernel [1 4 6 4 1]/16, as in Burt and Adelson (1983)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pyramid_down", "pyramid_down_up", "pyramid_up"]

_KERNEL = np.array([1, 4, 6, 4, 1], np.float32) / 16


def pyramid_down(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smooth and keep every second sample: (H, W) to (ceil(H/2), ceil(W/2)); borders mirror."""
    smooth = ndimage.correlate1d(plane, _KERNEL, axis=0, mode="mirror")[::2]
    small: NDArray[np.float32] = ndimage.correlate1d(smooth, _KERNEL, axis=1, mode="mirror")[:, ::2]
    return small


def pyramid_up(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Double both sides: zeros between the samples, the same kernel times 2 along each axis."""
    return _up_rows(_up_rows(plane).T).T


def _up_rows(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Even rows (a + 6b + c)/8, odd rows (b + c)/2; the zero-stuffed grid is mirrored at both ends."""
    before = np.concatenate([plane[1:2] if len(plane) > 1 else plane[:1], plane[:-1]])
    after = np.concatenate([plane[1:], plane[-1:]])
    out = np.empty((2 * len(plane), plane.shape[1]), np.float32)
    out[::2] = (before + 6 * plane + after) / 8
    out[1::2] = (plane + after) / 2
    return out


def pyramid_down_up(plane: NDArray[np.uint8], *, levels: int) -> NDArray[np.uint8]:
    """Go ``levels`` steps down and up again; 8-bit rounding at each step, cropped to the size that came in.

    Args:
        plane: uint8 (H, W).
        levels: 2, 3, 4 are down-sampling by 4, 8, 16.

    Returns:
        uint8 (H, W). The pyramid grows to a multiple of ``2**levels``; the surplus right and bottom is cut.
    """
    height, width = plane.shape
    work = plane.astype(np.float32)
    for _ in range(levels):
        work = np.rint(pyramid_down(work))
    for _ in range(levels):
        work = np.rint(pyramid_up(work))
    return np.clip(work[:height, :width], 0, 255).astype(np.uint8)
