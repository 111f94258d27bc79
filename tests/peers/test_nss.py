"""Natural scene statistics against slow references and known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gamma

from sslvqa.peers.nss import fit_aggd, half_size, mscn


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("edge", ["nearest", "constant"])
def test_mscn_is_that_of_a_loop_over_the_window(rng, edge):
    luma = rng.uniform(0, 255, (9, 11))
    weights = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    padded = np.pad(luma, 3, mode="edge" if edge == "nearest" else "constant")
    normal, deviation = mscn(luma, edge=edge)
    for row in range(9):
        for column in range(11):
            patch = padded[row : row + 7, column : column + 7]
            mean = (window * patch).sum()
            sigma = np.sqrt(abs((window * patch**2).sum() - mean**2))
            assert deviation[row, column] == pytest.approx(sigma)
            assert normal[row, column] == pytest.approx((luma[row, column] - mean) / (sigma + 1))


@pytest.mark.parametrize("size", [(8, 10), (7, 5), (1, 1), (2, 3)])
def test_half_size_weighs_eight_mirrored_pixels_in_each_direction(rng, size):
    luma = rng.uniform(0, 255, size)

    def cubic(x):
        x = abs(x)
        return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2

    def matrix(count):
        rows = np.zeros(((count + 1) // 2, count))
        for row in range(len(rows)):
            for tap in range(2 * row - 3, 2 * row + 5):
                place = tap % (2 * count)
                rows[row, min(place, 2 * count - 1 - place)] += cubic((tap - 2 * row - 0.5) / 2)
        return rows / rows.sum(axis=1, keepdims=True)

    expected = matrix(size[0]) @ luma @ matrix(size[1]).T
    assert half_size(luma) == pytest.approx(expected)
    assert half_size(np.full(size, 7.0)) == pytest.approx(7.0)


def test_fit_takes_the_alpha_whose_moment_ratio_is_nearest(rng):
    samples = np.stack([rng.laplace(size=500), rng.normal(size=500), rng.uniform(-2, 1, size=500)])
    found = fit_aggd(samples)
    shapes = np.arange(0.2, 10.0005, 0.001)
    ratios = gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
    for row, own in enumerate(samples):
        left, right = (np.sqrt(np.mean(own[side] ** 2)) for side in (own < 0, own > 0))
        between, moment = left / right, np.mean(abs(own)) ** 2 / np.mean(own**2)
        wanted = moment * (between**3 + 1) * (between + 1) / (between**2 + 1) ** 2
        assert found.shape[row] == pytest.approx(shapes[np.argmin((ratios - wanted) ** 2)])
        assert (found.left[row], found.right[row]) == pytest.approx((left, right))


def test_fit_knows_laplacian_gaussian_and_sides(rng):
    values = rng.normal(size=200_000)
    skewed = np.where(values < 0, 0.5 * values, 2 * values)
    found = fit_aggd(np.stack([rng.laplace(size=200_000), values]))
    assert found.shape == pytest.approx([1, 2], abs=0.05)
    assert found.mean == pytest.approx([0, 0], abs=0.02)
    aside = fit_aggd(np.stack([skewed, skewed[::-1]]))
    assert aside.left == pytest.approx([0.5, 0.5], rel=0.02)
    assert aside.right == pytest.approx([2, 2], rel=0.02)
    assert (aside.mean > 0).all()


def test_a_set_without_variation_is_finite():
    found = fit_aggd(np.zeros((2, 50)))
    assert found.shape == pytest.approx([0.2, 0.2])
    assert np.isfinite([found.mean, found.left_scale, found.right_scale]).all()
    assert np.isfinite(fit_aggd(np.ones((1, 5))).shape).all()
