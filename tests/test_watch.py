"""Watching a folder: each complete file once, also over restarts, and a clean end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sslvqa.errors import ConfigError, ModelError
from sslvqa.scoring import Scorer
from sslvqa.watch import LEDGER, watch_folder


@pytest.fixture(scope="module")
def scorer(model_dir):
    return Scorer(model_dir, clips=1)


def watch(folder, scorer, *, seconds, until=None, **options):
    """What comes until there are ``until`` results, or after so many seconds."""
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    found = []
    for result in watch_folder(folder, scorer=scorer, stop=stop, settle_seconds=0.2, **options):
        found.append(result)
        if until is not None and len(found) == until:
            stop.set()
    timer.cancel()
    return [Path(result.path).name for result in found]


def test_each_file_is_scored_once_over_restarts_and_again_when_it_changes(scorer, make_video, tmp_path):
    make_video("in/a.mp4", width=64, height=64, frames=8)
    (tmp_path / "in" / "b.mp4").write_text("no video")
    (tmp_path / "in" / "empty.mp4").touch()
    (tmp_path / "in" / "a.txt").write_text("notes")
    folder = tmp_path / "in"
    assert watch(folder, scorer, seconds=60, until=2) == ["a.mp4", "b.mp4"]
    with (folder / LEDGER).open("a") as stream:
        stream.write('{"path": "cut')
    make_video("in/sub/c.mp4", width=64, height=64, frames=8)
    assert watch(folder, scorer, seconds=60, until=1) == ["c.mp4"]
    make_video("in/a.mp4", width=64, height=64, frames=9)
    assert watch(folder, scorer, seconds=60, until=1) == ["a.mp4"]
    assert watch(folder, scorer, seconds=0.8) == []
    lines = (folder / LEDGER).read_text().splitlines()
    assert len([line for line in lines if line.endswith("}")]) == 4


def test_a_file_is_the_same_from_wherever_it_is_watched(scorer, make_video, tmp_path, monkeypatch):
    make_video("in/a.mp4", width=64, height=64, frames=8)
    folder = tmp_path / "in"
    assert watch(folder, scorer, seconds=60, until=1) == ["a.mp4"]
    monkeypatch.chdir(tmp_path)
    assert watch(Path("in"), scorer, seconds=0.8) == []
    entry = json.loads((folder / LEDGER).read_text())
    (folder / LEDGER).write_text(json.dumps({**entry, "path": "in/a.mp4"}))  # as it once was
    assert watch(Path("in"), scorer, seconds=0.8) == []
    monkeypatch.chdir(folder)
    assert watch(Path("../in"), scorer, seconds=60, until=1) == ["a.mp4"], "what in/ was relative to is gone"
    assert watch(folder, scorer, seconds=0.8) == []


@pytest.mark.parametrize("name", ["a\u2028b\x85.mp4", os.fsdecode(b"caf\xe9.mp4")])
def test_any_name_of_a_file_enters_the_ledger(scorer, make_video, tmp_path, name):
    make_video(f"in/{name}", width=64, height=64, frames=8)
    assert watch(tmp_path / "in", scorer, seconds=60, until=1) == [name]
    assert watch(tmp_path / "in", scorer, seconds=0.8) == []


def test_a_failure_of_the_model_is_tried_again_by_the_next_watcher_only(
    scorer, make_video, tmp_path, monkeypatch
):
    make_video("in/a.mp4", width=64, height=64, frames=8)
    with monkeypatch.context() as patch:
        patch.setattr(scorer, "finish", lambda *a, **k: (_ for _ in ()).throw(ModelError("not finite")))
        assert watch(tmp_path / "in", scorer, seconds=2) == ["a.mp4"]
    assert watch(tmp_path / "in", scorer, seconds=60, until=1) == ["a.mp4"]
    assert watch(tmp_path / "in", scorer, seconds=0.8) == []


def test_a_folder_that_goes_away_while_it_is_listed_ends_nothing(scorer, make_video, tmp_path, monkeypatch):
    make_video("in/a.mp4", width=64, height=64, frames=8)
    make_video("in/gone/b.mp4", width=64, height=64, frames=8)
    real = os.scandir

    def scandir(path):
        if "gone" in str(path):
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert watch(tmp_path / "in", scorer, seconds=60, until=1) == ["a.mp4"]


def test_a_growing_file_is_left_alone(scorer, tmp_path):
    path = tmp_path / "grows.mp4"
    ended = threading.Event()

    def grow():
        while not ended.wait(0.03):
            with path.open("ab") as stream:
                stream.write(b"x" * 100)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        stop = threading.Event()
        threading.Timer(1.0, stop.set).start()
        found = list(watch_folder(tmp_path, scorer=scorer, stop=stop, settle_seconds=0.8))
    finally:
        ended.set()
        thread.join()
    assert found == []


def test_a_second_watcher_of_the_same_ledger_is_refused_and_a_later_one_is_not(scorer, make_video, tmp_path):
    make_video("in/a.mp4", width=64, height=64, frames=8)
    options = {"scorer": scorer, "settle_seconds": 0.2, "ledger": tmp_path / "book.ndjson"}
    first = watch_folder(tmp_path / "in", stop=threading.Event(), **options)
    assert Path(next(first).path).name == "a.mp4"
    with pytest.raises(ConfigError, match="in use by another sslvqa watch; stop that one, or give another"):
        next(watch_folder(tmp_path / "in", stop=threading.Event(), **options))
    first.close()
    assert not options["ledger"].exists()  # nobody was done with the result
    assert next(watch_folder(tmp_path / "in", stop=threading.Event(), **options))


def test_wrong_use_is_named(scorer, tmp_path):
    with pytest.raises(ConfigError, match="no folder"):
        next(watch_folder(tmp_path / "absent", scorer=scorer, stop=threading.Event()))
    with pytest.raises(ConfigError, match="settle_seconds is 0"):
        next(watch_folder(tmp_path, scorer=scorer, stop=threading.Event(), settle_seconds=0))
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(ConfigError, match="timeline_seconds is 0"):
        list(watch_folder(tmp_path, scorer=scorer, stop=stopped, timeline_seconds=0))
    assert list(tmp_path.iterdir()) == []


def test_the_command_ends_cleanly_on_sigterm(model_dir, make_video, tmp_path):
    make_video("in/a.mp4", width=64, height=64, frames=8)
    out = tmp_path / "out.ndjson"
    command = [sys.executable, "-m", "sslvqa", "watch", str(tmp_path / "in"), "-m", str(model_dir)]
    process = subprocess.Popen(
        [*command, "--settle-seconds", "0.2", "-o", str(out)], stderr=subprocess.PIPE, text=True
    )
    try:
        for _ in range(1200):
            if out.is_file() and out.read_text().endswith("\n"):
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, notes = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert notes.splitlines()[-1] == "stopped"
    assert [json.loads(line)["score"] > 0 for line in out.read_text().splitlines()] == [True]
