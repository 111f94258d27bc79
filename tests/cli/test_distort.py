"""``sslvqa distort``."""

import io
import json

import pytest


@pytest.mark.parametrize("source", ["folder", "stdin", "file"])
def test_videos_are_given_as_files_folders_or_paths_on_stdin(run, make_video, tmp_path, monkeypatch, source):
    path = make_video("videos/a.mp4", width=64, height=64, frames=4)
    given = {"folder": path.parent, "stdin": "-", "file": path}[source]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{path}\n"))
    options = ("--bank", "extended", "--versions", 1, "--out", tmp_path / "groups")
    found = run("distort", given, *options)
    assert found.code == 0, found.err
    (record,) = map(json.loads, found.out.splitlines())
    assert record["versions"] == 2
    assert len(list((tmp_path / "groups").rglob("group.json"))) == 1


def test_a_folder_without_videos_is_wrong_use(run, tmp_path):
    found = run("distort", tmp_path, "--out", tmp_path / "groups")
    assert (found.code, "no video in" in found.err) == (2, True)
