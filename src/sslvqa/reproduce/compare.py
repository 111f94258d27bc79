"""Which method is better? The paper's test over the draws, and better ones beside it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.errors import DataError
from sslvqa.evaluate import (
    bootstrap_by_content,
    compare_all,
    corrected_t_test,
    rank_sum_test,
    signed_rank_test,
    srocc,
)
from sslvqa.evaluate.significance import SignificanceTable
from sslvqa.reproduce.results import RESAMPLES, align

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sslvqa.evaluate import BootstrapInterval
    from sslvqa.reproduce.results import CellResult

__all__ = ["Difference", "compare_rows", "content_differences"]


@dataclass(frozen=True)
class Difference:
    """Median SROCC of one row less that of another."""

    first: str
    second: str
    value: float
    interval: BootstrapInterval | None
    """By resampling contents; None where the two are tested on different videos."""


def compare_rows(
    results: Sequence[CellResult], *, test_share: float | None = None
) -> dict[str, SignificanceTable]:
    """Tests of every row against every other on one database, by the name of the test.

    Rows count with the draws that all of them have finished.

    Args:
        results: Cells of one database.
        test_share: Of a random split, for the corrected t-test; None where the tests are no random splits.

    Raises:
        DataError: Fewer than two rows, or no draw that all of them have.
    """
    finished = [item for item in results if item.draws]
    common = (
        set.intersection(*({draw.job.index for draw in item.draws} for item in finished))
        if finished
        else set()
    )
    if len(finished) < 2 or not common:
        raise DataError("fewer than two rows have results of the same draw; nothing can be compared")
    values = {
        item.cell.row.label: [draw.measures["srocc"] for draw in item.draws if draw.job.index in common]
        for item in finished
    }
    names = tuple(values)
    raw = {pair: rank_sum_test(values[pair[0]], values[pair[1]]) for pair in _ordered(names)}
    tables = {
        "rank sum, as in the paper (one-sided, draws taken as independent, not corrected)": SignificanceTable(
            names, raw
        ),
        "signed rank (one-sided, paired draws, Holm)": compare_all(values, test=signed_rank_test),
    }
    if test_share is not None and len(common) > 1:
        tables["corrected t-test (Nadeau and Bengio, paired splits, Holm)"] = compare_all(
            values, test=corrected_t_test, test_share=test_share
        )
    return tables


def content_differences(results: Sequence[CellResult], *, first: str) -> tuple[Difference, ...]:
    """How much better one row is than each other one, with intervals over contents.

    Args:
        results: Cells of one database.
        first: Label of the row.
    """
    by_label = {item.cell.row.label: item for item in results if item.draws}
    if first not in by_label:
        return ()
    mine = by_label.pop(first)
    return tuple(_difference(mine, other) for other in by_label.values())


def _difference(first: CellResult, second: CellResult) -> Difference:
    value = first.median("srocc") - second.median("srocc")
    aligned = align([*first.draws, *second.draws])
    labels = (first.cell.row.label, second.cell.row.label)
    if aligned is None:
        return Difference(*labels, value, None)
    truth, contents, scores = aligned
    cut = len(first.draws)

    def statistic(indices: NDArray[np.intp]) -> float:
        found = [srocc(row[indices], truth[indices]).value for row in scores]
        return float(np.median(found[:cut]) - np.median(found[cut:]))

    interval = bootstrap_by_content(
        statistic, contents, resamples=RESAMPLES, generator=np.random.default_rng(0)
    )
    return Difference(*labels, value, interval)


def _ordered(names: Sequence[str]) -> list[tuple[str, str]]:
    return [pair for a, b in combinations(names, 2) for pair in ((a, b), (b, a))]
