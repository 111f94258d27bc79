"""Natural scene statistics of a luminance picture: what BRISQUE and NIQE are made of.

Sources: Mittal, Moorthy, Bovik, "No-reference image quality assessment in the spatial domain" (TIP 2012) and
Mittal, Soundararajan, Bovik, "Making a completely blind image quality analyzer" (SPL 2013).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.ndimage import correlate1d
from scipy.special import gamma

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NEIGHBOURS", "AsymmetricGaussian", "fit_aggd", "half_size", "mscn"]

NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Shifts (down, right) whose products with the picture are looked at."""

_RADIUS, _SIGMA = 3, 7 / 6
_TAPS = np.arange(-3, 5)
_SMALLEST = 1e-12


class AsymmetricGaussian(NamedTuple):
    """An asymmetric generalised Gaussian; arrays, one entry a sample set."""

    shape: NDArray[np.float64]
    """Alpha, in 0.2..10: 2 is a Gaussian, 1 a Laplacian."""
    left: NDArray[np.float64]
    """Root mean square of the negative samples."""
    right: NDArray[np.float64]
    """Root mean square of the positive samples."""

    @property
    def left_scale(self) -> NDArray[np.float64]:
        """Beta of the left side, ``left * sqrt(Gamma(1/alpha) / Gamma(3/alpha))``."""
        return self.left * _ratio(self.shape)

    @property
    def right_scale(self) -> NDArray[np.float64]:
        """Beta of the right side."""
        return self.right * _ratio(self.shape)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Eta, ``(right_scale - left_scale) * Gamma(2/alpha) / Gamma(1/alpha)``."""
        values: NDArray[np.float64] = (self.right_scale - self.left_scale) * (
            gamma(2 / self.shape) / gamma(1 / self.shape)
        )
        return values


def mscn(
    luma: NDArray[np.float64], *, edge: Literal["nearest", "constant"]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean-subtracted, contrast-normalised coefficients, ``(I - mu) / (sigma + 1)``.

    Args:
        luma: Picture ``(H, W)`` in 0..255.
        edge: What lies beyond the picture: its last pixels (NIQE) or 0 (BRISQUE).

    Returns:
        The coefficients and the local deviation sigma, both ``(H, W)``.
    """
    mean = _blur(luma, edge)
    deviation = np.sqrt(np.abs(_blur(luma * luma, edge) - mean * mean))
    return (luma - mean) / (deviation + 1), deviation


def fit_aggd(samples: NDArray[np.float64]) -> AsymmetricGaussian:
    """Fit by moments, for every row of ``(sets, samples)``; alpha is searched in steps of 0.001.

    A side without samples counts as one with deviation 0; a set of zeros has alpha 0.2.
    """
    squares = samples * samples
    left, right = (np.sqrt(_mean_where(squares, side)) for side in (samples < 0, samples > 0))
    between = (left + _SMALLEST) / (right + _SMALLEST)
    moment = np.abs(samples).mean(axis=1) ** 2 / np.maximum(squares.mean(axis=1), _SMALLEST)
    wanted = moment * (between**3 + 1) * (between + 1) / (between**2 + 1) ** 2
    shapes, ratios = _table()
    # the ratio grows with alpha, so the nearest one is beside where the wanted one would be inserted
    place = np.clip(np.searchsorted(ratios, wanted), 1, len(ratios) - 1)
    nearer = place - (wanted - ratios[place - 1] <= ratios[place] - wanted)
    return AsymmetricGaussian(shapes[nearer], left, right)


def half_size(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the picture in both directions by an antialiased bicubic kernel, as MATLAB's ``imresize`` does.

    Beyond its edges the picture is mirrored; an odd size is rounded up.
    """
    for axis in (0, 1):
        size = luma.shape[axis]
        around = np.mod(2 * np.arange((size + 1) // 2) + _TAPS[:, None], 2 * size)
        places = np.where(around < size, around, 2 * size - 1 - around)
        weighted = (w * luma.take(own, axis) for w, own in zip(_half_weights(), places, strict=True))
        luma = sum(weighted, start=np.zeros(()))
    return luma


def _blur(picture: NDArray[np.float64], edge: Literal["nearest", "constant"]) -> NDArray[np.float64]:
    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    rows = correlate1d(picture, weights, axis=0, mode=edge)
    blurred: NDArray[np.float64] = correlate1d(rows, weights, axis=1, mode=edge)
    return blurred


def _mean_where(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = (values * chosen).sum(axis=1) / np.maximum(chosen.sum(axis=1), 1)
    return mean


def _ratio(shape: NDArray[np.float64]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return values


@cache
def _table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Alphas and ``Gamma(2/alpha)^2 / (Gamma(1/alpha) Gamma(3/alpha))`` of each."""
    shapes = np.arange(200, 10001) / 1000
    return shapes, gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))


@cache
def _half_weights() -> NDArray[np.float64]:
    """Of the eight pixels around a new one, by Keys' cubic (a = -1/2) stretched to twice its width."""
    distance = np.abs(_TAPS - 0.5) / 2
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance <= 1, near, far)
    normal: NDArray[np.float64] = weights / weights.sum()
    return normal
