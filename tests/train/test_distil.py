"""Whole distillations of tiny teachers."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
from dataclasses import replace

import pytest
from safetensors.torch import load_file

import sslvqa.train.engine as engine
from sslvqa.data import ManifestRow, write_manifest
from sslvqa.errors import ConfigError, DataError
from sslvqa.hub import load_card, load_model, write_card
from sslvqa.scoring import Scorer, check_golden
from sslvqa.train import DistilConfig, Interrupted, OptimConfig, RuntimeConfig, distil
from sslvqa.train.tables import divide_videos


@pytest.fixture
def clips(make_video, tmp_path):
    """Ten videos of falling quality."""
    for index in range(10):
        options = {"options": {"crf": str(12 + 4 * index)}}
        make_video(f"clips/{index}.mp4", width=64, height=48, frames=8, seed=index, **options)
    return tmp_path / "clips"


def config_of(teacher, clips, tmp_path, **options) -> DistilConfig:
    values = {
        "batch": 4,
        "epochs": 2,
        "held_out": 0.3,
        "interval_share": 0.5,
        "validate_epochs": 1,
        "optim": OptimConfig(lr=1e-4, head_lr=1e-3),
        "runtime": RuntimeConfig(workers=0),
        **options,
    }
    return DistilConfig(teacher=str(teacher), videos=str(clips), out=str(tmp_path / "run"), **values)


def weights(model_dir):
    return load_file(model_dir / "weights.safetensors")


def records(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture
def stop_in_step(monkeypatch):
    """Send this process SIGTERM in its second step, once."""
    real, calls = engine._one_step, []

    def one_step(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **kwargs)

    return lambda: monkeypatch.setattr(engine, "_one_step", one_step)


def test_a_teacher_of_any_kind_gives_a_student_that_scores_like_it(kind_dir, clips, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    out = distil(config_of(kind_dir, clips, tmp_path))
    card = load_card(out)
    teacher = load_model(kind_dir).card
    only_r = teacher.architecture.kind == "regressor"
    assert card.architecture.kind == ("regressor" if only_r else "student")
    assert card.name == "tiny.student"
    assert (card.scale, card.calibration, card.input) == (teacher.scale, teacher.calibration, teacher.input)
    assert (card.training.teacher.name, card.training.teacher.sha256) == (
        teacher.name,
        teacher.weights_sha256,
    )
    assert (card.training.method, card.training.labelled, card.training.unlabelled) == ("distil", 0, 7)
    assert card.limits[0].startswith("A student of tiny.random")
    assert str(tmp_path) not in card.model_dump_json()
    assert card.architecture.backbone.drop_path == card.architecture.head_dropout == 0
    check_golden(load_model(out))
    assert [item.videos for item in card.results] == [3] * (2 if only_r else 3)
    assert card.results[0].protocol.startswith("score of tiny.random imitated")
    assert card.results[1].rmse < 2, "Q_R starts as the teacher's, on a scale of 0..100"
    assert "SROCC to the teacher on 3 held-out contents" in caplog.text
    assert card.interval.coverage == pytest.approx(0.4)
    first, second = (Scorer(load_model(path)).score(clips / "0.mp4") for path in (kind_dir, out))
    assert second.raw_q_r == pytest.approx(first.raw_q_r, abs=0.1)
    assert (second.q_d is None) == only_r
    assert second.interval.high - second.interval.low == pytest.approx(2 * (7.5 + card.interval.margin))
    lines = records(tmp_path / "run")
    assert any("srocc_score" in line for line in lines)
    assert [line["step"] for line in lines if "loss" in line] == list(range(4))


def test_a_stopped_and_resumed_distillation_equals_an_unbroken_one(model_dir, clips, tmp_path, stop_in_step):
    config = config_of(model_dir, clips, tmp_path, validate_epochs=0)
    whole = weights(distil(replace(config, out=str(tmp_path / "whole"))))
    stop_in_step()
    with pytest.raises(Interrupted, match="stopped after step 2 of 4"):
        distil(config)
    with pytest.raises(ConfigError, match="pass --resume"):
        distil(config)
    resumed = weights(distil(config, resume=True))
    assert [name for name in whole if not whole[name].equal(resumed[name])] == []
    again = weights(distil(config, resume=True))
    assert all(again[name].equal(whole[name]) for name in whole), "finishing twice changes nothing"
    with pytest.raises(ConfigError, match="other settings or data"):
        distil(replace(config, order_weight=0.5), resume=True)


def test_a_student_from_scratch_has_the_teachers_views_and_scale(model_dir, clips, tmp_path):
    out = distil(config_of(model_dir, clips, tmp_path, init="scratch", max_steps=1))
    mine, other = (Scorer(load_model(path)).score(clips / "0.mp4") for path in (out, model_dir))
    assert mine.raw_q_d == pytest.approx(other.raw_q_d, abs=0.5)
    assert load_card(out).training.pretrained is None


def test_a_frozen_student_keeps_the_q_r_of_its_teacher(model_dir, clips, tmp_path):
    out = distil(config_of(model_dir, clips, tmp_path, head_first=1.0, validate_epochs=0, max_steps=2))
    mine, other = (Scorer(load_model(path)).score(clips / "0.mp4") for path in (out, model_dir))
    assert mine.raw_q_r == pytest.approx(other.raw_q_r, abs=1e-4)
    assert mine.raw_q_d != pytest.approx(other.raw_q_d, abs=1e-6)


def test_a_raw_teacher_without_an_interval_gives_such_a_student(model_dir, clips, tmp_path):
    teacher = shutil.copytree(model_dir, tmp_path / "teacher")
    card = load_card(teacher)
    bare = card.model_copy(update={"combine": "raw", "calibration": None, "interval": None})
    write_card(teacher / "card.toml", bare)
    card = load_card(distil(config_of(teacher, clips, tmp_path, max_steps=1)))
    assert (card.combine, card.calibration, card.interval) == ("raw", None, None)


def test_labels_that_neither_learned_from_give_the_interval_its_width(model_dir, clips, make_video, tmp_path):
    rows = [
        ManifestRow(
            make_video(f"rated/{i}.mp4", width=64, height=48, frames=8, seed=20 + i), f"r{i}", score=i
        )
        for i in range(9)
    ]
    table = write_manifest(tmp_path / "rated.csv", rows)
    config = config_of(model_dir, clips, tmp_path, labels=str(table), max_steps=1)
    out = distil(config)
    card = load_card(out)
    scorer = Scorer(load_model(out))
    errors = [abs(scorer.score(row.path).score - row.score) for row in rows]
    assert card.interval.half_width == pytest.approx(max(errors), abs=1e-3)
    assert (card.interval.coverage, card.interval.margin, card.interval.contents) == (0.9, 0.0, 9)
    assert (card.results[-1].dataset, card.results[-1].videos) == ("rated.csv", 9)
    write_manifest(table, [ManifestRow(path, path.name, score=1.0) for path in sorted(clips.iterdir())])
    with pytest.raises(DataError, match="were learned from"):
        distil(replace(config, out=str(tmp_path / "other")))


def test_what_cannot_work_is_refused_before_the_first_step(model_dir, clips, tmp_path):
    config = config_of(model_dir, clips, tmp_path)
    other = shutil.copytree(model_dir, tmp_path / "other")
    text = (other / "card.toml").read_text()
    (other / "card.toml").write_text(text.replace("interval = 2", "interval = 3"))
    with pytest.raises(ConfigError, match="both score the same views"):
        distil(replace(config, init=str(other)))
    (other / "card.toml").write_text(text.replace("coverage = 0.9", "coverage = 0.4"))
    with pytest.raises(ConfigError, match=r"give a share above 0.6"):
        distil(replace(config, teacher=str(other)))
    assert not (tmp_path / "run").exists()


def test_marked_rows_are_held_out_and_other_splits_are_left_out(clips, tmp_path):
    splits = ["calibration", "test", None, "train", *[None] * 6]
    rows = [
        ManifestRow(clips / f"{index}.mp4", f"{index}.mp4", split=split, content=f"c{index}")
        for index, split in enumerate(splits)
    ]
    table = write_manifest(tmp_path / "clips.csv", rows)
    learned, held = divide_videos(str(table), limit=None, fraction=0.2, seed=0)
    assert [row.content for row in held.rows] == ["c0"]
    assert [row.content for row in learned.rows] == [f"c{index}" for index in range(2, 10)]
    table = write_manifest(tmp_path / "one.csv", [rows[0]])
    with pytest.raises(DataError, match="both need some"):
        divide_videos(str(table), limit=None, fraction=0.2, seed=0)


def test_the_command_prints_the_model_directory(run, model_dir, clips, tmp_path):
    arguments = [
        "distil",
        "--teacher",
        str(model_dir),
        "--videos",
        str(clips),
        "--out",
        str(tmp_path / "run"),
    ]
    arguments += ["--preset", "nano_cpu", "--max-steps", "1", "--workers", "0", "--precision", "fp32"]
    result = run(*arguments)
    assert result.code == 0, result.err
    assert result.out == f"{tmp_path / 'run' / 'model'}\n"
    assert load_card(tmp_path / "run" / "model").interval is None, "two contents are too few"
    missing = run("distil", "--videos", clips)
    assert missing.code == 2
    assert "no value for teacher, out" in missing.err
