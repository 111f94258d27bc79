"""Videos to what is kept of them, and files that cannot be read."""

from __future__ import annotations

import os

import numpy as np
import pytest

from sslvqa.errors import ConfigError
from sslvqa.peers import PEERS, Runs, Spread, choose_frames, measure_each


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_file_does_not_end_the_others(make_video, tmp_path, workers):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    paths = [make_video("a.mp4"), broken, make_video("b.mp4", seed=1)]
    first, second, third = measure_each(paths, PEERS["brisque"](), workers=workers)
    assert "broken.mp4" in second.error
    assert first.error is third.error is None
    assert not np.array_equal(first.value, third.value)


class Dies(PEERS["brisque"]):
    """A comparator whose process ends at the video with the most frames."""

    def measure(self, frames):
        frames = list(frames)
        if len(frames) > 2:
            os._exit(1)
        return super().measure(frames)


def test_a_process_that_dies_costs_its_own_video_alone(make_video):
    paths = [make_video(f"{name}.mp4", frames=12 if name == "c" else 4, seed=ord(name)) for name in "abcde"]
    found = list(measure_each(paths, Dies(), per_second=10.0, workers=2))
    assert [item.error is None for item in found] == [True, True, False, True, True]
    assert "c.mp4: its worker died" in found[2].error
    alone = list(measure_each([paths[0], paths[4]], PEERS["brisque"](), per_second=10.0))
    assert np.array_equal(found[0].value, alone[0].value)
    assert np.array_equal(found[4].value, alone[1].value)


def test_numbers_out_of_range_are_refused(make_video):
    for wrong in ({"workers": 0}, {"per_second": 0.0}, {"per_second": float("nan")}):
        with pytest.raises(ConfigError, match="must be positive"):
            next(measure_each([make_video()], PEERS["niqe"](), **wrong))


def test_frames_a_second_are_for_methods_of_single_frames():
    assert choose_frames(PEERS["niqe"](), 2.5) == Spread(2.5)
    assert choose_frames(PEERS["niqe"](), None) == Spread(1.0)
    assert choose_frames(PEERS["tpqi"](), None) == Runs()
    with pytest.raises(ConfigError, match="Tpqi looks at consecutive frames; leave it out"):
        choose_frames(PEERS["tpqi"](), 1.0)


@pytest.mark.parametrize("name", ["stem", "tpqi"])
def test_a_method_of_motion_looks_at_runs_of_a_file_and_is_deterministic(make_video, name):
    path = make_video(frames=40)
    whole, again, part = PEERS[name](), PEERS[name](), PEERS[name]()
    part.looks_at = Runs(8, 2)
    found = [next(measure_each([path], peer)) for peer in (whole, again, part)]
    assert all(item.error is None for item in found)
    for item in found:
        whole.fit([item.value], [0.0], ["a"])
    first, second, third = whole.predict([item.value for item in found])
    assert first == second != third
    assert np.isfinite([first, third]).all()
