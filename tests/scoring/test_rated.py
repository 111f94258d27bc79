"""Scores beside labels."""

import csv

import pytest

from sslvqa.scoring import Scorer, interval_coverage, score_rated, write_predictions
from sslvqa.video import RawGeometry


def test_labels_scores_and_failures_end_up_in_one_table(model_dir, make_video, tmp_path):
    good = make_video("good.mp4", width=64, height=64, frames=8)
    scorer = Scorer(model_dir, clips=1)
    value = scorer.score(good).score
    rows = [(good, "c", value + 5, "g"), (good, "c", value + 20, "g"), (tmp_path / "none.mp4", "d", 1.0, "")]
    rated = list(score_rated(rows, scorer=scorer))
    assert interval_coverage(rated) == 0.5
    assert interval_coverage(rated[2:]) is None
    write_predictions(tmp_path / "p.csv", rated)
    with (tmp_path / "p.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert float(lines[0]["score"]) == pytest.approx(value)
    assert float(lines[0]["label"]) == pytest.approx(value + 5)
    assert lines[2]["score"] == ""
    assert "no such file" in lines[2]["error"]


def test_headerless_videos_are_scored_as_the_table_says(model_dir, tmp_path):
    raw = RawGeometry(64, 64)
    path = tmp_path / "a.yuv"
    path.write_bytes(bytes(range(256)) * (8 * raw.frame_bytes // 256))
    rows = [(path, "c", 1.0, "")]
    scorer = Scorer(model_dir, clips=1)
    (found,) = score_rated(rows, scorer=scorer, geometries={str(path): raw})
    assert found.result.score == scorer.score(path, geometry=raw).score
    assert "its frame size is needed" in next(iter(score_rated(rows, scorer=scorer))).error
