"""NIQE: how far the statistics of a picture are from those of pristine ones (Mittal et al., SPL 2013)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sslvqa.errors import DataError
from sslvqa.peers.nss import NEIGHBOURS, fit_aggd, half_size, mscn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Blocks", "PristineModel", "fit_pristine", "niqe_blocks", "niqe_distance"]

BLOCK_PX = 96
_SHARP = 0.75
_FEWEST = 2


class Blocks(NamedTuple):
    """What is known of the blocks of one picture."""

    features: NDArray[np.float64]
    """``(blocks, 36)``."""
    sharpness: NDArray[np.float64]
    """Mean local deviation of each block at full size, ``(blocks,)``."""


class PristineModel(NamedTuple):
    """Gaussian of the blocks of pristine pictures."""

    mean: NDArray[np.float64]
    """``(36,)``."""
    cov: NDArray[np.float64]
    """``(36, 36)``."""


def niqe_blocks(luma: NDArray[np.float64]) -> Blocks:
    """Cut a picture in whole blocks of 96 x 96 px and measure each at two scales.

    Of each scale: alpha and mean scale of the MSCN coefficients, then alpha, eta, left and right scale of
    their products with four neighbours. Shifts wrap around within a block.

    Args:
        luma: Picture ``(H, W)`` in 0..255. Smaller than a block it is one block, mirrored to that size.
    """
    height, width = (max(size // BLOCK_PX, 1) * BLOCK_PX for size in luma.shape)
    missing = [(0, max(whole - own, 0)) for whole, own in zip((height, width), luma.shape, strict=True)]
    luma = np.pad(luma, missing, mode="symmetric")[:height, :width]
    normal, deviation = mscn(luma, edge="nearest")
    small, _ = mscn(half_size(luma), edge="nearest")
    features = [_features(_cut(normal, BLOCK_PX)), _features(_cut(small, BLOCK_PX // 2))]
    return Blocks(np.concatenate(features, axis=1), _cut(deviation, BLOCK_PX).mean(axis=(1, 2)))


def fit_pristine(pictures: Iterable[Blocks]) -> PristineModel:
    """Fit a Gaussian to the sharp blocks (above 0.75 of the sharpest of their picture) of pristine pictures.

    Raises:
        DataError: There are fewer than two such blocks.
    """
    kept = [blocks.features[blocks.sharpness > _SHARP * blocks.sharpness.max()] for blocks in pictures]
    rows = np.concatenate(kept) if kept else np.empty((0, 36))
    if len(rows) < _FEWEST:
        raise DataError(f"{len(rows)} sharp blocks of pristine frames; give more, or larger, videos")
    return PristineModel(rows.mean(axis=0), np.cov(rows, rowvar=False))


def niqe_distance(blocks: Blocks, pristine: PristineModel) -> float:
    """Distance ``sqrt((m - n)' ((S + T) / 2)^+ (m - n))`` of a picture from the pristine ones; 0 is best.

    A picture of one block has no covariance, which then counts as 0.
    """
    features = blocks.features
    delta = pristine.mean - features.mean(axis=0)
    own = np.cov(features, rowvar=False) if len(features) >= _FEWEST else np.zeros_like(pristine.cov)
    inverse = np.linalg.pinv((pristine.cov + own) / 2)
    return float(np.sqrt(max(delta @ inverse @ delta, 0.0)))


def _cut(picture: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Blocks ``(blocks, side, side)`` of a picture that they cover, row by row."""
    height, width = picture.shape
    rows = picture.reshape(height // side, side, width // side, side)
    return rows.swapaxes(1, 2).reshape(-1, side, side)


def _features(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    own = fit_aggd(blocks.reshape(len(blocks), -1))
    columns = [own.shape, (own.left_scale + own.right_scale) / 2]
    for shift in NEIGHBOURS:
        products = blocks * np.roll(blocks, shift, axis=(1, 2))
        pair = fit_aggd(products.reshape(len(blocks), -1))
        columns += [pair.shape, pair.mean, pair.left_scale, pair.right_scale]
    return np.stack(columns, axis=1)
