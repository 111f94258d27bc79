"""The path of a video through the space of its responses, in few dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["DIMENSIONS", "STILL", "consecutive", "log_mean", "principal_components"]

DIMENSIONS = 10
STILL = 1e-4
"""The least that a mean over time counts as, and what it is where nothing moves."""

_SMALLEST = 1e-12
_AT_ONCE = 30


def principal_components(vectors: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Coordinates ``(frames, 10)`` of vectors on the principal axes of all of them, columns of 0 if fewer.

    What spreads the vectors by less than a millionth of their spread on the first axis counts as 0. An axis
    points to where its largest coordinate is positive.

    Args:
        vectors: Of each frame; may be much longer than there are frames, as only their products are needed.
    """
    products = _products(vectors)
    products -= products.mean(axis=0)
    products -= products.mean(axis=1, keepdims=True)
    spread, axes = np.linalg.eigh(products)
    spread, axes = spread[::-1][:DIMENSIONS], axes[:, ::-1][:, :DIMENSIONS]
    spread = np.where(spread > _SMALLEST * spread[0], spread, 0)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    points = np.zeros((len(vectors), DIMENSIONS))
    points[:, : len(spread)] = axes * np.sign(largest) * np.sqrt(spread)
    return points


def consecutive(numbers: Sequence[int], count: int) -> NDArray[np.intp]:
    """Places ``i`` where ``numbers[i : i + count]``, which increase, leave out none."""
    last = np.asarray(numbers[count - 1 :], dtype=np.intp)
    return np.flatnonzero(last - np.asarray(numbers[: len(last)], dtype=np.intp) == count - 1)


def log_mean(values: NDArray[np.float64]) -> float:
    """Logarithm of the mean of values >= 0, which counts as 0.0001 where it is less or there are none."""
    return float(np.log(max(values.mean(), STILL) if len(values) else STILL))


def _products(vectors: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Inner products ``(frames, frames)`` of all vectors less the first; a still video has only zeros."""
    places = [slice(start, start + _AT_ONCE) for start in range(0, len(vectors), _AT_ONCE)]
    found = np.empty((len(vectors), len(vectors)))
    for row in places:
        own = np.subtract(vectors[row], vectors[0], dtype=np.float64)
        for column in places[: places.index(row) + 1]:
            others = np.subtract(vectors[column], vectors[0], dtype=np.float64)
            found[row, column] = own @ others.T
            found[column, row] = found[row, column].T
    return found
