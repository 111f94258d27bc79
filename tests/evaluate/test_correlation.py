"""Correlations against SciPy, and what happens where they do not exist."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sslvqa.errors import DataError
from sslvqa.evaluate import krocc, plcc, rmse, srocc

PAIRS = st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 10)), min_size=3, max_size=60).filter(
    lambda pairs: len({x for x, _ in pairs}) > 1 and len({y for _, y in pairs}) > 1
)


@settings(max_examples=25, deadline=None)
@given(PAIRS)
def test_measures_equal_scipy_to_1e_12_with_ties(pairs):
    x, y = np.array(pairs, dtype=float).T
    assert srocc(x, y).value == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert plcc(x, y).value == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert krocc(x, y).value == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(PAIRS)
def test_srocc_is_pearson_of_average_ranks_and_ignores_increasing_maps(pairs):
    x, y = np.array(pairs, dtype=float).T
    slow = np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1]
    assert srocc(x, y).value == pytest.approx(slow, abs=1e-12)
    assert srocc(np.exp(x / 5), y**3).value == pytest.approx(slow, abs=1e-12)


def test_krocc_equals_a_count_of_pairs():
    x, y = [1, 2, 3, 4, 4], [1, 3, 2, 4, 5]
    signs = [
        np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]) for i in range(5) for j in range(i)
    ]  # 10 pairs, one tied in x
    assert krocc(x, y).value == pytest.approx(sum(signs) / math.sqrt(9 * 10), abs=1e-12)


def test_rmse_is_the_root_of_the_mean_square():
    assert rmse([0, 0], [3, 4]).value == pytest.approx(math.sqrt(12.5))


@pytest.mark.parametrize("measure", [srocc, plcc, krocc])
@pytest.mark.parametrize(
    ("scores", "labels", "reason"),
    [
        ([1, 1, 1], [1, 2, 3], "scores are constant"),
        ([1, 2, 3], [5, 5, 5], "labels are constant"),
        ([1], [2], "1 videos; a correlation needs two"),
        ([0.1 + 0.2, 0.3, 0.3], [1, 2, 3], "scores are constant"),
    ],
)
def test_an_undefined_correlation_is_nan_with_a_reason(measure, scores, labels, reason):
    result = measure(scores, labels)
    assert math.isnan(result.value)
    assert result.undefined == reason


def test_sizes_and_values_are_checked():
    with pytest.raises(DataError, match="2 scores and 3 labels"):
        srocc([1, 2], [1, 2, 3])
    with pytest.raises(DataError, match="not finite"):
        plcc([1, math.nan], [1, 2])
    assert rmse([], []).undefined == "no videos"
