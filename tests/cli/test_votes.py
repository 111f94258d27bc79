"""``sslvqa votes``."""

import json

import pytest

from sslvqa.data.manifest import read_manifest


@pytest.fixture
def raw(tmp_path):
    lines = ["rater,video,vote"]
    lines += [f"r{i},v{j}.mp4,{1 + (j + (i + j) % 2) % 5}" for i in range(6) for j in range(10)]
    path = tmp_path / "raw.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_votes_become_a_manifest_and_a_report(run, raw, tmp_path):
    found = run("votes", raw, "--out", tmp_path / "ratings.csv", "--scale", 1, 5)
    assert (found.code, found.err) == (0, "")
    report = json.loads(found.out)
    assert (report["videos"], report["votes"], report["votes_per_video"]) == (10, 60, [6, 6])
    assert [item["rater"] for item in report["raters"]] == [f"r{i}" for i in range(6)]
    assert len(read_manifest(tmp_path / "ratings.csv", check_files=False).labelled) == 10


def test_a_table_for_people_names_what_was_done(run, raw, tmp_path):
    raw.write_text(raw.read_text() + "r0,v0.mp4,2\nr1,v1.mp4,bad\n")
    strict = run("votes", raw, "--out", tmp_path / "ratings.csv")
    assert strict.code == 2
    assert "raw.csv:63: vote is 'bad'" in strict.err
    found = run(
        "votes", raw, "--out", tmp_path / "ratings.csv", "--skip-bad", "-f", "table", "--method", "mean"
    )
    assert found.code == 1
    assert "agreement" in found.out
    for words in ("raw.csv:63", "same rater and video: mean taken", "10 videos", "SROCC", "SOS"):
        assert words in found.err


def test_pairs_become_a_manifest_too(run, tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("rater,left,right,preferred\np,a.mp4,b.mp4,left\np,b.mp4,c.mp4,left\n")
    found = run("votes", path, "--out", tmp_path / "ratings.csv")
    assert found.code == 0
    assert json.loads(found.out)["videos"] == 3
    assert "agrees" in run("votes", path, "--out", tmp_path / "ratings.csv", "-f", "table").out
    path.write_text("rater,left,right,preferred,flagged\np,a.mp4,b.mp4,left,no\nq,c.mp4,a.mp4,left,yes\n")
    kept = run("votes", path, "--out", tmp_path / "ratings.csv", "--where", "flagged=no")
    assert json.loads(kept.out)["videos"] == 2
    graded = run("votes", path, "--out", tmp_path / "ratings.csv", "--scale", 1, 5)
    assert graded.code == 2
    assert "--scale is about grades" in graded.err


def test_wrong_use_is_said_before_any_work(run, raw, tmp_path):
    assert "no folder" in run("votes", raw, "--out", tmp_path / "none" / "r.csv").err
    assert "COLUMN=VALUE" in run("votes", raw, "--out", tmp_path / "r.csv", "--where", "x").err
    assert "'csv' is not one of" in run("votes", raw, "--out", tmp_path / "r.csv", "-f", "csv").err
    assert "lowest vote" in run("votes", raw, "--out", tmp_path / "r.csv", "--scale", 5, 1).err
