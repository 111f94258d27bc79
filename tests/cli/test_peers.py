"""``sslvqa peers``."""

import csv
import json

import numpy as np
import pytest

from sslvqa.data.synthetic import synthetic_frames
from sslvqa.video.writer import write_video


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    """Noisy videos of 7 contents, the more noise the lower the score; tables of five and of two of them."""
    folder, rng = tmp_path_factory.mktemp("rated"), np.random.default_rng(0)
    tables = {"train.csv": range(5), "test.csv": range(5, 7)}
    for name, contents in tables.items():
        lines = ["path,score,content"]
        for content in contents:
            for level in range(5):
                frames = synthetic_frames(width=128, height=112, frames=8, seed=content)
                noisy = (np.clip(f + rng.normal(0, 8 * level, f.shape), 0, 255) for f in frames)
                file = folder / f"{content}_{level}.mp4"
                write_video(file, (frame.astype(np.uint8) for frame in noisy), options={"crf": "4"})
                lines.append(f"{file.name},{5 - level},{content}")
        (folder / name).write_text("\n".join(lines))
    pristine = folder / "pristine"
    pristine.mkdir()
    for content in range(5):
        (pristine / f"{content}.mp4").symlink_to(folder / f"{content}_0.mp4")
    return folder


METHODS = [("brisque", "train.csv"), ("niqe", "pristine"), ("stem", "pristine"), ("tpqi", None)]


@pytest.mark.parametrize(("method", "learned"), METHODS)
def test_a_method_of_others_is_trained_and_tested(run, rated, tmp_path, method, learned):
    pytest.importorskip("sklearn")
    out, train = tmp_path / "predictions.csv", () if learned is None else ("--train", rated / learned)
    found = run("peers", method, rated / "test.csv", *train, "--predictions", out)
    assert found.code == 0, found.err
    result = json.loads(found.out)
    assert result["result"]["measures"]["srocc"] > 0.8
    assert result["result"]["contents"] == 2
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert len(rows) == 10
    assert float(rows[0]["score"]) > float(rows[4]["score"])
    assert (result["train_videos"] == 0) == (result["train_sha256"] is None and learned is None)
    assert ("per_second" in result) == (method in {"brisque", "niqe"})
    table = run("peers", method, rated / "test.csv", *train, "--format", "table")
    assert method in table.out


def test_a_missing_extra_is_noticed_before_anything_is_measured(run, rated, monkeypatch):
    monkeypatch.setattr("sslvqa.peers.measure_each", lambda *_, **__: 1 / 0)
    monkeypatch.setattr("sslvqa.cli.checks.find_spec", lambda name: None)
    found = run("peers", "brisque", rated / "test.csv", "--train", rated / "train.csv")
    assert found.code == 2
    assert "pip install 'sslvqa[peers]'" in found.err


def test_a_broken_video_is_left_out_and_named(run, rated):
    (rated / "broken.mp4").write_bytes(b"nothing")
    table = rated / "with_broken.csv"
    table.write_text((rated / "test.csv").read_text() + "\nbroken.mp4,3,9")
    found = run("peers", "niqe", table, "--train", rated / "pristine", "--resamples", 0)
    assert found.code == 1
    assert "broken.mp4" in found.err
    assert json.loads(found.out)["result"]["videos"] == 10


def test_wrong_use_exits_with_2(run, rated, tmp_path):
    test, train = rated / "test.csv", rated / "train.csv"
    for wrong, message in (
        (("--format", "csv"), "'csv' is not one of"),
        (("--coverage", "2"), "--coverage is 2"),
        (("--per-second", "0"), "must be positive"),
        (("--predictions", tmp_path / "no/p.csv"), "there is no folder"),
    ):
        found = run("peers", "brisque", test, "--train", train, *wrong)
        assert (found.code, message in found.err) == (2, True), found.err
    shared = run("peers", "brisque", test, "--train", test)
    assert (shared.code, "share videos" in shared.err) == (2, True)
    empty = tmp_path / "empty.csv"
    empty.write_text("file,score\n0_0.mp4,\n")
    assert "has no labelled video" in run("peers", "brisque", test, "--train", empty, "--root", rated).err


def test_what_a_method_learns_from_has_to_be_given_and_nothing_else_is_read(run, rated, tmp_path):
    for method in ("brisque", "niqe", "stem"):
        found = run("peers", method, rated / "test.csv")
        assert (found.code, f"{method} needs --train" in found.err) == (2, True), found.err
    found = run("peers", "tpqi", rated / "test.csv", "--train", tmp_path / "absent.csv", "--resamples", 0)
    assert (found.code, "tpqi learns from nothing" in found.err) == (0, True), found.err
    found = run("peers", "tpqi", rated / "test.csv", "--per-second", 2)
    assert (found.code, "looks at consecutive frames" in found.err) == (2, True), found.err
