"""One-call forms."""

import numpy as np
import pytest

from sslvqa import api
from sslvqa.errors import ConfigError, UnknownModelError
from sslvqa.sampling import plan_clips
from sslvqa.scoring import FailedScore, Scorer, measure_local
from sslvqa.video import open_video


@pytest.fixture
def clip(make_video):
    return make_video("a.mp4", width=72, height=64, frames=12)


def test_one_call_equals_the_scorer(model_dir, clip):
    loaded = api.load(model_dir)
    assert loaded.card.name == "tiny.random"
    settings = {"clips": 2, "seed": 3, "backend": "torch", "precision": "fp32"}  # those of a loaded model
    expected = Scorer(model_dir, **settings).score(clip, timeline_seconds=0.2)
    assert api.score(model=model_dir, source=clip, timeline_seconds=0.2, **settings) == expected
    assert api.score(clip, model=loaded, clips=2, seed=3, timeline_seconds=0.2) == expected


def test_many_files_give_one_record_each(model_dir, clip):
    results = list(api.score_many([clip, "absent.mp4"], model=model_dir, clips=1))
    assert results[0] == api.score(clip, model=model_dir, clips=1)
    assert isinstance(results[1], FailedScore)


def test_a_missing_model_fails_at_the_call_and_not_for_each_file():
    with pytest.raises(UnknownModelError, match=r"nano\.absent"):
        api.score_many(["a.mp4"], model="nano.absent")


def test_a_wrong_setting_fails_at_the_call_too(model_dir):
    with pytest.raises(ConfigError, match="timeline_seconds is 0"):
        api.score_many(["a.mp4"], model=model_dir, timeline_seconds=0)


def test_maps_have_the_size_of_the_frames_and_the_scale_of_q_r(model_dir, clip):
    scorer = Scorer(model_dir)
    maps = api.quality_map(clip, model=scorer, places=2, draws=3)
    assert len(maps) == 2
    assert maps[0].frame_index < maps[1].frame_index
    for item in maps:
        assert item.values.shape == (64, 72)
        assert 5 <= item.values.min() <= item.values.max() <= 95
        assert 0 < item.coverage.mean() <= 1
    again = api.quality_map(clip, model=model_dir, places=2, draws=3)
    assert np.array_equal(again[1].values, maps[1].values)


def test_more_draws_cover_more_of_a_large_frame(model_dir, make_video):
    large = make_video("large.mp4", width=160, height=128, frames=8)
    few, many = (api.quality_map(large, model=model_dir, places=1, draws=draws)[0] for draws in (1, 12))
    assert many.coverage.mean() > few.coverage.mean() + 0.2


@pytest.mark.parametrize("name", ["m.mp4", "m.webm"])
def test_a_map_video_has_every_frame_and_covers_it(model_dir, clip, tmp_path, name):
    told = []
    maps = api.quality_map(
        clip, model=model_dir, out=tmp_path / name, places=2, legend=False, progress=told.append
    )
    assert all(item.coverage.all() for item in maps)
    assert told == sorted(told)
    assert (told[:2], told[-1], len(told)) == ([0.25, 0.5], 1.0, 2 + 12)
    with open_video(tmp_path / name) as video:
        assert (video.info.frame_count, video.info.width_px, video.info.height_px) == (12, 72, 64)


def test_a_map_never_overwrites_its_video(model_dir, clip):
    with pytest.raises(ConfigError, match="is the video itself"):
        api.quality_map(clip, model=model_dir, out=clip)


def test_colours_span_the_video_or_the_scale(model_dir, clip):
    scorer = Scorer(model_dir)
    with open_video(clip) as video:
        local = measure_local(video, scorer=scorer, clips=plan_clips(12, clips=1, length=4, interval=2))
    assert local.limits("scale") == (0, 100)
    low, high = local.limits()
    assert 0 < low < high < 100
    assert high - low >= 10 - 1e-9


@pytest.mark.parametrize(("name", "words"), [("m.gif", "ends in '.gif'"), ("no/m.png", "there is no folder")])
def test_a_map_needs_a_known_ending_and_a_folder(model_dir, clip, tmp_path, name, words):
    with pytest.raises(ConfigError, match=words):
        api.quality_map(clip, model=model_dir, out=tmp_path / name)


def test_the_views_of_a_clip_are_brought_to_one_level(model_dir, make_video):
    path = make_video("level.mp4", width=160, height=128, frames=8)
    with open_video(path) as video:
        clips = plan_clips(8, clips=1, length=4, interval=2)
        local = measure_local(video, scorer=Scorer(model_dir), clips=clips, draws=6)
    levels = local.token_scores.mean(axis=(1, 2, 3))
    assert len(levels) == 6
    assert np.ptp(levels) < 0.1 * np.ptp(local.token_scores)
