"""Parts of STEM against loops."""

from __future__ import annotations

import numpy as np
import pytest

from sslvqa.peers.stem import prediction_errors, recency_weights

NUMBERS = [0, 1, 2, 3, 4, 5, 20, 21, 22, 23, 24, 25, 26]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_error_is_that_of_a_regression_of_each_frame_on_the_four_before(rng):
    points = rng.normal(size=(13, 10))
    expected = []
    for now in (4, 5, 10, 11, 12):
        columns = [points[now - age] for age in (1, 2, 3, 4)]
        known = np.stack([np.ones(10), *columns], axis=1)
        solution, *_ = np.linalg.lstsq(known, points[now], rcond=None)
        expected.append(np.sqrt(((points[now] - known @ solution) ** 2).sum() / 5))
    assert prediction_errors(points, NUMBERS) == pytest.approx(expected)


def test_a_recurrence_is_predicted_and_few_or_still_frames_have_no_error(rng):
    points = rng.normal(size=(13, 10))
    for now in range(4, 13):
        points[now] = 0.5 * points[now - 1] - 0.3 * points[now - 2] + 0.2 * points[now - 4] + 1
    assert prediction_errors(points, range(13)) == pytest.approx(0, abs=1e-10)
    assert prediction_errors(np.zeros((7, 10)), range(7)) == pytest.approx(0, abs=1e-12)
    for frames in range(1, 5):
        assert len(prediction_errors(points[:frames], range(frames))) == 0


@pytest.mark.parametrize("runs", [(1,), (2,), (3,), (9,), (26,), (6, 7), (1, 14)])
def test_weights_make_the_mean_of_the_causal_average(rng, runs):
    numbers = [1000 * run + frame for run, frames in enumerate(runs) for frame in range(frames)]
    scores = rng.uniform(2, 9, len(numbers))
    averages, first = [], 0
    for frames in runs:
        window = max(int(np.floor(frames / 4 + 0.5)), 1)
        for now in range(frames):
            recent = [scores[first + now - back] for back in range(window) if back <= now]
            weights = [np.exp(-0.1 * (back + 1)) for back in range(len(recent))]
            averages.append(np.average(recent, weights=weights))
        first += frames
    assert recency_weights(numbers) @ scores == pytest.approx(np.mean(averages))
    assert recency_weights(numbers).sum() == pytest.approx(1)
