"""Windows of a timeline."""

import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import ConfigError
from sslvqa.sampling import ClipPlan, ViewGeometry
from sslvqa.scoring.windows import clip_span, plan_windows

GEOMETRY = ViewGeometry(grid=2, fragment_px=16, frames=4, interval=2)


def _info(frames, fps=25.0):
    return SimpleNamespace(height_px=64, width_px=64, frame_count=frames, duration_seconds=frames / fps)


def _plan(times, info, **options):
    return plan_windows(info, times, geometry=GEOMETRY, generator=torch.Generator().manual_seed(0), **options)


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(1, 300),
    seconds=st.floats(0.02, 5),
    most=st.integers(1, 30),
    start=st.floats(-2, 2),
)
def test_windows_cover_the_video_without_gaps_and_take_their_own_frames(frames, seconds, most, start):
    times = start + np.arange(frames) / 25
    windows = _plan(times, _info(frames), seconds=seconds, max_windows=most)
    assert 1 <= len(windows) <= most
    assert windows[0].start_seconds == times[0]
    assert windows[-1].end_seconds == pytest.approx(times[0] + frames / 25)
    for before, after in pairwise(windows):
        assert before.end_seconds == after.start_seconds
    for window in windows:
        indices = window.plan.clip.indices
        assert len(indices) == GEOMETRY.frames
        assert max(indices) < frames
        inside = (times >= window.start_seconds - 1e-5) & (times < window.end_seconds + 1e-5)
        if inside.any():
            assert all(inside[index] for index in indices)


def test_a_window_without_frames_uses_the_next_one():
    times = np.array([0.0, 0.1, 5.0, 5.1])
    info = SimpleNamespace(height_px=64, width_px=64, frame_count=4, duration_seconds=5.2)
    windows = _plan(times, info, seconds=1.0)
    assert len(windows) == 6
    assert set(windows[2].plan.clip.indices) == {2}


def test_a_sliver_at_the_end_belongs_to_the_window_before():
    windows = _plan(np.arange(76) / 25, _info(76), seconds=1.0)
    assert [window.end_seconds for window in windows] == pytest.approx([1, 2, 3.04])


def test_a_clip_lasts_from_its_first_frame_to_the_end_of_its_last():
    times = np.arange(10) / 10
    assert clip_span(ClipPlan((2, 4, 6)), times, _info(10, fps=10)) == pytest.approx((0.2, 0.7))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *(({"seconds": value}, "a finite, positive length") for value in (0.0, math.nan, math.inf)),
        ({"seconds": 1.0, "max_windows": 0}, "max_windows is 0"),
    ],
)
def test_windows_out_of_range_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        _plan(np.arange(5) / 25, _info(5), **options)
