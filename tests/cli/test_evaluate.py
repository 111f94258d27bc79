"""``sslvqa evaluate``."""

import csv
import json

import pytest

from sslvqa.scoring import Scorer


@pytest.fixture
def ratings(make_video, tmp_path):
    lines = ["path,score,content,family"]
    for index in range(6):
        make_video(f"v{index}.mp4", width=64, height=64, frames=8, seed=index)
        lines.append(f"v{index}.mp4,{10 * index},c{index // 2},{'blur' if index % 2 else 'noise'}")
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


ARGS = ("--clips", 1, "--resamples", 20)


def test_json_has_all_measures_for_all_and_each_group(run, model_dir, ratings, tmp_path):
    out = tmp_path / "p.csv"
    found = run(
        "evaluate", model_dir, ratings, *ARGS, "--format", "json", "--predictions", out,
        "--group-column", "family", "--pairs-column", "content", "--gap", 5,
    )  # fmt: skip
    assert (found.code, found.err) == (0, "")
    report = json.loads(found.out)
    assert set(report["groups"]) == {"all", "blur", "noise"}
    everything = report["groups"]["all"]
    assert (everything["videos"], everything["contents"], everything["order"]["pairs"]) == (6, 3, 3)
    assert report["groups"]["blur"]["videos"] == 3
    assert "at least 5" in report["groups"]["blur"]["undefined"]["plcc_logistic"]
    assert 0 <= report["interval_coverage"] <= 1
    with out.open() as stream:
        lines = list(csv.DictReader(stream))
    assert float(lines[3]["score"]) == pytest.approx(
        Scorer(model_dir, clips=1).score(ratings.parent / "v3.mp4").score
    )
    assert lines[3]["group"] == "blur"


def test_a_column_is_named_as_in_any_manifest(run, model_dir, ratings):
    lines = ratings.read_text().replace(",", " ; ").splitlines()
    ratings.write_text("\n".join([lines[0].replace("family", "Kind "), *lines[1:]]) + "\n")
    found = run("evaluate", model_dir, ratings, *ARGS, "--group-column", "kind")
    assert found.code == 0, found.err
    assert set(json.loads(found.out)["groups"]) == {"all", "blur", "noise"}


def test_a_table_for_people(run, model_dir, ratings):
    found = run("evaluate", model_dir, ratings, *ARGS, "--format", "table", "--pairs-column", "content")
    assert found.code == 0
    assert "srocc" in found.out
    assert "of 3" in found.out
    assert "logistic fit is made on these very videos" in found.err


def test_failed_videos_are_left_out_and_named(run, model_dir, ratings):
    (ratings.parent / "v5.mp4").write_text("broken")
    found = run("evaluate", model_dir, ratings, *ARGS)
    report = json.loads(found.out)
    assert found.code == 1
    assert report["groups"]["all"]["videos"] == 5
    assert "v5.mp4" in report["failed"][0]["path"]
    assert "v5.mp4" in found.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--group-column", "famly"], "no column 'famly'"),
        (["--format", "csv"], "'csv' is not one of"),
        (["--coverage", "2"], "coverage is 2"),
        (["--predictions", "absent/p.csv"], "no folder absent"),
    ],
)
def test_wrong_use_exits_with_2(run, model_dir, ratings, args, words):
    found = run("evaluate", model_dir, ratings, *ARGS, *args)
    assert found.code == 2
    assert words in found.err


def test_a_table_without_labels_cannot_be_evaluated(run, model_dir, ratings):
    ratings.write_text("path,score\nv0.mp4,\n")
    found = run("evaluate", model_dir, ratings)
    assert found.code == 2
    assert "no labelled video" in found.err
