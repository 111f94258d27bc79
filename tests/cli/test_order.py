"""``sslvqa order``."""

import json

import pytest

from sslvqa.distort.bank import NEAR_LOSSLESS, Distortion, Operation
from sslvqa.distort.build import build_group
from sslvqa.scoring import Scorer

KINDS = (
    Distortion(1, "blur_1", "blur", 1, NEAR_LOSSLESS, (Operation("blur", 1.0),)),
    Distortion(2, "blur_2", "blur", 2, NEAR_LOSSLESS, (Operation("blur", 3.0),)),
    Distortion(3, "mix", "noise+x264", 0, NEAR_LOSSLESS, (Operation("noise", 20.0),)),
)


@pytest.fixture
def groups(make_video, tmp_path):
    for index in range(2):
        source = make_video(f"v{index}.mp4", width=64, height=64, frames=6, seed=index)
        build_group(source, tmp_path / "groups" / f"scene{index}", distortions=KINDS)
    return tmp_path / "groups"


def test_json_has_pairs_and_mean_scores_of_each_kind(run, model_dir, groups):
    found = run("order", model_dir, groups, "--clips", 1, "--format", "json")
    assert (found.code, found.err) == (0, "")
    kinds = json.loads(found.out)["kinds"]
    assert {name: (part["scenes"], part["pairs"]) for name, part in kinds.items()} == {
        "blur": (2, 6),
        "noise+x264": (2, 2),
    }
    scorer = Scorer(model_dir, clips=1)
    score = {path.name: 0.0 for path in groups.glob("*/*.mp4")}
    for path in groups.glob("*/*.mp4"):
        score[path.name] += scorer.score(path).score / 2
    means = kinds["blur"]["means"]
    assert means["0"] == pytest.approx(score["00_reference.mp4"])
    assert means["2"] == pytest.approx(score["02_blur_2.mp4"])
    assert kinds["noise+x264"]["means"]["1"] == pytest.approx(score["03_mix.mp4"])
    assert 0 <= kinds["blur"]["in_order"] <= 1


def test_a_table_for_people(run, model_dir, groups):
    found = run("order", model_dir, groups, "--clips", 1, "--format", "table")
    assert found.code == 0
    assert "of 6" in found.out
    assert "level 2" in found.out
    assert "0 is undistorted" in found.err


def test_broken_versions_are_left_out_and_named(run, model_dir, groups):
    for path in (groups / "scene0" / "00_reference.mp4", groups / "scene1" / "00_reference.mp4"):
        path.write_bytes(b"broken")
    found = run("order", model_dir, groups, "--clips", 1)
    kinds = json.loads(found.out)["kinds"]
    assert found.code == 1
    assert kinds["blur"]["pairs"] == 2
    assert (kinds["noise+x264"]["pairs"], kinds["noise+x264"]["in_order"]) == (0, None)
    assert found.err.count("00_reference.mp4") >= 2


def test_wrong_use_is_one_line(run, model_dir, tmp_path, groups):
    assert "'csv' is not one of" in run("order", model_dir, groups, "--format", "csv").err
    (tmp_path / "none").mkdir()
    assert "make some with: sslvqa distort" in run("order", model_dir, tmp_path / "none").err
