from __future__ import annotations

import numpy as np
import pytest

from sslvqa.errors import DataError
from sslvqa.evaluate import compare_all, corrected_t_test, holm, rank_sum_test, signed_rank_test

GENERATOR = np.random.default_rng(3)
BASE = GENERATOR.normal(0.7, 0.02, 20)


def test_three_results_a_side_can_never_be_significant():
    found = rank_sum_test([0.9, 0.91, 0.92], [0.1, 0.11, 0.12])
    assert found.p_better == pytest.approx(0.05)
    assert (found.verdict, found.symbol) == ("indistinguishable", "-")
    assert found.underpowered
    assert not rank_sum_test([0.9, 0.91, 0.92, 0.93], [0.1, 0.11, 0.12, 0.13]).underpowered


def test_the_rank_sum_test_agrees_with_counting_all_orders():
    # 4 against 4, one swap: 2 of the 70 orders are as extreme
    found = rank_sum_test([5, 6, 7, 4], [1, 2, 3, 4.5])
    assert found.p_better == pytest.approx(2 / 70)
    assert found.verdict == "better"
    assert rank_sum_test([1, 2, 3, 4.5], [5, 6, 7, 4]).verdict == "worse"


def test_ties_and_equal_methods_are_indistinguishable():
    for test in (rank_sum_test, signed_rank_test):
        assert test([0.5] * 8, [0.5] * 8).verdict == "indistinguishable"
    assert corrected_t_test([0.5] * 8, [0.5] * 8, test_share=0.2).verdict == "indistinguishable"
    assert corrected_t_test([0.6] * 8, [0.5] * 8, test_share=0.2).verdict == "better"


def test_a_tie_cannot_make_three_results_a_side_significant():
    found = rank_sum_test([0.719, 0.720, 0.719], [0.704, 0.705, 0.704])
    assert (found.verdict, found.p_better) == ("indistinguishable", found.smallest_p)


def test_a_paired_test_finds_a_small_steady_difference_that_the_rank_sum_test_misses():
    better = BASE + 0.004 + GENERATOR.normal(0, 0.002, 20)
    assert rank_sum_test(better, BASE).verdict == "indistinguishable"
    assert signed_rank_test(better, BASE).verdict == "better"
    assert signed_rank_test(BASE, better).verdict == "worse"


def test_overlapping_splits_widen_the_t_test():
    noisy = BASE + GENERATOR.normal(0.004, 0.01, 20)
    narrow, wide = (corrected_t_test(noisy, BASE, test_share=share) for share in (0.01, 0.2))
    assert narrow.p_better < wide.p_better
    assert wide.p_better + wide.p_worse == pytest.approx(1)


def test_holm_multiplies_the_smallest_most_and_keeps_the_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_a_table_is_antisymmetric_and_prints_three_states():
    table = compare_all({"ours": BASE + 0.05, "theirs": BASE, "same": BASE + GENERATOR.normal(0, 1e-3, 20)})
    assert table.comparisons["ours", "theirs"].verdict == "better"
    assert table.comparisons["theirs", "ours"].verdict == "worse"
    assert table.comparisons["same", "theirs"].verdict == "indistinguishable"
    text = table.to_markdown()
    assert "|ours||1|1|" in text
    assert "|theirs|0||-|" in text
    assert "underpowered" not in text
    few = compare_all({"a": [1, 2, 3], "b": [4, 5, 6]}, test=rank_sum_test)
    assert "underpowered" in few.to_markdown()


def test_results_that_cannot_be_compared_are_refused():
    with pytest.raises(DataError, match="same splits"):
        signed_rank_test([1, 2], [1, 2, 3])
    with pytest.raises(DataError, match="finite"):
        rank_sum_test([np.nan], [1])
    with pytest.raises(DataError, match="2 or more"):
        corrected_t_test([1], [2], test_share=0.2)
