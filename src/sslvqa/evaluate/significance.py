"""Is one method better than another? The field's test, and paired ones that fit the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sslvqa.errors import DataError

__all__ = [
    "Comparison",
    "SignificanceTable",
    "Verdict",
    "compare_all",
    "corrected_t_test",
    "holm",
    "rank_sum_test",
    "signed_rank_test",
]

Verdict = Literal["better", "worse", "indistinguishable"]
_SIDES: tuple[Literal["greater"], Literal["less"]] = ("greater", "less")


@dataclass(frozen=True)
class Comparison:
    """One method against another."""

    verdict: Verdict
    """Of the first method."""
    p_better: float
    """One-sided p-value of "the first is better"."""
    p_worse: float
    """One-sided p-value of "the first is worse"."""
    smallest_p: float
    """The smallest p-value that so many results could give at all."""
    level: float

    @property
    def underpowered(self) -> bool:
        """Whether no result whatever could have been significant."""
        return self.smallest_p >= self.level

    @property
    def symbol(self) -> str:
        """``1`` better, ``0`` worse, ``-`` indistinguishable, as the field prints it."""
        return {"better": "1", "worse": "0", "indistinguishable": "-"}[self.verdict]


def rank_sum_test(first: ArrayLike, second: ArrayLike, *, level: float = 0.05) -> Comparison:
    """One-sided Wilcoxon rank-sum (Mann-Whitney) test in both directions, as the field does it.

    Exact without ties and with up to 50 results each, else with the normal approximation and continuity
    correction, which is not trusted below the smallest exact p-value. It treats results as independent: over
    random splits of one set, which overlap, it finds too many differences; prefer :func:`corrected_t_test`
    there. Three results a side give p = 0.05 at best.

    Args:
        first: Results of one method, e.g. SROCC of each split, higher is better; at least 1.
        second: Results of the other; may be of another number.
        level: Of significance.

    Raises:
        DataError: No results, or some that are not finite.
    """
    x, y = _results(first), _results(second)
    exact = len(np.unique(np.concatenate([x, y]))) == len(x) + len(y) and max(len(x), len(y)) <= 50
    method: Literal["exact", "asymptotic"] = "exact" if exact else "asymptotic"
    better, worse = (
        float(stats.mannwhitneyu(x, y, alternative=side, method=method).pvalue) for side in _SIDES
    )
    smallest = 1 / math.comb(len(x) + len(y), len(x))
    return _comparison(max(better, smallest), max(worse, smallest), smallest, level)


def signed_rank_test(first: ArrayLike, second: ArrayLike, *, level: float = 0.05) -> Comparison:
    """One-sided Wilcoxon signed-rank test of results on the same splits, in both directions.

    Args:
        first: Results of one method, higher is better.
        second: Results of the other on the same splits, in the same order.
        level: Of significance.

    Raises:
        DataError: The numbers of results differ, there are none, or some are not finite.
    """
    difference = _differences(first, second)
    smallest = 0.5 ** len(difference)
    if not difference.any():
        return _comparison(1.0, 1.0, smallest, level)
    better, worse = (
        float(stats.wilcoxon(difference, alternative=side, zero_method="pratt").pvalue) for side in _SIDES
    )
    return _comparison(max(better, smallest), max(worse, smallest), smallest, level)


def corrected_t_test(
    first: ArrayLike, second: ArrayLike, *, test_share: float, level: float = 0.05
) -> Comparison:
    """Paired t-test for random splits of one set, in both directions.

    The variance of the mean difference is widened by ``1/n + test/train`` instead of ``1/n``, as the training
    sets overlap. Source: Nadeau and Bengio 2003.

    Args:
        first: Results of one method, higher is better; at least 2.
        second: Results of the other on the same splits, in the same order.
        test_share: Share of the videos that a split tests on, in (0, 1).
        level: Of significance.

    Raises:
        DataError: The numbers of results differ, there are fewer than 2, or a value is out of range.
    """
    difference = _differences(first, second)
    if len(difference) < 2 or not 0 < test_share < 1:
        raise DataError(
            f"{len(difference)} splits and a test share of {test_share}; the corrected t-test needs "
            "2 or more splits and a share between 0 and 1"
        )
    count = len(difference)
    variance = float(difference.var(ddof=1)) * (1 / count + test_share / (1 - test_share))
    if variance == 0:
        mean = float(difference.mean())
        return _comparison(float(mean <= 0), float(mean >= 0), 0.0, level)
    t = float(difference.mean()) / math.sqrt(variance)
    return _comparison(float(stats.t.sf(t, count - 1)), float(stats.t.cdf(t, count - 1)), 0.0, level)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values for their number, so that the chance of any false finding keeps the level.

    Source: Holm 1979; step-down, uniformly better than Bonferroni.
    """
    order = np.argsort(p_values)
    adjusted = np.empty(len(p_values))
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return tuple(adjusted.tolist())


