"""Whole runs on tiny networks: both stages, resuming, several processes, commands."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from sslvqa.data import read_manifest
from sslvqa.distort import build_group
from sslvqa.distort.many import distort_many
from sslvqa.errors import ConfigError, DataError
from sslvqa.hub import load_model
from sslvqa.nn import SwinBackbone
from sslvqa.scoring import Scorer, check_golden
from sslvqa.train import (
    HeadConfig,
    Interrupted,
    OptimConfig,
    PretrainConfig,
    RuntimeConfig,
    finish,
    pretrain,
    train,
)
from sslvqa.train.checkpoint import find_checkpoint
from sslvqa.train.start import save_backbone


def weights(model_dir: Path):
    return load_file(model_dir / "weights.safetensors")


def steps(run: Path) -> list[dict]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in {"seconds", "mfu", "waited"}} for line in lines]


def test_a_run_gives_a_model_that_scores(config, tmp_path, videos):
    model_dir = train(config)
    assert model_dir == tmp_path / "run" / "model"
    loaded = load_model(model_dir)
    check_golden(loaded)
    card = loaded.card
    assert card.name == "tiny.test"
    assert card.training.labelled == 11
    assert card.training.unlabelled == 4
    assert {item.name for item in card.training.manifests} == {
        "labelled",
        "calibration",
        "pristine",
        "unlabelled",
    }
    assert card.results[0].videos == 3
    assert card.interval is None, "three contents are too few for 90 % coverage"
    score = Scorer(model_dir).score(tmp_path / "videos" / "00.mp4")
    assert card.scale.minimum <= score.score <= card.scale.maximum
    lines = steps(tmp_path / "run")
    assert [line["step"] for line in lines if "loss" in line] == list(range(5))
    assert any("srocc_r" in line for line in lines)
    assert (tmp_path / "run" / "config.toml").is_file()


@pytest.mark.parametrize("stopped_at", [1, 4])
def test_a_stopped_and_resumed_run_equals_an_unbroken_one_bit_for_bit(
    config, tmp_path, stop_after, stopped_at
):
    whole = weights(train(replace(config, out=str(tmp_path / "whole"))))
    stop_after(stopped_at)
    with pytest.raises(Interrupted, match=f"stopped after step {stopped_at} of 5"):
        train(config)
    assert find_checkpoint(tmp_path / "run").name == f"checkpoint-{stopped_at:08d}"
    with pytest.raises(ConfigError, match="pass --resume"):
        train(config)
    stop_after(0)
    resumed = weights(train(config, resume=True))
    assert resumed.keys() == whole.keys()
    assert [name for name in whole if not whole[name].equal(resumed[name])] == []
    assert steps(tmp_path / "run") == steps(tmp_path / "whole")


def test_reading_in_other_processes_does_not_change_the_result(config, tmp_path):
    here = weights(train(config))
    runtime = RuntimeConfig(workers=2)
    there = weights(train(replace(config, out=str(tmp_path / "two"), runtime=runtime)))
    assert all(here[name].equal(there[name]) for name in here)


def test_a_cache_of_frames_changes_nothing_and_a_run_may_resume_with_one(config, tmp_path, stop_after):
    plain = weights(train(replace(config, max_steps=3)))
    cached = replace(config, out=str(tmp_path / "cached"), max_steps=3)
    stop_after(2)
    with pytest.raises(Interrupted):
        train(cached)
    stop_after(0)
    runtime = RuntimeConfig(workers=0, cache=str(tmp_path / "frames"), cache_gigabytes=0.01, compile="off")
    found = weights(train(replace(cached, runtime=runtime), resume=True))
    assert all(plain[name].equal(found[name]) for name in plain)
    assert list((tmp_path / "frames").glob("*/frames.bin"))


@pytest.mark.parametrize("workers", [0, 2])
def test_frames_held_by_the_device_give_nearly_the_same_and_a_stopped_run_goes_on(
    config, tmp_path, stop_after, workers
):
    settings = replace(config, turned=True, fit_head=True, max_steps=3)
    plain = weights(train(replace(settings, out=str(tmp_path / "files"))))
    records = steps(tmp_path / "files")
    runtime = RuntimeConfig(workers=workers, device_gigabytes=0.1)
    held = replace(settings, out=str(tmp_path / "held"), runtime=runtime)
    stop_after(2)
    with pytest.raises(Interrupted):
        train(held)
    stop_after(0)
    more = replace(held, runtime=replace(runtime, device_gigabytes=0.2, cache=str(tmp_path / "frames")))
    found = weights(train(more, resume=True))
    assert any(not plain[name].equal(found[name]) for name in plain), "the pixels differ by rounding"
    losses = [
        [line["loss"] for line in lines if "loss" in line] for lines in (records, steps(tmp_path / "held"))
    ]
    assert losses[1] == pytest.approx(losses[0], abs=0.1)
    with pytest.raises(
        ConfigError, match=r"the frames of \d+ videos take 0.0 GB, device_gigabytes allows 0.0"
    ):
        train(replace(held, out=str(tmp_path / "more"), runtime=replace(runtime, device_gigabytes=1e-5)))


def test_another_seed_gives_other_weights_and_other_settings_do_not_resume(config):
    train(replace(config, max_steps=1))
    with pytest.raises(ConfigError, match="other settings or data"):
        train(replace(config, max_steps=1, runtime=RuntimeConfig(workers=0, seed=1)), resume=True)


def test_the_order_of_levels_is_learned_from_groups_and_a_stopped_run_goes_on(
    config, tmp_path, videos, stop_after
):
    groups = tmp_path / "groups"
    for index in range(2):
        build_group(videos.parent / "videos" / f"{index:02}.mp4", groups / str(index), max_frames=6)
    ranked = replace(config, method="ssl_vqa_minus", unlabelled=None, groups=str(groups), max_steps=3)
    whole = weights(train(ranked))
    records = steps(tmp_path / "run")
    assert all(record["ranking_r"] > 0 for record in records if "loss" in record)
    broken = replace(ranked, out=str(tmp_path / "broken"))
    stop_after(2)
    with pytest.raises(Interrupted):
        train(broken)
    stop_after(0)
    resumed = weights(train(broken, resume=True))
    assert all(whole[name].equal(resumed[name]) for name in whole)
    with pytest.raises(DataError, match="no groups in it; make some with: sslvqa distort"):
        train(replace(ranked, groups=str(videos.parent / "videos"), out=str(tmp_path / "none")))
    with pytest.raises(ConfigError, match="ssl_vqa, ssl_vqa_minus, supervised learn from them"):
        replace(ranked, method="mean_teacher", unlabelled="videos")
    with pytest.raises(ConfigError, match="ranking_temperature is 0"):
        replace(ranked.loss, ranking_temperature=0.0)


def test_one_network_learns_the_order_of_levels_from_a_model(config, tmp_path, videos):
    first = train(replace(config, method="supervised", max_steps=1))
    groups = tmp_path / "groups"
    (made,) = distort_many([videos.parent / "videos" / "00.mp4"], groups, bank="ordered", frames=6, scale=1)
    assert made.versions == 13
    settings = replace(config, method="supervised", init=str(first), groups=str(groups), max_steps=2)
    train(replace(settings, out=str(tmp_path / "ordered")))
    records = [line for line in steps(tmp_path / "ordered") if "loss" in line]
    assert all(line["ranking"] > 0 and line["supervised"] > 0 for line in records)


def test_ssl_vqa_minus_ignores_unlabelled_videos(config, tmp_path):
    plain = replace(config, method="ssl_vqa_minus", max_steps=2)
    without = weights(train(replace(plain, unlabelled=None)))
    given = weights(train(replace(plain, out=str(tmp_path / "other"))))
    assert all(without[name].equal(given[name]) for name in without)


def test_the_head_alone_learns_in_no_step_and_resumes_to_the_same(config, tmp_path, tiny):
    (tmp_path / "stvqrl").mkdir()
    save_backbone(tmp_path / "stvqrl", SwinBackbone(tiny.backbone), tiny)
    plain = replace(config, method="ssl_vqa_minus", unlabelled=None, max_steps=0)
    plain = replace(plain, init=str(tmp_path / "stvqrl"))
    plain = replace(plain, fit_head=False, head=HeadConfig(epochs=3, moments=True, batch=4))
    first = train(plain)
    model, card = load_model(first)
    assert (card.architecture.kind, card.architecture.head_moments) == ("shared", True)
    check_golden(load_model(first))
    assert Scorer(first).score(tmp_path / "videos" / "00.mp4").q_d is not None
    assert model.regressor.head.moments
    start = train(replace(plain, head=HeadConfig(moments=True), out=str(tmp_path / "start")))
    before, after = weights(start), weights(first)
    changed = {name for name in after if not after[name].equal(before[name])}
    assert changed
    assert all(name.startswith("regressor.head.") for name in changed)
    again = weights(train(plain, resume=True))
    assert all(after[name].equal(again[name]) for name in after)
    goes_on = replace(
        plain, init=str(first), method="supervised", head=HeadConfig(), out=str(tmp_path / "on")
    )
    kept = weights(train(replace(goes_on, pristine=None)))
    assert all(kept[name].equal(after[name]) for name in kept)


def test_the_maps_to_the_label_scale_are_fitted_on_a_share_of_many_labelled_videos(config, monkeypatch):
    """Scoring all of 28 000 labelled videos would take longer than training on them."""
    scored = []
    monkeypatch.setattr(finish, "_MAP_VIDEOS", 5)
    fitted = finish.raw_scores
    monkeypatch.setattr(
        finish, "raw_scores", lambda scorer, table: scored.append(len(table)) or fitted(scorer, table)
    )
    _, card = load_model(train(replace(config, method="supervised", pristine=None, max_steps=1)))
    assert scored == [3, 5]  # the held-out videos, a share of the eleven others
    assert card.combine == "calibrated"


def test_videos_that_are_calibrated_on_share_the_batches_of_a_gpu(config, videos):
    table = read_manifest(videos)
    model = train(replace(config, method="supervised", pristine=None, max_steps=1))
    alone, joined = Scorer(model, combine="raw", clips=2), Scorer(model, combine="raw", clips=2, batch=8)
    calls, run = [], joined.runtime
    joined.runtime = lambda views: calls.append(len(views)) or run(views)
    expected, found = finish.raw_scores(alone, table), finish.raw_scores(joined, table)
    assert calls == [8, 8, 8, 4]  # 14 videos of 2 views
    assert found.q_r == pytest.approx(expected.q_r, abs=1e-5)
    (Path(table.rows[5].path)).write_bytes(b"no video")
    with pytest.raises(DataError, match=r"05\.mp4"):
        finish.raw_scores(joined, table)


@pytest.mark.parametrize(
    "method", ["supervised", "mean_teacher", "fixmatch", "mixmatch", "meta_pseudo_labels"]
)
def test_a_baseline_gives_a_calibrated_regressor_and_resumes_to_the_same(
    method, config, tmp_path, stop_after
):
    plain = replace(config, method=method, pristine=None, max_steps=3, unlabelled_batch=4)
    whole = train(replace(plain, out=str(tmp_path / "whole")))
    model, card = load_model(whole)
    assert (card.architecture.kind, card.training.method) == ("regressor", method)
    assert card.training.unlabelled == (0 if method == "supervised" else 4)
    assert {item.name for item in card.training.manifests} >= {"labelled", "calibration"}
    assert (card.calibration.distance, card.calibration.weight) == (None, 1.0)
    assert card.results[0].videos == 3
    check_golden(load_model(whole))
    score = Scorer(whole).score(tmp_path / "videos" / "00.mp4")
    assert card.scale.minimum <= score.score <= card.scale.maximum
    assert score.q_d is None
    lines = steps(tmp_path / "whole")
    assert any("srocc_r" in line for line in lines)
    assert not any("srocc_d" in line for line in lines)
    stop_after(2)
    with pytest.raises(Interrupted):
        train(plain)
    stop_after(0)
    resumed = weights(train(plain, resume=True))
    assert [name for name, value in weights(whole).items() if not value.equal(resumed[name])] == []
    assert len(list(model.children())) == 1


def test_a_pair_starts_from_a_regressor_and_a_regressor_from_a_pair(config, tmp_path):
    plain = replace(config, max_steps=1)
    single = train(replace(plain, method="supervised"))
    pair = train(replace(plain, init=str(single), out=str(tmp_path / "pair")))
    again = train(replace(plain, method="supervised", init=str(pair), out=str(tmp_path / "again")))
    kinds = [load_model(path).card.architecture.kind for path in (single, pair, again)]
    assert kinds == ["regressor", "pair", "regressor"]


def test_a_run_starts_from_a_model(config, tmp_path):
    first = train(replace(config, max_steps=1))
    fine = replace(config, init=str(first), out=str(tmp_path / "fine"), max_steps=1, architecture="swin_t")
    tuned = load_model(train(fine))
    assert tuned.card.architecture.name == "tiny"
    assert tuned.card.training.pretrained == first.name
    assert (
        str(tmp_path) not in tuned.card.model_dump_json()
    )  # a card travels: it holds no path of this machine
    before, after = weights(first), tuned.model.state_dict()
    name = "regressor.head.fc_hid.weight"
    assert (before[name] - after[name]).abs().max() < 0.01


def test_a_diverging_run_is_stopped(config):
    wild = OptimConfig(lr=1e30, head_lr=1e30)
    with pytest.raises(DataError, match=r"step 1 .*lower the learning rate"):
        train(replace(config, optim=wild))


@pytest.fixture
def pretrain_config(make_video, tmp_path):
    for index in range(2):
        make_video(f"sources/{index}.mp4", width=72, height=48, frames=6, seed=index)
    return PretrainConfig(
        videos=str(tmp_path / "sources"),
        out=str(tmp_path / "pre"),
        architecture="tiny",
        versions=4,
        scenes_per_batch=2,
        epochs=3,
        group_frames=6,
        runtime=RuntimeConfig(workers=0),
    )


def test_a_backbone_is_learned_from_plain_videos_and_starts_the_next_stage(
    pretrain_config, config, tmp_path, stop_after
):
    run = pretrain(pretrain_config)
    assert len(list((run / "groups").rglob("group.json"))) == 2
    assert (run / "backbone.safetensors").is_file()
    again = replace(pretrain_config, videos=str(run / "groups"), out=str(tmp_path / "again"))
    stop_after(1)
    with pytest.raises(Interrupted):
        pretrain(again)
    stop_after(0)
    pretrain(again, resume=True)
    one, two = (load_file(folder / "backbone.safetensors") for folder in (run, tmp_path / "again"))
    assert all(one[name].equal(two[name]) for name in one)
    model, card = load_model(train(replace(config, init=str(run), architecture="swin_t", max_steps=1)))
    assert card.architecture.name == "tiny"
    assert model.distance.corpus_tokens > 0


def test_accumulated_parts_give_the_whole_batch(pretrain_config, tmp_path):
    settings = replace(pretrain_config, max_steps=2, architecture="tiny")
    whole = load_file(pretrain(settings) / "backbone.safetensors")
    parts = replace(settings, videos=str(tmp_path / "pre" / "groups"), out=str(tmp_path / "b"), accumulate=2)
    split = load_file(pretrain(parts) / "backbone.safetensors")
    change = max(float((whole[name] - split[name]).abs().max()) for name in whole)
    assert change < 2e-3, "stochastic depth draws differ, the rest is equal"
    losses = [[line["loss"] for line in steps(tmp_path / run) if "loss" in line] for run in ("pre", "b")]
    assert losses[0][0] == pytest.approx(losses[1][0], rel=0.05)


def test_a_start_that_is_nothing_is_refused(config):
    with pytest.raises(ConfigError, match="init is 'nowhere'; expected scratch, the folder"):
        train(replace(config, init="nowhere"))


def test_two_processes_equal_one_with_the_joined_batch():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = Path(__file__).with_name("two_processes.py")
    world = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, str(script)],
            env={**os.environ, **world, "RANK": str(rank)},
            stdout=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=240)[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    for output in outputs:
        found = json.loads(output)
        assert {
            "ssl_vqa",
            "ranked",
            "ranked_regressor",
            "stvqrl",
            "distil",
            "MeanTeacher",
            "MetaPseudoLabels",
        } <= set(found)
        assert [name for name, agrees in found.items() if not agrees] == []


def test_the_commands_print_the_result_and_nothing_else(run, config, tmp_path):
    arguments = ["train", "--labels", config.labels, "--pristine", config.pristine, "--out", config.out]
    arguments += ["--architecture", "tiny", "--labelled-batch", "4", "--max-steps", "1", "--workers", "0"]
    result = run(*arguments)
    assert result.code == 0, result.err
    assert result.out == f"{tmp_path / 'run' / 'model'}\n"
    again = run(*arguments)
    assert (again.code, again.out) == (2, "")
    assert "sslvqa: " in again.err
    assert "--resume" in again.err


def test_a_command_without_its_data_says_what_is_missing(run):
    result = run("pretrain", "--preset", "nano_cpu")
    assert result.code == 2
    assert "no value for videos, out" in result.err


def test_a_stopped_command_exits_with_130(run, config, stop_after):
    stop_after(1)
    arguments = ["train", "--labels", config.labels, "--pristine", config.pristine, "--out", config.out]
    arguments += ["--architecture", "tiny", "--labelled-batch", "4", "--max-steps", "3", "--workers", "0"]
    result = run(*arguments)
    assert result.code == 130
    assert "--resume continues" in result.err
