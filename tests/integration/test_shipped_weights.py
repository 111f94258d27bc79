"""The weights in the package: they load, are small, and score anything, always the same."""

from __future__ import annotations

import numpy as np
import pytest

from sslvqa import Scorer
from sslvqa.data.synthetic import synthetic_frames, write_video
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


def test_more_blur_scores_lower(scorer, tmp_path):
    from scipy.ndimage import gaussian_filter

    scores = []
    for sigma in (0.0, 1.5, 4.0):
        frames = (
            gaussian_filter(frame, (sigma, sigma, 0)).astype(np.uint8) for frame in synthetic_frames(**SIZE)
        )
        path = tmp_path / f"{sigma}.mp4"
        write_video(path, frames, options={"crf": "12"})
        scores.append(scorer.score(path).score)
    assert scores[0] > scores[1] > scores[2]


def test_heavy_compression_scores_much_lower(scorer, make_video):
    mild, heavy = (
        scorer.score(make_video(f"{crf}.mp4", **SIZE, options={"crf": crf})) for crf in ("12", "48")
    )
    assert mild.score > heavy.score + 20


@pytest.mark.parametrize("size", [(2, 2), (64, 480), (1080, 64)])
def test_any_size_gets_a_finite_score(scorer, make_video, size):
    result = scorer.score(make_video(width=size[0], height=size[1], frames=1))
    assert np.isfinite(result.score)
