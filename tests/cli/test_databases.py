"""``sslvqa data list|check|make|split``."""

import json
from dataclasses import replace

import pytest

from sslvqa.data import read_manifest, write_manifest
from sslvqa.data.synthetic import write_synthetic_video


@pytest.fixture
def konvid(tmp_path):
    root = tmp_path / "KoNViD_1k_videos"
    root.mkdir()
    for seed in range(20):
        write_synthetic_video(root / f"{1000 + seed}.mp4", width=48, height=32, frames=3, seed=seed)
    lines = [f"{1000 + seed},{1 + seed / 5}" for seed in range(20)]
    (tmp_path / "KoNViD_1k_mos.csv").write_text("\n".join(["flickr_id,mos", *lines]))
    return tmp_path


def test_the_list_names_licence_and_owners(run):
    found = json.loads(run("data", "list", "--format", "json").out)
    by_name = {item["name"]: item for item in found["databases"]}
    assert by_name["live-qualcomm"]["videos"] == 208
    assert by_name["cvd2014"]["licence"] == "CC BY 4.0"
    assert "konvid-1k" in run("data", "list", "--format", "table").out


def test_check_says_what_is_missing_broken_or_double(run, konvid):
    videos, out = konvid / "KoNViD_1k_videos", konvid / "report.ndjson"
    (videos / "1001.mp4").unlink()
    (videos / "1002.mp4").write_bytes(b"no video")
    (videos / "1003.mp4").write_bytes((videos / "1004.mp4").read_bytes())
    found = run("data", "check", "konvid-1k", konvid, "--out", out)
    assert found.code == 1
    assert "1001: no such file" in found.err
    assert "1002: " in found.err
    assert "the same bytes: 1003, 1004" in found.err
    assert "20 videos; published are 1200" in found.err
    assert "18 good, 1 missing, 1 broken" in found.err
    assert "licence: free for research; videos: Creative Commons" in found.err
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(records) == 20
    assert sum(record["error"] is None for record in records) == 18
    for seed in (1, 2, 3):
        write_synthetic_video(videos / f"100{seed}.mp4", width=48, height=32, frames=3, seed=30 + seed)
    again = run("data", "check", "konvid-1k", konvid, "--out", out, "--resume")
    assert again.code == 0, again.err
    assert "20 good, 0 missing, 0 broken" in again.err
    assert len(out.read_text().splitlines()) == 20


def test_make_writes_the_manifest_and_split_divides_it(run, konvid, tmp_path):
    manifest = tmp_path / "manifest.csv"
    found = run("data", "make", "konvid-1k", konvid, "--out", manifest)
    assert found.code == 0, found.err
    table = read_manifest(manifest)
    assert (len(table), table.scores[5]) == (20, 2.0)
    done = run("data", "split", manifest, "--protocol", "fifths", "--draws", 2, "--out", tmp_path / "s")
    assert done.code == 0, done.err
    index = json.loads((tmp_path / "s/splits.json").read_text())
    assert done.out.strip() == str(tmp_path / "s/splits.json")
    assert index["manifest_sha256"] == table.sha256
    assert [item["videos"] for item in index["splits"]] == [{"labelled": 4, "unlabelled": 12, "test": 4}] * 2
    parts = []
    for name, rows in (("train", table.rows[:15]), ("test", table.rows[15:])):
        parts.append(write_manifest(tmp_path / f"{name}.csv", [replace(row, split=name) for row in rows]))
    assert run("data", "split", *parts, "--protocol", "official", "--out", tmp_path / "o").code == 0
    assert len(read_manifest(tmp_path / "o/00/test.csv")) == 5
    options = ("--protocol", "paper", "--labelled", 5, "--unlabelled", 10, "--out", tmp_path / "p")
    assert run("data", "split", manifest, *options).code == 0
    assert len(read_manifest(tmp_path / "p/02/unlabelled.csv").unlabelled) == 10


@pytest.mark.parametrize(
    ("protocol", "options", "unused"),
    [
        ("official", ["--draws", 2, "--seed", 1], "--draws, --seed"),
        ("fifths", ["--labelled", 5], "--labelled"),
        ("fifths", ["--pool", "list.json", "--literal"], "--literal, --pool"),
        ("paper", ["--info", "info.mat"], "--info"),
        ("info", ["--info", "info.mat", "--unlabelled", 5], "--unlabelled"),
    ],
)
def test_options_that_a_protocol_does_not_use_are_refused(run, tmp_path, protocol, options, unused):
    found = run("data", "split", tmp_path / "m.csv", "--protocol", protocol, *options, "--out", tmp_path)
    assert (found.code, f"{protocol} does not use {unused};" in found.err) == (2, True)


def test_make_goes_on_without_missing_videos_and_says_so(run, konvid, tmp_path):
    (konvid / "KoNViD_1k_videos/1000.mp4").unlink()
    found = run("data", "make", "konvid-1k", konvid, "--out", tmp_path / "m.csv")
    assert found.code == 1
    assert "1000: no such file" in found.err
    assert len(read_manifest(tmp_path / "m.csv")) == 19


def test_wrong_use_exits_with_2(run, konvid, tmp_path):
    assert run("data", "check", "koniq", konvid).code == 2
    assert run("data", "check", "cvd2014", konvid).code == 2
    assert run("data", "check", "konvid-1k", konvid, "--resume").code == 2
    assert run("data", "make", "konvid-1k", konvid, "--out", tmp_path / "no/m.csv").code == 2
    found = run("data", "check", "konvid-1k", konvid, "--out", tmp_path / "no/m.ndjson")
    assert (found.code, "cannot write" in found.err) == (2, True)
    assert run("data", "split", tmp_path / "m.csv", "--protocol", "info", "--out", tmp_path).code == 2
