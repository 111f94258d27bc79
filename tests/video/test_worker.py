"""The killable process."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import random
import signal
import sys
import time

import numpy as np
import pytest

from sslvqa.errors import UnreadableVideoError, VideoLimitError, VideoNotFoundError
from sslvqa.train import OptimConfig
from sslvqa.video import VideoInfo, probe
from sslvqa.video.worker import _answer, run_limited


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


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x80\x04.",
        b"csslvqa.nothing\nX\n.",
        b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\n(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ftC\x01b\x87R.",
        *map(pickle.dumps, [("result",), ("error", "x"), ("error", [1], "x"), ("memory", 1), 5, ()]),
    ],
)
def test_an_answer_of_another_form_is_an_error_of_the_file(answer):
    with pytest.raises(UnreadableVideoError, match=r"a\.mp4: the worker process ended without a result"):
        _answer(answer, 0, what="a.mp4", memory_bytes=1)


def test_modules_of_the_current_folder_are_not_imported(tmp_path, monkeypatch):
    for name in ("json", "numpy", "sslvqa"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert run_limited(json.loads, "5") == 5


def test_a_parent_that_imports_from_its_current_folder_finds_its_functions_in_the_worker(
    tmp_path, monkeypatch
):
    (tmp_path / "of_mine.py").write_text("def five(): return 5")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    of_mine = importlib.import_module("of_mine")
    assert run_limited(of_mine.five) == 5


def test_prints_do_not_mix_with_the_result():
    assert run_limited(print, "noise") is None


def test_objects_that_are_not_plain_data_are_refused():
    with pytest.raises(UnreadableVideoError, match=r"may not send random\.Random"):
        run_limited(random.Random, 1)


@pytest.mark.parametrize("place", ["sslvqa.train.config\nOptimConfig", "sslvqa.video.frames\nVideoInfo"])
def test_an_answer_cannot_put_values_on_a_class(place):
    answer = f"c{place}\n(N(S'owned'\nS'yes'\ndtb.".encode()
    with pytest.raises(UnreadableVideoError, match="without a result"):
        _answer(answer, 0, what="a.mp4", memory_bytes=1)
    assert not hasattr(OptimConfig, "owned")
    assert not hasattr(VideoInfo, "owned")
