"""Logistic fits: known curves come back, failures are visible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from sslvqa.errors import DataError
from sslvqa.evaluate import fit_logistic, plcc


def _curve(x, high, low, centre, width):
    return low + (high - low) / (1 + np.exp(-(x - centre) / width))


@settings(max_examples=15, deadline=None)
@given(
    low=st.floats(0, 40),
    rise=st.floats(20, 60),
    falling=st.booleans(),
    shift=st.floats(-1e4, 1e4),
    unit=st.floats(1e-3, 1e3),
)
def test_a_noiseless_logistic_is_recovered_whatever_the_scale_of_the_scores(low, rise, falling, shift, unit):
    x = np.linspace(-3, 3, 40)
    ends = (low, low + rise) if falling else (low + rise, low)
    y = _curve(x, *ends, 0.3, 0.8)
    fit = fit_logistic(shift + unit * x, y)
    assert fit.converged
    assert np.allclose(fit(shift + unit * x), y, atol=1e-4 * rise)


def test_the_fit_is_not_worse_than_the_usual_single_start():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 200)
    y = _curve(x, 80, 20, 0.6, 0.1) + rng.normal(0, 6, 200)
    start = [y.max(), y.min(), x.mean(), x.std() / 4]
    usual, _ = curve_fit(_curve, x, y, p0=start, maxfev=20_000)
    usual_rmse = np.sqrt(np.mean((_curve(x, *usual) - y) ** 2))
    fit = fit_logistic(x, y)
    assert fit.rmse <= usual_rmse * (1 + 1e-6)
    assert fit.rmse == pytest.approx(np.sqrt(np.mean((fit(x) - y) ** 2)), rel=1e-9)


def test_five_parameters_fit_a_logistic_with_a_slope():
    x = np.linspace(-2, 2, 60)
    y = 30 * (0.5 - 1 / (1 + np.exp(2 * (x - 0.2)))) + 5 * x + 50
    fit = fit_logistic(x, y, kind="logistic5")
    assert fit.converged
    assert fit.rmse < 1e-3


def test_fitting_never_lowers_the_linear_correlation_much():
    rng = np.random.default_rng(1)
    x = rng.normal(size=80)
    y = x + 0.5 * rng.normal(size=80)
    fit = fit_logistic(x, y)
    assert plcc(fit(x), y).value >= plcc(x, y).value - 1e-3


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], "at least 5"),
        ([1] * 9, range(9), "constant"),
        (range(9), [2] * 9, "constant"),
    ],
)
def test_what_cannot_be_fitted_is_refused(scores, labels, words):
    with pytest.raises(DataError, match=words):
        fit_logistic(list(scores), list(labels))
