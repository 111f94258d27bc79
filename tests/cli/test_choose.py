"""``sslvqa choose``."""

import csv
import json

import numpy as np
import pytest

from sslvqa.data.manifest import read_manifest
from sslvqa.sampling import read_views
from sslvqa.scoring import Scorer
from sslvqa.video import open_video


@pytest.fixture
def videos(make_video, tmp_path):
    for index in range(5):
        make_video(f"v/{index}.mp4", width=64, height=64, frames=6, seed=index)
    return tmp_path / "v"


def rows(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_a_choice_is_written_continued_and_keeps_off_the_rated(run, model_dir, videos, tmp_path):
    (videos / "bad.mp4").write_text("no video")
    (tmp_path / "rated.csv").write_text("path,score\nv/0.mp4,3\n")
    out = tmp_path / "list.csv"
    args = ("choose", videos, "--out", out, "--model", model_dir, "--clips", 1, "--n", 3)
    options = ("--rated", tmp_path / "rated.csv", "--strategy", "both")
    found = run(*args, *options)
    assert found.code == 1
    assert "bad.mp4" in found.err
    first = rows(out)
    assert [row["rank"] for row in first] == ["1", "2", "3"]
    assert read_manifest(out).labelled.rows == ()  # a prediction is not taken for a label
    assert not any(row["path"].endswith(("0.mp4", "bad.mp4")) for row in first)
    store = out.with_suffix(".ndjson")
    kept = store.read_text().splitlines()
    assert sum("features" in json.loads(line) for line in kept) == 5
    store.write_text("\n".join(kept[:3]) + '\n{"path": "v/3.mp4", "sco')
    run(*args, *options)
    assert rows(out) == first
    assert run(*args, "--seed", 1, "--clips", 2, "--strategy", "doubt").code == 2


def test_random_needs_no_model(run, videos, tmp_path):
    out = tmp_path / "list.csv"
    found = run("choose", videos, "--out", out, "--n", 2, "--model", "none", "--strategy", "random")
    assert found.code == 0
    assert len(rows(out)) == 2
    (tmp_path / "rated.csv").write_text("path,score\n" + "".join(f"v/{i}.mp4,3\n" for i in range(5)))
    found = run("choose", videos, "--out", out, "--rated", tmp_path / "rated.csv")
    assert found.code == 2
    assert "rated already" in found.err


def test_features_are_moments_of_the_distance_tokens(model_dir, videos):
    scorer = Scorer(model_dir, clips=2)
    with open_video(videos / "1.mp4") as video:
        views = read_views(video, scorer.plan(video.info))
    pooled = scorer.token_features(views)
    assert pooled.shape == (2, 2 * scorer.card.architecture.backbone.channels)
    assert np.isfinite(pooled).all()
    assert np.allclose(pooled, scorer.token_features(views))
    assert not np.allclose(pooled[0], pooled[1])
