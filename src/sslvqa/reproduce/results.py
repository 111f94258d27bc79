"""From the predictions of runs to the numbers of a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.evaluate import bootstrap_by_content, evaluate_predictions, plcc, srocc
from sslvqa.reproduce.plan import RunName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from sslvqa.evaluate import BootstrapInterval, Measure
    from sslvqa.reproduce.plan import Job, Plan
    from sslvqa.reproduce.store import Predictions, RunFolder
    from sslvqa.reproduce.tables import Cell, Table

__all__ = ["RESAMPLES", "CellResult", "DrawResult", "align", "table_results"]

RESAMPLES = 1000
"""Of each interval."""

_MEASURES = {"srocc": srocc, "plcc": plcc}


@dataclass(frozen=True)
class DrawResult:
    """One run on one database."""

    job: Job
    folder: RunFolder
    predictions: Predictions

    @cached_property
    def measures(self) -> dict[str, float]:
        """``srocc`` and ``plcc`` (raw); NaN where undefined."""
        labels, scores = self.predictions.labels, self.predictions.scores
        return {name: function(scores, labels).value for name, function in _MEASURES.items()}

    def all_measures(self) -> dict[str, float]:
        """Those of :func:`sslvqa.evaluate.evaluate_predictions`, with logistic fits; NaN where undefined."""
        found = evaluate_predictions(self.predictions.scores, self.predictions.labels, resamples=0).measures
        return {name: item.value for name, item in found.items()}


@dataclass(frozen=True)
class CellResult:
    """One cell on one database: its finished draws."""

    cell: Cell
    database: str
    """Ours."""
    beside: str
    """The paper's that it stands beside."""
    draws: tuple[DrawResult, ...]
    planned: int
    """Draws that are wanted."""

    def values(self, measure: str) -> NDArray[np.float64]:
        """The measure of each finished draw."""
        return np.asarray([draw.measures[measure] for draw in self.draws])

    def median(self, measure: str) -> float:
        """Median over the finished draws, NaN without any."""
        return float(np.median(self.values(measure))) if self.draws else float("nan")

    @cached_property
    def intervals(self) -> dict[str, BootstrapInterval | None]:
        """Of the medians, by resampling contents; None where draws are tested on different videos."""
        return {name: self._interval(function) for name, function in _MEASURES.items()}

    def _interval(self, function: Callable[..., Measure]) -> BootstrapInterval | None:
        aligned = align(self.draws)
        if aligned is None:
            return None
        labels, contents, scores = aligned

        def statistic(indices: NDArray[np.intp]) -> float:
            return float(np.median([function(row[indices], labels[indices]).value for row in scores]))

        return bootstrap_by_content(
            statistic, contents, resamples=RESAMPLES, generator=np.random.default_rng(0)
        )


def align(
    draws: Iterable[DrawResult],
) -> tuple[NDArray[np.float64], tuple[str, ...], list[NDArray[np.float64]]] | None:
    """Labels, contents and each draw's scores of the same videos; None where the videos differ."""
    found = [draw.predictions for draw in draws]
    if not found or any(item.videos != found[0].videos for item in found):
        return None
    return found[0].labels, found[0].contents, [item.scores for item in found]


def table_results(table: Table, plan: Plan) -> tuple[CellResult, ...]:
    """What there is of a table, cell by cell and database by database."""
    found = []
    for cell in table.cells(plan.bench.sizes):
        for database, beside in plan.bench.databases(table).items():
            if cell.target in {None, database}:
                draws = tuple(_draws(cell, database, plan, plan.draws[table.name]))
                found.append(CellResult(cell, database, beside, draws, plan.draws[table.name]))
    return tuple(found)


def _draws(cell: Cell, database: str, plan: Plan, count: int) -> Iterable[DrawResult]:
    for index in range(count):
        job = plan.jobs.get(RunName.of(cell, index))
        folder = None if job is None else plan.folder(job)
        if job is None or folder is None or database not in job.draw.tests:
            continue
        predictions = folder.read_predictions(database, job.draw.tests[database])
        if predictions is not None:
            yield DrawResult(job, folder, predictions)