@dataclass(frozen=True)
class SignificanceTable:
    """Every method against every other one."""

    methods: tuple[str, ...]
    comparisons: Mapping[tuple[str, str], Comparison]
    """(row, column) to the comparison of the row's method with the column's."""

    def to_markdown(self) -> str:
        """A table with ``1``, ``0`` or ``-`` for the row's method being better, worse, indistinguishable."""
        lines = ["| |" + "|".join(self.methods) + "|", "|---" * (len(self.methods) + 1) + "|"]
        for row in self.methods:
            cells = ["" if row == column else self.comparisons[row, column].symbol for column in self.methods]
            lines.append(f"|{row}|" + "|".join(cells) + "|")
        if any(item.underpowered for item in self.comparisons.values()):
            lines += ["", "underpowered: with so few results no difference could be significant"]
        return "\n".join(lines) + "\n"


def compare_all(
    results: Mapping[str, ArrayLike],
    *,
    test: Callable[..., Comparison] = signed_rank_test,
    level: float = 0.05,
    **options: float,
) -> SignificanceTable:
    """Compare all pairs of methods with one test, p-values adjusted by Holm over the pairs.

    Args:
        results: Method to its results, e.g. SROCC of each split, higher is better.
        test: :func:`signed_rank_test`, :func:`corrected_t_test` or :func:`rank_sum_test`.
        level: Of significance, for the whole table.
        options: Further arguments of the test.

    Raises:
        DataError: As the test does.
    """
    methods = tuple(results)
    pairs = [(a, b) for i, a in enumerate(methods) for b in methods[i + 1 :]]
    raw = {(a, b): test(results[a], results[b], level=level, **options) for a, b in pairs}
    better = holm([item.p_better for item in raw.values()])
    worse = holm([item.p_worse for item in raw.values()])
    comparisons: dict[tuple[str, str], Comparison] = {}
    for (pair, item), up, down in zip(raw.items(), better, worse, strict=True):
        smallest = min(1.0, item.smallest_p * len(pairs))
        comparisons[pair] = _comparison(up, down, smallest, level)
        comparisons[pair[::-1]] = _comparison(down, up, smallest, level)
    return SignificanceTable(methods, comparisons)


def _comparison(better: float, worse: float, smallest: float, level: float) -> Comparison:
    verdict: Verdict = "indistinguishable"
    if min(better, worse) < level:
        verdict = "better" if better < worse else "worse"
    return Comparison(verdict, better, worse, smallest, level)


def _results(values: ArrayLike) -> NDArray[np.float64]:
    results = np.asarray(values, dtype=np.float64).ravel()
    if not len(results) or not np.isfinite(results).all():
        raise DataError(f"results {results.tolist()[:5]} ...; a test needs finite numbers, at least one")
    return results


def _differences(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    x, y = _results(first), _results(second)
    if len(x) != len(y):
        raise DataError(f"{len(x)} and {len(y)} results; a paired test needs both methods on the same splits")
    return x - y
