"""One evaluation of predictions: all measures, their intervals, and the order inside groups."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sslvqa.errors import DataError
from sslvqa.evaluate.bootstrap import BootstrapInterval, bootstrap_by_content
from sslvqa.evaluate.correlation import Measure, krocc, paired, plcc, rmse, srocc
from sslvqa.evaluate.mapping import fit_logistic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["MEASURES", "Evaluation", "PairOrder", "evaluate_predictions", "pair_order_accuracy"]

MEASURES = ("srocc", "plcc", "plcc_logistic", "krocc", "rmse", "rmse_logistic")
"""Names of what an evaluation measures, in the order in which tables show them.

``plcc_logistic`` is the PLCC of published tables.
"""


@dataclass(frozen=True, slots=True)
class PairOrder:
    """How many pairs inside groups are in the right order."""

    accuracy: float
    """In [0, 1]; a tie of scores counts one half; NaN without pairs."""
    pairs: int
    gap: float
    """Pairs whose labels differ by less are not counted."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Agreement of scores with labels."""

    videos: int
    contents: int
    measures: dict[str, Measure]
    """By the names of :data:`MEASURES`; ``plcc`` and ``rmse`` are raw, ``*_logistic*`` after the fit."""
    intervals: dict[str, BootstrapInterval | None]
    """Of ``srocc``, ``plcc``, ``krocc`` and ``rmse``: resampled by content."""
    order: PairOrder | None
    """Order of pairs inside groups, when groups were given."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes ``None``, with its reason kept in ``undefined``."""
        return {
            "videos": self.videos,
            "contents": self.contents,
            "measures": {name: _number(item.value) for name, item in self.measures.items()},
            "undefined": {name: item.undefined for name, item in self.measures.items() if item.undefined},
            "intervals": {name: asdict(item) if item else None for name, item in self.intervals.items()},
            "order": None
            if self.order is None
            else {**asdict(self.order), "accuracy": _number(self.order.accuracy)},
        }


def evaluate_predictions(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    contents: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    gap: float = 0.0,
    coverage: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Compare scores with labels, in float64.

    Args:
        scores: One score a video.
        labels: One label a video.
        contents: Content of each video, the unit of the bootstrap; default every video its own.
        groups: Group of each video (e.g. content and distortion) for the order of pairs; default none.
        gap: Smallest label difference of a counted pair, in the unit of the labels.
        coverage: Of the bootstrap intervals.
        resamples: Bootstrap draws; 0 for no intervals.
        seed: Of the bootstrap.

    Raises:
        DataError: Sizes that differ, or values that are not finite.
    """
    x, y = paired(scores, labels)
    names = [str(index) for index in range(x.size)] if contents is None else list(contents)
    if len(names) != x.size:
        raise DataError(f"got {x.size} scores and {len(names)} contents; each video needs one of both")
    measures = {"srocc": srocc(x, y), "plcc": plcc(x, y), "krocc": krocc(x, y), "rmse": rmse(x, y)}
    measures |= _fitted(x, y)
    functions = {"srocc": srocc, "plcc": plcc, "krocc": krocc, "rmse": rmse}
    intervals: dict[str, BootstrapInterval | None] = dict.fromkeys(functions)
    if resamples:
        for name, function in functions.items():
            intervals[name] = bootstrap_by_content(
                _on_indices(function, x, y),
                names,
                coverage=coverage,
                resamples=resamples,
                generator=np.random.default_rng(seed),
            )
    order = None if groups is None else pair_order_accuracy(x, y, groups=groups, gap=gap)
    return Evaluation(int(x.size), len(set(names)), measures, intervals, order)


def pair_order_accuracy(
    scores: ArrayLike, labels: ArrayLike, *, groups: Sequence[str], gap: float = 0.0
) -> PairOrder:
    """Share of pairs in the right order: same group, labels different and at least ``gap`` apart.

    Raises:
        DataError: Sizes that differ, or values that are not finite.
    """
    x, y = paired(scores, labels)
    if len(groups) != x.size:
        raise DataError(f"got {x.size} scores and {len(groups)} groups; each video needs one of both")
    members: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    agreements = [_agreements(x[places], y[places], gap=gap) for places in members.values()]
    right = 0.5 * (1 + np.concatenate(agreements)) if agreements else np.empty(0)
    return PairOrder(float(right.mean()) if right.size else float("nan"), int(right.size), gap)


def _agreements(x: NDArray[np.float64], y: NDArray[np.float64], *, gap: float) -> NDArray[np.float64]:
    """1, 0 (a tie of the scores) or -1 for each pair whose labels differ by at least ``gap``."""
    first, second = np.triu_indices(x.size, k=1)
    difference = y[first] - y[second]
    counted = (np.abs(difference) >= gap) & (difference != 0)
    agreement: NDArray[np.float64] = (np.sign(x[first] - x[second]) * np.sign(difference))[counted]
    return agreement


def _on_indices(
    function: Callable[[ArrayLike, ArrayLike], Measure], x: NDArray[np.float64], y: NDArray[np.float64]
) -> Callable[[NDArray[np.intp]], float]:
    return lambda indices: function(x[indices], y[indices]).value


def _fitted(x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, Measure]:
    """PLCC and RMSE after a 4-parameter logistic fitted on the same videos."""
    names = ("plcc_logistic", "rmse_logistic")
    try:
        fit = fit_logistic(x, y)
    except DataError as error:
        return {name: Measure(float("nan"), str(error)) for name in names}
    if not fit.converged:
        return {name: Measure(float("nan"), "the logistic fit did not converge") for name in names}
    return {names[0]: plcc(fit(x), y), names[1]: rmse(fit(x), y)}


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
