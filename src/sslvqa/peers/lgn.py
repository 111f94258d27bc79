"""Response of the lateral geniculate nucleus to a picture, as STEM and TPQI model it.

Coarsest level of a normalised Laplacian pyramid: the only one that is looked at by Kancharla and Channappayya
(STEM, TIP 2022) and Liao et al. (TPQI, ACM MM 2022).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["lgn_response", "low_pass"]

_KERNEL = (0.05, 0.25, 0.4, 0.25, 0.05)
_REDUCTIONS = 5  # six levels, the last one is what is left
_SIGMA = 0.2782
_FROM_RIGHT, _FROM_LEFT = 0.2215, 0.0717


def lgn_response(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the responses ``(pixels,)``, a pixel for 32 x 32 px of the picture, rounded up.

    ``a = L / (0.2782 + F|L|)``, ``b = a / F|a|`` and ``log(1 + exp(b))``, where L is the low-pass picture and
    F weighs the neighbours at the right (0.2215) and the left (0.0717), 0 beyond the picture. A quotient that
    is none, as where all is black, counts as 0.

    Args:
        luma: Picture ``(H, W)`` in 0..255, of any size.
    """
    low = low_pass(luma)
    once = low / (_SIGMA + _beside(np.abs(low)))
    around = _beside(np.abs(once))
    with np.errstate(over="ignore"):
        twice = np.divide(once, around, out=np.zeros_like(once), where=around > 0)
    return np.logaddexp(0, np.where(np.isfinite(twice), twice, 0)).ravel()


def low_pass(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blur with Burt and Adelson's kernel, mirrored at the edges, and take every other pixel, five times."""
    for _ in range(_REDUCTIONS):
        luma = _halve(_halve(luma).T).T
    return luma


def _halve(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = len(picture)
    padded = np.pad(picture, ((2, 2), (0, 0)), mode="symmetric")
    weighted = (weight * padded[tap : tap + rows : 2] for tap, weight in enumerate(_KERNEL))
    return sum(weighted, start=np.zeros(()))


def _beside(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.zeros_like(picture)
    found[:, :-1] += _FROM_RIGHT * picture[:, 1:]
    found[:, 1:] += _FROM_LEFT * picture[:, :-1]
    return found
