"""The killable process."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time

import numpy as np
import pytest

from sslvqa.errors import UnreadableVideoError, VideoLimitError, VideoNotFoundError
from sslvqa.video import VideoInfo, probe
from sslvqa.video.worker import run_limited


def test_the_result_comes_back(make_video):
    path = make_video(frames=6)
    info = run_limited(probe, path)
    assert isinstance(info, VideoInfo)
    assert info == probe(path)


def test_arrays_come_back():
    np.testing.assert_array_equal(run_limited(np.arange, 5), np.arange(5))


def test_our_own_errors_come_back_as_they_are(tmp_path):
    with pytest.raises(VideoNotFoundError, match=r"none\.mp4: no such file"):
        run_limited(probe, tmp_path / "none.mp4")


def test_other_errors_name_the_cause():
    with pytest.raises(UnreadableVideoError, match="JSONDecodeError: Expecting value"):
        run_limited(json.loads, "x")


def test_time_is_limited():
    started = time.monotonic()
    with pytest.raises(VideoLimitError, match="longer than 1 s"):
        run_limited(time.sleep, 60, timeout_seconds=1)
    assert time.monotonic() - started < 10


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_memory_is_limited():
    with pytest.raises(VideoLimitError, match="more than 1073741824 bytes"):
        run_limited(bytearray, 2 << 30, memory_bytes=1 << 30)


def test_a_crash_is_an_error_here():
    with pytest.raises(UnreadableVideoError, match=f"signal {int(signal.SIGABRT)}"):
        run_limited(os.abort)


def test_prints_do_not_mix_with_the_result():
    assert run_limited(print, "noise") is None


def test_objects_that_are_not_plain_data_are_refused():
    with pytest.raises(UnreadableVideoError, match=r"may not send random\.Random"):
        run_limited(random.Random, 1)
