"""Principal components against a decomposition of the matrix itself."""

from __future__ import annotations

import numpy as np
import pytest

from sslvqa.peers.trajectory import STILL, consecutive, log_mean, principal_components


@pytest.mark.parametrize(("frames", "length"), [(71, 200), (30, 12), (5, 300), (12, 3), (1, 7)])
def test_points_are_those_of_a_singular_value_decomposition(frames, length):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(frames, length)) * rng.uniform(0.1, 3, length) + 100
    found = principal_components(list(vectors))
    left, values, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    count = min(10, frames - 1, length)
    assert found.shape == (frames, 10)
    assert np.abs(found[:, :count]) == pytest.approx(np.abs(left * values)[:, :count])
    assert not found[:, count:].any()
    largest = np.abs(found).argmax(axis=0)
    assert (found[largest, np.arange(10)] >= 0).all()


def test_equal_vectors_in_single_precision_are_one_point():
    vector = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    assert not principal_components([vector] * 70).any()


def test_consecutive_frames_are_those_without_a_gap():
    numbers = [0, 1, 2, 5, 6, 7, 8, 11]
    assert consecutive(numbers, 3).tolist() == [0, 3, 4]
    assert consecutive(numbers, 4).tolist() == [3]
    assert consecutive(numbers, 5).tolist() == []
    assert consecutive([4], 3).tolist() == []
    assert consecutive([4], 1).tolist() == [0]


def test_mean_has_a_logarithm_whatever_it_is_of():
    assert log_mean(np.array([1.0, 3.0])) == pytest.approx(np.log(2))
    assert log_mean(np.zeros(3)) == log_mean(np.array([])) == pytest.approx(np.log(STILL))
