"""Response of the primary visual cortex (V1) to a picture, as TPQI models it: moduli of a Gabor bank.

The envelope is round, so that a filter is a product of one across and one down the picture.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ORIENTATIONS", "SCALES", "v1_response"]

SCALES, ORIENTATIONS = 5, 8
_HIGHEST, _RATIO = 0.25, np.sqrt(2)  # cycles a px, and from one scale to the next
_RADIUS_PX = 19
_SIDE_PX = 2 * _RADIUS_PX + 1
_STEP_PX = 4


def v1_response(luma: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the responses ``(40 * ceil(H / 4) * ceil(W / 4),)``, with mean 0 and deviation 1.

    Moduli of ``f^2 / 2 pi exp(-f^2 (x^2 + y^2) / 2) exp(2 pi i f (x cos t + y sin t))`` on 39 x 39 px: f from
    1/4 down by the square root of 2 in five scales, t in eight steps of pi / 8. They are taken at every
    fourth pixel in both directions; the picture is 0 beyond its edges. Without any variation all are 0.

    In single precision; 20 ms for 480 x 270 px on one core.

    Args:
        luma: Picture ``(H, W)`` in 0..255, of any size.
    """
    responses: NDArray[np.float32] = np.abs(_down(len(luma)) @ _across(luma))
    deviation = responses.std(dtype=np.float64)
    if deviation == 0:
        return np.zeros(responses.size, np.float32)
    normal: NDArray[np.float32] = ((responses - responses.mean(dtype=np.float64)) / deviation).astype(
        np.float32
    )
    return normal.ravel()


def _across(luma: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Filter the rows: ``(filters, H, ceil(W / 4))``."""
    padded = np.pad(luma, ((0, 0), (_RADIUS_PX, _RADIUS_PX))).astype(np.float32)
    windows = sliding_window_view(padded, _SIDE_PX, axis=1)[:, ::_STEP_PX]
    taps, _ = _taps()
    parts = np.concatenate([taps.real, taps.imag]) @ windows.reshape(-1, _SIDE_PX).T
    real, imaginary = parts.reshape(2, len(taps), *windows.shape[:2])
    found = np.empty(real.shape, np.complex64)
    found.real, found.imag = real, imaginary
    return found


@lru_cache(maxsize=4)
def _down(height: int) -> NDArray[np.complex64]:
    """What filters columns of that height, ``(filters, ceil(H / 4), H)``."""
    _, taps = _taps()
    starts = range(0, height, _STEP_PX)
    matrix = np.zeros((len(taps), len(starts), height + 2 * _RADIUS_PX), np.complex64)
    for row, start in enumerate(starts):
        matrix[:, row, start : start + _SIDE_PX] = taps
    return matrix[:, :, _RADIUS_PX:-_RADIUS_PX].copy()


@cache
def _taps() -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """Factors across and down of every filter, ``(filters, 39)`` each."""
    frequency = np.repeat(_HIGHEST / _RATIO ** np.arange(SCALES), ORIENTATIONS)[:, None]
    angle = np.tile(np.pi * np.arange(ORIENTATIONS) / ORIENTATIONS, SCALES)[:, None]
    place = np.arange(-_RADIUS_PX, _RADIUS_PX + 1)
    envelope = frequency / np.sqrt(2 * np.pi) * np.exp(-((frequency * place) ** 2) / 2)
    across, down = (
        envelope * np.exp(2j * np.pi * frequency * part * place) for part in (np.cos(angle), np.sin(angle))
    )
    return across.astype(np.complex64), down.astype(np.complex64)
