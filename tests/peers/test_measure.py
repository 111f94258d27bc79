"""Which frames comparators look at, and files that cannot be read."""

from __future__ import annotations

import numpy as np
import pytest

from sslvqa.errors import ConfigError, VideoNotFoundError
from sslvqa.peers import PEERS, luma_frames, measure_each
from sslvqa.video import open_video


def test_frames_are_spread_evenly_and_luminance_is_that_of_rgb(make_video):
    path = make_video(frames=24, fps=12)
    frames = list(luma_frames(path, per_second=1.0))
    assert len(frames) == 2
    with open_video(path) as video:
        for luma, planes in zip(frames, video.frames([6, 18]), strict=True):
            red, green, blue = planes.rgb().astype(float)
            assert (luma == np.rint(0.2989 * red + 0.587 * green + 0.114 * blue)).all()
    assert len(list(luma_frames(path, per_second=0.01))) == 1
    assert len(list(luma_frames(path, per_second=1000))) == 24


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_file_does_not_end_the_others(make_video, tmp_path, workers):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    paths = [make_video("a.mp4"), broken, make_video("b.mp4", seed=1)]
    first, second, third = measure_each(paths, PEERS["brisque"](), workers=workers)
    assert "broken.mp4" in second.error
    assert first.error is third.error is None
    assert not np.array_equal(first.value, third.value)


def test_numbers_out_of_range_are_refused(make_video):
    for wrong in ({"workers": 0}, {"per_second": 0.0}, {"per_second": float("nan")}):
        with pytest.raises(ConfigError, match="must be positive"):
            next(measure_each([make_video()], PEERS["niqe"](), **wrong))
    with pytest.raises(VideoNotFoundError):
        next(luma_frames("absent.mp4", per_second=1.0))
