"""Real clips of the shared material."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from sslvqa.video import open_video

pytestmark = pytest.mark.shared
RAW = [f"open_{n:03d}.264" for n in (34, 35, 37, 38, 39)]
EXACT = ["ugc_171.mp4", "ugc_003.mp4", "open_004.mkv"]


@pytest.fixture(scope="module")
def rows(shared):
    with (shared / "data" / "videos.csv").open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("name", [*RAW, "open_036.264", *EXACT])
def test_facts_agree_with_the_table(shared, rows, name):
    with open_video(shared / "data" / "videos" / name) as video:
        info, row = video.info, rows[name]
        assert (info.width_px, info.height_px) == (int(row["width"]), int(row["height"]))
        assert info.fps == pytest.approx(float(row["fps"]), rel=0.01)
        assert len(video.timestamps_seconds) == info.frame_count
        assert (np.diff(video.timestamps_seconds) > 0).all()
        assert video.warnings == []


@pytest.mark.parametrize("name", [*EXACT, "open_039.264"])
def test_random_access_equals_decoding_everything(shared, decode_all, name):
    path = shared / "data" / "videos" / name
    reference, _ = decode_all(path)
    with open_video(path) as video:
        assert video.info.frame_count == len(reference)
        numbers = np.random.default_rng(0).permutation(len(reference))[:8]
        for number in numbers:
            (planes,) = video.frames([int(number)])
            np.testing.assert_array_equal(planes.yuv()[0], reference[number])


@pytest.mark.parametrize("name", ["fetv_001.gif", "fetv_010.gif"])
def test_rated_gifs_are_read(shared, name):
    with open_video(shared / "data" / "rated" / name) as video:
        frames = list(video.frames(range(video.info.frame_count)))
        assert len(frames) == video.info.frame_count
        assert all(p.source_index == p.index for p in frames)
