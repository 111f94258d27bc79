"""Monotonic maps to the label scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import DataError
from sslvqa.scoring import MonotonicMap, fit_monotonic_map


def _logistic(x, low, high, centre, scale):
    return low + (high - low) / (1 + np.exp(-(x - centre) / scale))


@settings(max_examples=25, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 100)), min_size=2, max_size=40),
    probe=st.lists(st.floats(-20, 20), min_size=2, max_size=20),
)
def test_every_map_rises_stays_on_the_scale_and_survives_its_card(pairs, probe):
    raw, labels = zip(*pairs, strict=True)
    fitted = fit_monotonic_map(raw, labels, minimum=0, maximum=100)
    mapped = fitted(np.sort(probe))
    assert np.all(np.diff(mapped) >= 0)
    assert mapped.min() >= 0
    assert mapped.max() <= 100
    again = MonotonicMap.from_card(fitted.to_card())
    assert again == fitted
    assert np.array_equal(again(np.sort(probe)), mapped)


@pytest.mark.parametrize(("shift", "unit"), [(0.0, 1.0), (-40.0, 1e-3), (3.0, 250.0)])
def test_a_logistic_relation_is_recovered_on_any_raw_scale(shift, unit):
    x = np.linspace(-2, 2, 60)
    y = _logistic(x, 10, 90, 0.2, 0.5)
    fitted = fit_monotonic_map(shift + unit * x, y, minimum=0, maximum=100)
    assert fitted.kind == "logistic4"
    assert fitted.pairs == 60
    assert np.allclose(fitted(shift + unit * x), y, atol=0.05)


def test_noise_does_not_make_the_logistic_worse_than_a_line():
    rng = np.random.default_rng(0)
    for seed in range(10):
        x = rng.normal(size=50)
        y = np.clip(50 + 12 * x + rng.normal(0, 8, 50), 0, 100)
        fitted = fit_monotonic_map(x, y, minimum=0, maximum=100)
        line = np.polyval(np.polyfit(x, y, 1), x)
        assert np.mean((fitted(x) - y) ** 2) <= np.mean((line - y) ** 2) * (1 + 1e-6), seed


def test_few_pairs_give_a_line():
    fitted = fit_monotonic_map([0, 1, 2, 3], [10, 20, 28, 42], minimum=0, maximum=100)
    assert fitted.kind == "linear"
    assert np.allclose(fitted([0, 1, 2, 3]), np.polyval(np.polyfit(range(4), [10, 20, 28, 42], 1), range(4)))


def test_an_anti_correlated_score_keeps_its_order_and_says_so():
    fitted = fit_monotonic_map([0, 1, 2, 3], [40, 30, 20, 10], minimum=0, maximum=100)
    mapped = fitted([0, 1, 2, 3])
    assert fitted.kind == "moments"
    assert np.all(np.diff(mapped) > 0)
    assert mapped.mean() == pytest.approx(25)
    assert mapped.std() == pytest.approx(np.std([10, 20, 30, 40]))


@pytest.mark.parametrize(
    ("raw", "labels"),
    [
        ([2, 2, 2], [1, 5, 9]),
        ([1, 2, 3], [5, 5, 5]),
        (range(20), [3.3] * 20),  # whose mean is not 3.3
    ],
)
def test_what_does_not_vary_gives_a_constant(raw, labels):
    fitted = fit_monotonic_map(raw, labels)
    assert fitted.kind == "constant"
    assert np.allclose(fitted([-9, 0, 9]), np.mean(labels))


@pytest.mark.parametrize(
    ("raw", "labels", "words"),
    [
        ([1], [1], "1 raw scores and 1 labels"),
        ([1, 2], [1], "2 raw scores and 1 labels"),
        ([1, np.nan], [1, 2], "not finite"),
    ],
)
def test_unusable_pairs_are_refused(raw, labels, words):
    with pytest.raises(DataError, match=words):
        fit_monotonic_map(raw, labels)
