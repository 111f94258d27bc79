"""BRISQUE: 36 natural scene statistics of a picture (Mittal, Moorthy, Bovik, TIP 2012)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sslvqa.peers.nss import NEIGHBOURS, fit_aggd, half_size, mscn

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["brisque_features"]


def brisque_features(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 36 features of a picture.

    At full and at half size 18 numbers: alpha and mean variance of the MSCN coefficients, then alpha, eta,
    left and right variance of their products with the right, lower, lower right and lower left neighbour.
    Shifts wrap around the picture; the fit is asymmetric for the coefficients too, as in the authors' code.

    Args:
        luma: Picture ``(H, W)`` in 0..255, of any size.
    """
    return np.concatenate([_features(luma), _features(half_size(luma))])


def _features(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    normal, _ = mscn(luma, edge="constant")
    own = fit_aggd(normal.reshape(1, -1))
    products = np.stack([(normal * np.roll(normal, shift, axis=(0, 1))).ravel() for shift in NEIGHBOURS])
    pairs = fit_aggd(products)
    rows = np.stack([pairs.shape, pairs.mean, pairs.left**2, pairs.right**2], axis=1)
    return np.concatenate([own.shape, (own.left**2 + own.right**2) / 2, rows.ravel()])
