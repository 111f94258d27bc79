"""The Gaussian pyramid against a slow version of its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.distort.pyramid import pyramid_down, pyramid_down_up, pyramid_up

KERNEL = np.array([1, 4, 6, 4, 1]) / 16


def mirror(index, size):
    while not 0 <= index < size:
        index = -index if index < 0 else 2 * (size - 1) - index
    return index


def slow_filter(plane, gain):
    height, width = plane.shape
    out = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            for i in range(5):
                for j in range(5):
                    value = plane[mirror(row + i - 2, height), mirror(column + j - 2, width)]
                    out[row, column] += gain**2 * KERNEL[i] * KERNEL[j] * value
    return out


@pytest.mark.parametrize("shape", [(8, 6), (7, 9), (5, 4)])
def test_down_is_the_binomial_filter_and_every_second_sample(shape):
    plane = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    np.testing.assert_allclose(pyramid_down(plane), slow_filter(plane, 1)[::2, ::2], rtol=1e-5)


@pytest.mark.parametrize("shape", [(4, 6), (5, 3)])
def test_up_is_zeros_between_samples_and_the_filter_with_fourfold_weight(shape):
    plane = np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)
    stuffed = np.zeros((2 * shape[0], 2 * shape[1]))
    stuffed[::2, ::2] = plane
    np.testing.assert_allclose(pyramid_up(plane), slow_filter(stuffed, 2), rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 40), width=st.integers(1, 40), levels=st.integers(1, 4), value=st.integers(0, 255)
)
def test_any_size_comes_back_and_a_constant_stays(height, width, levels, value):
    plane = np.full((height, width), value, np.uint8)
    np.testing.assert_array_equal(pyramid_down_up(plane, levels=levels), plane)


def test_more_levels_remove_more():
    plane = np.random.default_rng(2).integers(0, 256, (64, 64), np.uint8)
    spread = [pyramid_down_up(plane, levels=levels).std() for levels in (1, 2, 3, 4)]
    assert spread == sorted(spread, reverse=True)
