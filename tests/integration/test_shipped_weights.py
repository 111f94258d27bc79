"""The weights in the package: they load, are small, and score anything, always the same."""

from __future__ import annotations

import numpy as np
import pytest

from sslvqa import Scorer
from sslvqa.hub import list_models, model_directory

SIZE = {"width": 480, "height": 272, "frames": 40, "seed": 3}


@pytest.fixture(scope="module")
def scorer():
    return Scorer()


def test_weights_in_the_package_are_at_most_40_megabytes():
    size = sum(path.stat().st_size for card in list_models() for path in model_directory(card.name).iterdir())
    assert 0 < size <= 40_000_000


def test_the_same_file_gets_the_same_score(scorer, make_video):
    path = make_video(**SIZE)
    first, second = scorer.score(path), scorer.score(path)
    assert first == second
    assert first.interval.low <= first.score <= first.interval.high


@pytest.mark.parametrize("size", [(2, 2), (64, 480), (1080, 64)])
def test_any_size_gets_a_finite_score(scorer, make_video, size):
    result = scorer.score(make_video(width=size[0], height=size[1], frames=1))
    assert np.isfinite(result.score)
