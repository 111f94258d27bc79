"""The whole evaluation of predictions."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import DataError
from sslvqa.evaluate import evaluate_predictions, pair_order_accuracy, srocc


def _data(n=60, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.uniform(0, 100, n)
    return labels + rng.normal(0, 10, n), labels, [f"c{i // 4}" for i in range(n)]


def test_all_measures_and_their_intervals_are_reported():
    scores, labels, contents = _data()
    found = evaluate_predictions(scores, labels, contents=contents, resamples=200)
    assert (found.videos, found.contents) == (60, 15)
    assert set(found.measures) == {"srocc", "plcc", "krocc", "rmse", "plcc_logistic", "rmse_logistic"}
    for name in ("srocc", "plcc", "krocc", "rmse"):
        assert found.intervals[name].low < found.measures[name].value < found.intervals[name].high
    assert found.measures["rmse_logistic"].value <= found.measures["rmse"].value
    json.dumps(found.to_dict(), allow_nan=False)


def test_constant_scores_give_reasons_instead_of_numbers():
    found = evaluate_predictions([50] * 8, range(8), resamples=10).to_dict()
    assert found["measures"]["srocc"] is None
    assert found["undefined"]["srocc"] == "scores are constant"
    assert "constant" in found["undefined"]["plcc_logistic"]
    assert found["intervals"]["srocc"] is None
    assert found["measures"]["rmse"] > 0


def test_pair_order_counts_only_pairs_inside_a_group_that_are_far_enough_apart():
    labels = [10, 20, 21, 90, 5]
    groups = ["a", "a", "a", "a", "b"]
    scores = [1, 3, 2, 0, 9]
    found = pair_order_accuracy(scores, labels, groups=groups, gap=5)
    # (10,20) right, (10,21) right, (10,90) wrong, (20,90) wrong, (21,90) wrong; (20,21) too near
    assert found.pairs == 5
    assert found.accuracy == pytest.approx(2 / 5)


def test_a_tie_of_scores_is_half_right_and_equal_labels_are_no_pair():
    assert pair_order_accuracy([1, 1], [2, 3], groups=["a", "a"]).accuracy == 0.5
    found = pair_order_accuracy([1, 2], [3, 3], groups=["a", "a"])
    assert found.pairs == 0
    assert np.isnan(found.accuracy)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from("ab")), max_size=14),
    st.integers(0, 4),
)
def test_pair_order_equals_a_slow_count(rows, gap):
    right, pairs = 0.0, 0
    for i in range(len(rows)):
        for j in range(i):
            (x1, y1, g1), (x2, y2, g2) = rows[i], rows[j]
            if g1 == g2 and y1 != y2 and abs(y1 - y2) >= gap:
                pairs += 1
                right += 0.5 if x1 == x2 else float((x1 > x2) == (y1 > y2))
    found = pair_order_accuracy(
        [r[0] for r in rows], [r[1] for r in rows], groups=[r[2] for r in rows], gap=gap
    )
    assert found.pairs == pairs
    if pairs:
        assert found.accuracy == pytest.approx(right / pairs)


def test_without_resamples_there_are_no_intervals():
    scores, labels, _ = _data(10)
    found = evaluate_predictions(scores, labels, resamples=0, groups=["g"] * 10)
    assert set(found.intervals.values()) == {None}
    assert found.order.pairs == 45
    assert found.measures["srocc"] == srocc(scores, labels)


def test_sizes_that_differ_are_refused():
    with pytest.raises(DataError, match="2 scores and 1 contents"):
        evaluate_predictions([1, 2], [1, 2], contents=["a"])
    with pytest.raises(DataError, match="2 scores and 3 groups"):
        pair_order_accuracy([1, 2], [1, 2], groups=["a", "b", "c"])
