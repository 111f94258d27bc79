"""Monotonic maps from a raw score to the label scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sslvqa.errors import DataError
from sslvqa.hub.card import MapCard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["MonotonicMap", "fit_monotonic_map"]

MapKind = Literal["logistic4", "linear", "moments", "constant"]

_ENOUGH_FOR_LOGISTIC = 12
_SLOPE_BOUNDS = (0.05, 8.0)
"""Of the logistic in units of 1 / standard deviation of the raw scores: no steps, no straight lines."""


@dataclass(frozen=True, slots=True)
class MonotonicMap:
    """An increasing map from raw scores to the label scale, in float64.

    ``logistic4``: ``low + (high - low) / (1 + exp(-(x - centre) / scale))``, scale > 0, high > low.
    ``linear``, ``moments``, ``constant``: ``intercept + slope * x``, slope >= 0. All are clipped to
    ``[minimum, maximum]``.
    """

    kind: MapKind
    parameters: Mapping[str, float]
    minimum: float
    maximum: float
    pairs: int
    """How many (raw, label) pairs it was fitted on."""

    def __call__(self, raw: ArrayLike) -> NDArray[np.float64]:
        """Map raw scores of any shape to the label scale."""
        x = np.asarray(raw, dtype=np.float64)
        p = self.parameters
        if self.kind == "logistic4":
            mapped = p["low"] + (p["high"] - p["low"]) * _logistic((x - p["centre"]) / p["scale"])
        else:
            mapped = p["intercept"] + p["slope"] * x
        clipped: NDArray[np.float64] = np.clip(mapped, self.minimum, self.maximum)
        return clipped

    def to_card(self) -> MapCard:
        """Return the numbers as the card stores them."""
        return MapCard(
            kind=self.kind,
            parameters=dict(self.parameters),
            minimum=self.minimum,
            maximum=self.maximum,
            pairs=self.pairs,
        )

    @classmethod
    def from_card(cls, card: MapCard) -> MonotonicMap:
        """Inverse of :meth:`to_card`."""
        return cls(card.kind, dict(card.parameters), card.minimum, card.maximum, card.pairs)


def fit_monotonic_map(
    raw: ArrayLike, labels: ArrayLike, *, minimum: float | None = None, maximum: float | None = None
) -> MonotonicMap:
    """Fit the increasing map by least squares; which form was possible is its ``kind``.

    - ``logistic4``, asymptotes inside ``[minimum, maximum]``, when there are enough distinct pairs, the
      optimiser converges and the fit is no worse than the straight line;
    - else ``linear``, the least-squares line;
    - when that does not rise, ``moments``: the line which matches mean and standard deviation; the order is
      kept but the values are not to be trusted;
    - ``constant`` when the raw scores or the labels do not vary.

    Args:
        raw: Raw scores of labelled videos (or of their views), any shape.
        labels: One label each, same shape.
        minimum: Lowest value of the label scale; default the lowest label.
        maximum: Highest value of the label scale; default the highest label.

    Raises:
        DataError: Fewer than two pairs, sizes that differ, or values that are not finite.
    """
    x, y = np.ravel(np.asarray(raw, dtype=np.float64)), np.ravel(np.asarray(labels, dtype=np.float64))
    if x.size != y.size or x.size < 2:
        raise DataError(
            f"calibration got {x.size} raw scores and {y.size} labels; it needs two or more pairs"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError(
            "calibration got scores or labels that are not finite; drop the unlabelled videos first"
        )
    low = float(y.min()) if minimum is None else float(minimum)
    high = float(y.max()) if maximum is None else float(maximum)
    kind, parameters = _fit(x, y, low, high)
    return MonotonicMap(kind, parameters, low, high, int(x.size))


def _fit(
    x: NDArray[np.float64], y: NDArray[np.float64], low: float, high: float
) -> tuple[MapKind, dict[str, float]]:
    shift, spread = float(x.mean()), float(x.std())
    if spread <= 1e-12 * max(1.0, abs(shift)) or np.ptp(y) == 0:
        return "constant", {"intercept": float(y.mean()), "slope": 0.0}
    z = (x - shift) / spread
    slope = float(np.mean(z * (y - y.mean())))
    if slope <= 0:
        return "moments", _line(float(y.mean()), float(y.std()), shift, spread)
    line_error = float(np.sum((y - y.mean() - slope * z) ** 2))
    fitted = _fit_logistic(z, y, low, high) if np.unique(x).size >= _ENOUGH_FOR_LOGISTIC else None
    if fitted is not None and fitted[1] <= line_error * (1 + 1e-9):
        bottom, rise, steepness, centre = fitted[0]
        return "logistic4", {
            "low": bottom,
            "high": bottom + rise,
            "centre": shift + spread * centre,
            "scale": spread / steepness,
        }
    return "linear", _line(float(y.mean()), slope, shift, spread)


def _logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)) without overflow."""
    value: NDArray[np.float64] = 0.5 + 0.5 * np.tanh(x / 2)
    return value


def _line(mean: float, slope: float, shift: float, spread: float) -> dict[str, float]:
    return {"intercept": mean - slope * shift / spread, "slope": slope / spread}


def _fit_logistic(
    z: NDArray[np.float64], y: NDArray[np.float64], low: float, high: float
) -> tuple[tuple[float, float, float, float], float] | None:
    """Return (bottom, rise, steepness, centre) and the squared error of the best converged start.

    Bottom and top are ``low + a * range`` and ``bottom + b * (high - bottom)``, a and b in [0, 1], which
    keeps both on the scale and in order for any a and b.
    """
    from scipy.optimize import least_squares  # a quarter of a second, which scoring does without

    extent = high - low

    def unpack(theta: NDArray[np.float64]) -> tuple[float, float, float, float]:
        bottom = low + theta[0] * extent
        return float(bottom), float(theta[1] * (high - bottom)), float(theta[2]), float(theta[3])

    def residual(theta: NDArray[np.float64]) -> NDArray[np.float64]:
        bottom, rise, steepness, centre = unpack(theta)
        difference: NDArray[np.float64] = bottom + rise * _logistic(steepness * (z - centre)) - y
        return difference / extent

    lower = np.array([0.0, 1e-3, _SLOPE_BOUNDS[0], -6.0])
    upper = np.array([0.999, 1.0, _SLOPE_BOUNDS[1], 6.0])
    starts = [(0.05, 0.95, 1.0, 0.0), (0.2, 0.7, 2.0, 0.0), (0.05, 0.95, 1.0, -1.5), (0.05, 0.95, 1.0, 1.5)]
    results = [least_squares(residual, start, bounds=(lower, upper), x_scale=1.0) for start in starts]
    converged = [result for result in results if result.success and np.isfinite(result.cost)]
    if not converged:
        return None
    best = min(converged, key=lambda result: float(result.cost))
    return unpack(best.x), float(2 * best.cost * extent**2)
