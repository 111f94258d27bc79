"""Parts of TPQI against loops and known paths."""

from __future__ import annotations

import numpy as np
import pytest

from sslvqa.peers.tpqi import bends, shrink


def test_bends_are_those_of_a_loop_over_triplets():
    points = np.random.default_rng(0).normal(size=(12, 10))
    points[7] = points[6]
    points -= points.mean(axis=0)
    numbers = [0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 16, 17]
    v1, lgn = [], []
    for place in range(10):
        a, b, c = points[place : place + 3]
        if numbers[place + 2] - numbers[place] != 2 or (a == b).all() or (b == c).all():
            continue
        cosine = (c - b) @ (b - a) / np.sqrt(((c - b) ** 2).sum() * ((b - a) ** 2).sum())
        chord = np.sqrt(((c - a) ** 2).sum())
        v1.append(np.arccos(cosine) * chord)
        lgn.append(np.log(1 + np.arccos(cosine) * np.sqrt(chord)))
    found = bends(points, numbers)
    assert len(v1) == 6
    assert found.v1_curvature == pytest.approx(v1)
    assert found.lgn_curvature == pytest.approx(lgn)


def test_a_line_is_straight_and_a_circle_turns_by_its_step():
    steps = np.arange(-8, 9.0)
    line = np.outer(steps, np.arange(10))
    assert bends(line, range(17)).angle == pytest.approx(0, abs=1e-6)
    angles = 2 * np.pi * np.arange(24) / 24
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert bends(circle, range(24)).angle == pytest.approx(2 * np.pi / 24)


@pytest.mark.parametrize("points", [np.zeros((9, 10)), np.zeros((1, 10)), np.ones((2, 10))])
def test_still_or_few_frames_have_no_bend(points):
    assert len(bends(points, range(len(points))).angle) == 0


@pytest.mark.parametrize("size", [(610, 20), (45, 1280), (1081, 601)])
def test_shrinking_weighs_pixels_by_a_stretched_triangle(size):
    luma = np.random.default_rng(0).uniform(0, 255, size)

    def matrix(old):
        new = max(round(old * 480 / max(size)), 1)
        rows = np.zeros((new, old))
        for row in range(new):
            for column in range(old):
                distance = ((column + 0.5) - (row + 0.5) * old / new) / (old / new)
                rows[row, column] = max(1 - abs(distance), 0)
        return rows / rows.sum(axis=1, keepdims=True)

    assert shrink(luma) == pytest.approx(matrix(size[0]) @ luma @ matrix(size[1]).T)


def test_sizes_after_shrinking():
    for size, expected in (
        ((540, 960), (270, 480)),
        ((2160, 3840), (270, 480)),
        ((1920, 1080), (480, 270)),
        ((600, 600), (600, 600)),
        ((1, 5000), (1, 480)),
        ((1, 1), (1, 1)),
    ):
        assert shrink(np.full(size, 7.0)).shape == expected
        assert shrink(np.full(size, 7.0)) == pytest.approx(7.0)
