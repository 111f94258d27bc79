"""Responses of the LGN against a slow reference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import convolve2d

from sslvqa.peers import lgn_response


def slow_response(luma):
    kernel = np.outer([0.05, 0.25, 0.4, 0.25, 0.05], [0.05, 0.25, 0.4, 0.25, 0.05])
    for _ in range(5):
        padded = np.pad(luma, 2, mode="symmetric")
        height, width = luma.shape
        luma = np.array(
            [
                [(kernel * padded[y : y + 5, x : x + 5]).sum() for x in range(0, width, 2)]
                for y in range(0, height, 2)
            ]
        )
    neighbours = np.zeros((5, 5))
    neighbours[2, 1], neighbours[2, 3] = 0.2215, 0.0717
    once = luma / (0.2782 + convolve2d(abs(luma), neighbours, mode="same"))
    divisor = np.maximum(convolve2d(abs(once), neighbours, mode="same"), 0)
    return np.array(
        [
            np.log(1 + np.exp(a / d)) if d > 0 else np.log(2)
            for a, d in zip(once.ravel(), divisor.ravel(), strict=True)
        ]
    )


@pytest.mark.parametrize("size", [(70, 101), (64, 64), (33, 5), (1, 1)])
def test_responses_are_those_of_a_loop(size):
    luma = np.random.default_rng(0).uniform(0, 255, size)
    found = lgn_response(luma)
    assert found.shape == (-(-size[0] // 32) * -(-size[1] // 32),)
    assert found == pytest.approx(slow_response(luma))


def test_black_and_bordered_pictures_are_finite():
    assert lgn_response(np.zeros((270, 480))) == pytest.approx(np.log(2))
    for level in (1e-300, 1.0, 255.0):
        luma = np.zeros((270, 480))
        luma[:, 200:210] = level
        assert np.isfinite(lgn_response(luma)).all()
