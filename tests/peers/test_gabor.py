"""Responses of V1 against complex kernels in two dimensions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import convolve2d

from sslvqa.peers import v1_response
from sslvqa.peers.gabor import ORIENTATIONS, SCALES


def slow_responses(luma):
    down, right = np.mgrid[-19:20, -19:20]
    found = []
    for scale in range(5):
        frequency = 0.25 / np.sqrt(2) ** scale
        for orientation in range(8):
            angle = orientation * np.pi / 8
            along = right * np.cos(angle) + down * np.sin(angle)
            across = -right * np.sin(angle) + down * np.cos(angle)
            spread = np.sqrt(2) / frequency
            envelope = frequency**2 / (2 * np.pi) * np.exp(-((along / spread) ** 2) - (across / spread) ** 2)
            kernel = envelope * np.exp(2j * np.pi * frequency * along)
            found.append(abs(convolve2d(luma, kernel, mode="same"))[::4, ::4])
    return np.array(found)


@pytest.mark.parametrize("size", [(24, 31), (45, 40), (3, 1)])
def test_responses_are_moduli_of_the_filtered_picture(size):
    luma = np.random.default_rng(0).uniform(0, 255, size)
    expected = slow_responses(luma).ravel()
    expected = (expected - expected.mean()) / expected.std()
    # single precision
    assert v1_response(luma) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_a_grating_answers_most_to_its_own_filter():
    down, right = np.mgrid[:120, :160]
    for scale, orientation in ((0, 0), (1, 3), (2, 4), (2, 6)):
        angle, frequency = np.pi * orientation / ORIENTATIONS, 0.25 / np.sqrt(2) ** scale
        wave = np.cos(2 * np.pi * frequency * (right * np.cos(angle) + down * np.sin(angle)))
        responses = v1_response(128 + 100 * wave).reshape(SCALES, ORIENTATIONS, 30, 40)
        middle = responses[:, :, 10:20, 10:30].mean(axis=(2, 3))
        assert np.unravel_index(middle[:4].argmax(), (4, ORIENTATIONS)) == (scale, orientation)


def test_a_picture_without_variation_has_no_responses():
    assert not v1_response(np.zeros((20, 30))).any()
    assert np.isfinite(v1_response(np.full((20, 30), 255.0))).all()
