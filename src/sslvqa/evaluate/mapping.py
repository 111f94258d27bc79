"""Logistic maps from scores to labels, fitted before PLCC and RMSE as the field does (VQEG)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit

from sslvqa.errors import DataError
from sslvqa.evaluate.correlation import paired

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["LogisticFit", "fit_logistic"]

LogisticKind = Literal["logistic4", "logistic5"]
_PARAMETERS = {"logistic4": 4, "logistic5": 5}


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """A fitted map from x, with z = (x - shift) / unit.

    - ``logistic4``: ``b2 + (b1 - b2) / (1 + exp(-(z - b3) / |b4|))``;
    - ``logistic5``: ``b1 (1/2 - 1 / (1 + exp(b2 (z - b3)))) + b4 z + b5``.
    """

    kind: LogisticKind
    parameters: tuple[float, ...]
    """b1, b2, ... for standardised scores."""
    shift: float
    unit: float
    converged: bool
    """Whether the optimiser met its tolerance from the best start; when false, report raw numbers only."""
    rmse: float
    """Of the fit, in the unit of the labels."""

    def __call__(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Map scores of any shape to the scale of the labels."""
        z = (np.asarray(scores, dtype=np.float64) - self.shift) / self.unit
        return _FUNCTIONS[self.kind](np.asarray(self.parameters), z)


def fit_logistic(scores: ArrayLike, labels: ArrayLike, *, kind: LogisticKind = "logistic4") -> LogisticFit:
    """Fit by least squares on standardised scores, from several starts of both slopes.

    The field fits on the very videos it reports; say so beside the number.

    Raises:
        DataError: Fewer videos than parameters plus one, constant scores or labels, sizes that differ,
            or values that are not finite.
    """
    x, y = paired(scores, labels)
    needed = _PARAMETERS[kind] + 1
    if x.size < needed:
        raise DataError(f"a {kind} fit got {x.size} videos; it needs at least {needed}")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise DataError(f"a {kind} fit got constant scores or labels; nothing can be fitted")
    shift, unit = float(x.mean()), float(x.std())
    z, height = (x - shift) / unit, float(y.std())
    function = _FUNCTIONS[kind]

    def residual(theta: NDArray[np.float64]) -> NDArray[np.float64]:
        return (function(theta, z) - y) / height

    fits = [least_squares(residual, start, x_scale="jac", max_nfev=2000) for start in _starts(kind, y)]
    usable = [fit for fit in fits if np.isfinite(fit.cost)]
    best = min(usable, key=lambda fit: (not fit.success, float(fit.cost)))
    parameters = tuple(float(value) for value in best.x)
    error = float(np.sqrt(2 * best.cost / x.size) * height)
    return LogisticFit(kind, parameters, shift, unit, bool(best.success), error)


def _logistic4(theta: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    top, bottom, centre, width = theta
    mapped: NDArray[np.float64] = bottom + (top - bottom) * expit((z - centre) / max(abs(width), 1e-6))
    return mapped


def _logistic5(theta: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    height, steepness, centre, slope, level = theta
    mapped: NDArray[np.float64] = height * (0.5 - expit(-steepness * (z - centre))) + slope * z + level
    return mapped


_FUNCTIONS: dict[LogisticKind, Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]] = {
    "logistic4": _logistic4,
    "logistic5": _logistic5,
}


def _starts(kind: LogisticKind, y: NDArray[np.float64]) -> list[list[float]]:
    high, low, middle = float(y.max()), float(y.min()), float(y.mean())
    if kind == "logistic4":
        ends = [(high, low), (low, high)]
        return [
            [top, bottom, centre, width]
            for top, bottom in ends
            for centre in (-1.0, 0.0, 1.0)
            for width in (0.3, 1.0)
        ]
    return [
        [sign * (high - low), steepness, 0.0, slope, middle]
        for sign in (1.0, -1.0)
        for steepness in (0.5, 2.0)
        for slope in (0.0, sign * 0.1 * (high - low))
    ]
