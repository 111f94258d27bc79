"""Which frames comparators look at."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sslvqa.errors import VideoNotFoundError
from sslvqa.peers import Runs, Spread, luma_frames
from sslvqa.video import open_video


def test_frames_are_spread_evenly_and_luminance_is_that_of_rgb(make_video):
    path = make_video(frames=24, fps=12)
    frames = list(luma_frames(path, looks_at=Spread(1.0)))
    assert [frame.number for frame in frames] == [6, 18]
    with open_video(path) as video:
        for frame, planes in zip(frames, video.frames([6, 18]), strict=True):
            red, green, blue = planes.rgb().astype(float)
            assert (frame.luma == np.rint(0.2989 * red + 0.587 * green + 0.114 * blue)).all()
    assert len(list(luma_frames(path, looks_at=Spread(0.01)))) == 1
    assert len(list(luma_frames(path, looks_at=Spread(1000)))) == 24


@pytest.mark.parametrize(("frames", "most", "expected"), [(24, 2, "4-7 16-19"), (8, 2, "0-7"), (9, 1, "2-5")])
def test_runs_are_the_whole_video_or_spread_evenly(make_video, frames, most, expected):
    found = [frame.number for frame in luma_frames(make_video(frames=frames), looks_at=Runs(4, most))]
    spans = [tuple(map(int, span.split("-"))) for span in expected.replace("4-7 16-19", "4-7 16-19").split()]
    assert found == [number for first, last in spans for number in range(first, last + 1)]


def test_runs_bound_what_is_looked_at_and_never_overlap_or_leave_the_video():
    for count in (*range(1, 500), 100_000):
        numbers = Runs().numbers(SimpleNamespace(frame_count=count))
        assert len(numbers) == min(count, 240)
        assert (np.diff(numbers) > 0).all()
        assert numbers[0] >= 0
        assert numbers[-1] < count


def test_an_absent_file_is_said_to_be(tmp_path):
    with pytest.raises(VideoNotFoundError):
        next(luma_frames(tmp_path / "absent.mp4", looks_at=Spread()))
