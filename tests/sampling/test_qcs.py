import logging

import pytest
import torch

from sslvqa.errors import ConfigError
from sslvqa.sampling import (
    ViewGeometry,
    cut_fragments,
    plan_view_pair,
    plan_views,
    qcs,
    read_views,
)

SMALL = ViewGeometry(grid=2, fragment_px=16, frames=4, interval=2)


def _pair(height=90, width=120, frame_count=60, *, seed=0, geometry=SMALL, **options):
    generator = torch.Generator().manual_seed(seed)
    return plan_view_pair(height, width, frame_count, geometry=geometry, generator=generator, **options)


def test_the_papers_pair_shares_frames_and_draws_places_twice():
    first, second = _pair()
    assert first.clip == second.clip
    assert first.fragments.tops != second.fragments.tops
    assert first.fragments.lefts != second.fragments.lefts


def test_the_released_first_stage_shares_places_and_takes_a_clip_from_each_half():
    for seed in range(20):
        first, second = _pair(preset="released_stage1", seed=seed)
        assert first.fragments == second.fragments
        assert first.clip.indices[0] < 27 <= second.clip.indices[0]  # 54 admissible starts


def test_the_released_first_stage_draws_places_anew_where_both_clips_coincide(caplog):
    qcs._log_coinciding_clips.cache_clear()  # said once a process and length
    with caplog.at_level(logging.WARNING, logger="sslvqa.sampling"):
        first, second = _pair(frame_count=6, preset="released_stage1")
    assert first.clip == second.clip
    assert first.fragments != second.fragments
    assert "6-frame video coincide" in caplog.text


def test_the_released_second_stage_shares_frames_and_splits_the_cells():
    first, second = _pair(preset="released_stage2")
    assert first.clip == second.clip
    for i in range(2):
        for j in range(2):
            assert first.fragments.tops[i][j] + 16 <= second.fragments.tops[i][j]
            assert first.fragments.lefts[i][j] + 16 <= second.fragments.lefts[i][j]


@pytest.mark.parametrize("preset", ["paper", "released_stage1", "released_stage2"])
def test_the_same_seed_gives_the_same_pair(preset):
    assert _pair(preset=preset, seed=5) == _pair(preset=preset, seed=5) != _pair(preset=preset, seed=6)


@pytest.mark.parametrize("preset", ["paper", "released_stage1", "released_stage2"])
@pytest.mark.parametrize(
    ("height", "width", "frame_count"), [(1, 1, 1), (2, 2, 3), (1, 300, 7), (1920, 1080, 64)]
)
def test_every_legal_video_gets_a_pair(preset, height, width, frame_count):
    for plan in _pair(height, width, frame_count, preset=preset, geometry=ViewGeometry()):
        assert plan.shape == (3, 32, 224, 224)
        assert max(plan.clip.indices) < frame_count


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'releasd'; allowed are paper, released_stage1, released_stage2"):
        _pair(preset="releasd")


def test_scoring_takes_the_same_frames_whatever_the_seed_and_new_places_for_each_draw():
    def plans(seed):
        generator = torch.Generator().manual_seed(seed)
        return plan_views(90, 120, 60, geometry=SMALL, clips=2, draws=3, generator=generator)

    one, other = plans(1), plans(2)
    assert [plan.clip for plan in one] == [plan.clip for plan in other]
    assert [plan.clip.indices[0] for plan in one] == [13] * 3 + [40] * 3
    assert len({plan.fragments for plan in one}) == 6
    assert one == plans(1)


def test_a_score_needs_a_draw(generator):
    with pytest.raises(ConfigError, match="draws is 0"):
        plan_views(90, 120, 60, geometry=SMALL, clips=2, draws=0, generator=generator)


def test_all_views_are_read_in_one_pass_over_the_union_of_their_frames(array_video, generator):
    video = array_video(frames=20, height=40, width=50)
    plans = plan_views(40, 50, 20, geometry=SMALL, clips=4, draws=2, generator=generator)
    views = read_views(video, plans)
    assert views.shape == (8, 3, 4, 32, 32)
    assert views.dtype == torch.uint8
    assert video.requests == [sorted({i for plan in plans for i in plan.clip.indices})]
    for view, plan in zip(views, plans, strict=True):
        frames = [next(video.frames([index])) for index in plan.clip.indices]
        expected = [torch.from_numpy(cut_fragments(frame, plan.fragments)) for frame in frames]
        assert torch.equal(view, torch.stack(expected, dim=1))


def test_a_view_is_announced_once_when_its_last_frame_is_there(array_video, generator):
    video = array_video(frames=20, height=40, width=50)
    plans = plan_views(40, 50, 20, geometry=SMALL, clips=3, draws=2, generator=generator)
    found = {}

    def arrived(views, number):
        assert number not in found
        found[number] = views[number].clone()

    views = read_views(video, plans[::-1], arrived=arrived)
    assert list(found) == [4, 5, 2, 3, 0, 1]
    assert all(torch.equal(view, views[number]) for number, view in found.items())


def test_a_one_frame_video_fills_every_time_of_the_view(array_video):
    video = array_video(frames=1, height=40, width=50)
    views = read_views(video, _pair(40, 50, 1))
    assert (views == views[:, :, :1]).all()
    assert not torch.equal(views[0], views[1])


def test_versions_of_a_scene_show_the_same_places(array_video):
    source = array_video(frames=20, height=40, width=50, seed=1)
    version = array_video(frames=18, height=40, width=50, seed=1)
    version._pixels = 255 - source._pixels[:18]
    pair = _pair(40, 50, 18)
    assert torch.equal(read_views(version, pair), 255 - read_views(source, pair))


def test_views_of_different_shapes_are_refused(array_video):
    video = array_video(height=40, width=50)
    plans = [
        _pair(40, 50, 12)[0],
        _pair(40, 50, 12, geometry=ViewGeometry(grid=2, fragment_px=8, frames=4))[0],
    ]
    with pytest.raises(ConfigError, match="2 view plans"):
        read_views(video, plans)
    with pytest.raises(ConfigError, match="0 view plans"):
        read_views(video, [])
