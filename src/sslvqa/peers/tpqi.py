"""TPQI: how straight the path of a video is in the responses of V1 and LGN (Liao et al., ACM MM 2022)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sslvqa.peers.trajectory import consecutive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Bends", "bends", "shrink"]

_LARGEST_PX, _SHRUNKEN_PX = 600, 480
_SAME = 1e-6


class Bends(NamedTuple):
    """The path at every three consecutive frames a, b, c that differ."""

    angle: NDArray[np.float64]
    """Between ``b - a`` and ``c - b``, in 0..pi; 0 is straight."""
    chord: NDArray[np.float64]
    """Length of ``c - a``."""

    @property
    def v1_curvature(self) -> NDArray[np.float64]:
        """``angle * chord``."""
        return self.angle * self.chord

    @property
    def lgn_curvature(self) -> NDArray[np.float64]:
        """``log(1 + angle * sqrt(chord))``."""
        return np.log1p(self.angle * np.sqrt(self.chord))


def bends(points: NDArray[np.float64], numbers: Sequence[int]) -> Bends:
    """Angles and chords of all consecutive triplets in which no frame repeats the one before it.

    A frame repeats another if they are nearer than a millionth of the root mean square of all points:
    rounding parts equal ones. The published method divides 0 by 0 there and skips what comes out.

    Args:
        points: Coordinates ``(frames, dimensions)``, their mean 0.
        numbers: Of the frames, increasing.
    """
    starts = consecutive(numbers, 3)
    first, second = (points[starts + step + 1] - points[starts + step] for step in (0, 1))
    lengths = np.linalg.norm([first, second], axis=2)
    moving = (lengths > _SAME * np.sqrt((points**2).sum(axis=1).mean())).all(axis=0)
    first, second, lengths = first[moving], second[moving], lengths[:, moving]
    cosine = (first * second).sum(axis=1) / lengths.prod(axis=0)
    return Bends(np.arccos(np.clip(cosine, -1, 1)), np.linalg.norm(first + second, axis=1))


def shrink(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring the longer side of a picture ``(H, W)`` to 480 px if it is above 600, so 16:9 becomes 480 x 270.

    Linear interpolation, its kernel stretched by the reduction against aliasing; the shape is kept.
    """
    largest = max(luma.shape)
    if largest <= _LARGEST_PX:
        return luma
    for axis, size in enumerate(luma.shape):
        places, weights = _triangle(size, max(round(size * _SHRUNKEN_PX / largest), 1))
        along = (-1, 1) if axis == 0 else (1, -1)
        weighted = (w.reshape(along) * luma.take(own, axis) for own, w in zip(places, weights, strict=True))
        luma = sum(weighted, start=np.zeros(()))
    return luma


@lru_cache(maxsize=8)
def _triangle(size: int, wanted: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Pixels that a new one is made of and their weights, ``(taps, wanted)`` each."""
    ratio = size / wanted
    middle = (np.arange(wanted) + 0.5) * ratio - 0.5
    places = np.floor(middle - ratio).astype(np.intp) + 1 + np.arange(int(np.ceil(2 * ratio)))[:, None]
    weights = np.maximum(1 - np.abs(places - middle) / ratio, 0) * ((places >= 0) & (places < size))
    return np.clip(places, 0, size - 1), weights / weights.sum(axis=0)
