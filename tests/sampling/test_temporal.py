import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import ConfigError
from sslvqa.sampling import ClipPlan, plan_clips

examples = settings(max_examples=25, deadline=None)


def _starts(plans):
    return [plan.indices[0] for plan in plans]


def test_scoring_takes_the_centres_of_four_equal_ranges():
    plans = plan_clips(462, clips=4, length=32, interval=2)  # 400 admissible starts
    assert _starts(plans) == [50, 150, 250, 350]
    assert plans[0].indices == tuple(range(50, 50 + 64, 2))


def test_a_video_exactly_as_long_as_a_clip_has_one_start():
    assert _starts(plan_clips(63, clips=2, length=32, interval=2)) == [0, 0]
    assert _starts(plan_clips(64, clips=2, length=32, interval=2)) == [0, 1]


def test_a_short_video_wraps_around():
    (plan,) = plan_clips(5, clips=1, length=8, interval=2)
    assert plan.indices == (0, 2, 4, 1, 3, 0, 2, 4)


def test_a_one_frame_video_is_legal(generator):
    for plan in plan_clips(1, clips=3, length=4, interval=2, generator=generator):
        assert plan.indices == (0, 0, 0, 0)


@examples
@given(
    frame_count=st.integers(1, 500),
    clips=st.integers(1, 6),
    length=st.integers(1, 40),
    interval=st.integers(1, 4),
    seed=st.integers(0, 10**6),
)
def test_every_random_start_lies_in_its_own_range(frame_count, clips, length, interval, seed):
    options = {"clips": clips, "length": length, "interval": interval}
    plans = plan_clips(frame_count, **options, generator=torch.Generator().manual_seed(seed))
    admissible = max(1, frame_count - (length - 1) * interval)
    for number, plan in enumerate(plans):
        start = plan.indices[0]
        assert int(number * admissible / clips) <= start <= (number + 1) * admissible / clips
        assert start < admissible
        assert plan.indices == tuple((start + i * interval) % frame_count for i in range(length))
    assert plans == plan_clips(frame_count, **options, generator=torch.Generator().manual_seed(seed))


def test_random_starts_reach_every_admissible_frame(generator):
    seen = {
        plan_clips(10, clips=1, length=4, interval=2, generator=generator)[0].indices[0] for _ in range(200)
    }
    assert seen == {0, 1, 2, 3}


@pytest.mark.parametrize("indices", [(), (0, -1)])
def test_an_impossible_clip_is_refused(indices):
    with pytest.raises(ConfigError, match="clip indices"):
        ClipPlan(indices=indices)


@pytest.mark.parametrize("name", ["frame_count", "clips", "length", "interval"])
def test_a_number_below_one_is_refused_by_name(name):
    options = {"frame_count": 9, "clips": 1, "length": 4, "interval": 1, name: 0}
    with pytest.raises(ConfigError, match=f"{name} is 0"):
        plan_clips(options.pop("frame_count"), **options)
