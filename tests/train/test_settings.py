from __future__ import annotations

import dataclasses
import re
import tomllib
import typing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sslvqa.cli import train as commands
from sslvqa.cli.main import app
from sslvqa.data.datasets import SceneVersions
from sslvqa.errors import ConfigError
from sslvqa.train import (
    DISTIL_PRESETS,
    PRETRAIN_PRESETS,
    TRAIN_PRESETS,
    DistilConfig,
    LossConfig,
    OptimConfig,
    OutputConfig,
    PretrainConfig,
    RegressorConfig,
    RuntimeConfig,
    TrainConfig,
    read_config,
    write_config,
)
from sslvqa.train.finish import label_scale
from sslvqa.train.groups import hash_groups
from sslvqa.train.settings import resolve_config
from sslvqa.train.start import fingerprint
from sslvqa.train.train_config import TrainMethod


@settings(max_examples=20, deadline=None)
@given(
    lr=st.floats(1e-6, 1.0),
    clip=st.none() | st.floats(0.1, 10),
    seed=st.integers(0, 2**31),
    steps=st.none() | st.integers(1, 100),
    kind=st.sampled_from(["paper", "released"]),
)
def test_written_settings_are_read_back(tmp_path_factory, lr, clip, seed, steps, kind):
    config = TrainConfig(
        labels="a b.csv",
        pristine="p",
        out='o"x',
        method="ssl_vqa_minus",
        max_steps=steps,
        optim=OptimConfig(lr=lr, grad_clip=clip),
        loss=LossConfig(plcc=kind, consistency=False),
        runtime=RuntimeConfig(seed=seed),
    )
    path = tmp_path_factory.mktemp("c") / "config.toml"
    write_config(path, config)
    assert read_config(path, TrainConfig) == config


def write(tmp_path, text):
    path = tmp_path / "c.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("verions = 3", "unknown key 'verions'; did you mean 'versions'"),
        ("[optim]\nlearning_rate = 1", r"optim: unknown key 'learning_rate'"),
        ("versions = '3'", "versions is '3'; expected int"),
        ("epochs = true", "epochs is True; expected int"),
        ("loss = 'cosin'", "loss is 'cosin'; expected statistical/cosine"),
        ("optim = 3", "optim is 3; expected a table"),
        ("versions = 1", "versions is 1; expected 2 or more"),
        ("scenes_per_batch = 5\naccumulate = 2", "must be a multiple"),
        ("cross_scene = true\naccumulate = 2", "must be together"),
        ("[optim]\nlr = 0", "lr is 0.0; expected a positive number"),
        ("x = ", "is not TOML"),
    ],
)
def test_wrong_settings_are_named(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        read_config(write(tmp_path, text), PretrainConfig, options={"videos": "v", "out": "o"})


def test_absent_values_and_files_are_named(tmp_path):
    with pytest.raises(ConfigError, match="no value for videos, out"):
        read_config(write(tmp_path, ""), PretrainConfig)
    with pytest.raises(ConfigError, match="no settings file"):
        read_config(tmp_path / "none.toml", PretrainConfig)
    with pytest.raises(ConfigError, match="give --unlabelled, or --method ssl_vqa_minus"):
        TrainConfig(labels="l", pristine="p", out="o")
    with pytest.raises(ConfigError, match="give --unlabelled, or --method supervised"):
        TrainConfig(labels="l", out="o", method="fixmatch")
    with pytest.raises(ConfigError, match="give --pristine, or --method supervised"):
        TrainConfig(labels="l", out="o", method="ssl_vqa_minus")
    assert TrainConfig(labels="l", out="o", method="supervised").pristine is None


def test_the_empty_paths_of_a_preset_do_not_count(tmp_path):
    preset = TRAIN_PRESETS["nano_cpu"]("", "", "")
    options = {"labels": "l", "out": "o", "method": "supervised"}
    assert resolve_config(TrainConfig, preset=preset, options=options).pristine is None
    with pytest.raises(ConfigError, match="give --pristine"):
        resolve_config(TrainConfig, preset=preset, options=options | {"method": "ssl_vqa_minus"})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"decay": 1.0}, "decay is 1.0"),
        ({"ramp": 2.0}, "ramp is 2.0"),
        ({"kept_first": 0.0}, "kept_first is 0.0"),
        ({"mix_alpha": 0.0}, "mix_alpha is 0.0"),
        ({"weight": -1.0}, "weight is -1.0"),
    ],
)
def test_options_of_the_baselines_are_checked(values, words):
    with pytest.raises(ConfigError, match=words):
        RegressorConfig(**values)


@pytest.mark.parametrize(
    ("values", "words"),
    [({"held_out": 0.0}, "held_out"), ({"interval_share": 0.3}, "interval_share"), ({"batch": 0}, "batch")],
)
def test_options_of_a_distillation_are_checked_and_written(tmp_path, values, words):
    config = DISTIL_PRESETS["nano_cpu"]("t", "v", "o")
    write_config(tmp_path / "config.toml", config)
    assert read_config(tmp_path / "config.toml", DistilConfig) == config
    with pytest.raises(ConfigError, match=words):
        replace(config, **values)


def test_options_win_over_the_file_and_the_file_over_the_preset(tmp_path):
    preset = PRETRAIN_PRESETS["nano_cpu"]("", "")
    config = resolve_config(
        PretrainConfig,
        preset=preset,
        file=write(tmp_path, "versions = 4\nepochs = 7\n[optim]\nlr = 0.5\n"),
        options={"videos": "v", "out": "o", "epochs": 9, "optim.weight_decay": 0.0, "runtime.threads": None},
    )
    assert (config.architecture, config.versions, config.epochs) == ("nano", 4, 9)
    assert config.optim == replace(preset.optim, lr=0.5, weight_decay=0.0)
    assert config.runtime == preset.runtime


def test_a_partial_table_keeps_the_defaults_of_its_stage(tmp_path):
    options = {"labels": "l", "pristine": "p", "out": "o", "method": "ssl_vqa_minus", "optim.lr": 1.0}
    config = read_config(write(tmp_path, ""), TrainConfig, options=options)
    assert (config.optim.lr, config.optim.head_lr, config.optim.warmup_epochs) == (1.0, 1e-3, 2.5)


def test_the_paper_recipe_has_the_papers_numbers():
    one, two = PRETRAIN_PRESETS["paper"]("v", "o"), TRAIN_PRESETS["paper"]("l", "p", "o")
    assert (one.versions, one.scenes_per_batch, one.epochs, one.optim.lr) == (10, 6, 30, 1e-4)
    assert one.optim.lr * one.optim.final_ratio == pytest.approx(1e-5)
    assert (two.labelled_batch, two.unlabelled_batch, two.epochs) == (16, 16, 30)
    assert (two.corpus.clips, two.optim.head_lr, two.optim.weight_decay) == (24, 1e-4, 0.05)
    released = TRAIN_PRESETS["released"]("l", "p", "o")
    assert (released.loss.plcc, released.loss.temperature, released.optim.head_lr) == (
        "released",
        100.0,
        1e-3,
    )
    assert replace(released, out="x").pair == "released_stage2"


def test_the_documented_options_of_the_baselines_are_the_defaults():
    text = (Path(__file__).parents[2] / "docs" / "train.md").read_text(encoding="utf-8")
    block = re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1]
    assert tomllib.loads(block) == {"regressor": dataclasses.asdict(RegressorConfig())}


def test_the_command_offers_every_method():
    annotated = typing.get_type_hints(commands.train, include_extras=True)["method"]
    (option,) = annotated.__metadata__
    assert all(method in option.help for method in typing.get_args(TrainMethod))


def test_a_scale_that_cannot_be_is_refused_before_the_training(tmp_path):
    for values in ({"coverage": 90.0}, {"clips": 0}):
        with pytest.raises(ConfigError, match=next(iter(values))):
            OutputConfig(**values)
    assert label_scale(OutputConfig(maximum=5.0), [1.0, 4.0]).minimum == 1.0
    with pytest.raises(ConfigError, match="the scale goes from 5 to 4"):
        label_scale(OutputConfig(minimum=5.0), [1.0, 4.0])


def test_a_run_is_the_same_in_another_folder_and_whatever_is_said_of_its_model():
    config = TrainConfig(labels="/a/l.csv", out="/a/run", groups="/a/groups", method="supervised")
    moved = replace(config, labels="/b/l.csv", out="/b/run", groups="/b/groups")
    assert fingerprint(moved) == fingerprint(config)
    assert fingerprint(replace(config, output=OutputConfig(description="better"))) == fingerprint(config)
    assert fingerprint(replace(config, groups_batch=2)) != fingerprint(config)


def test_groups_of_other_kinds_are_other_data():
    groups = [
        (SceneVersions("s", tuple(map(Path, "ab")), 8, (("reference", 0), (kind, 1))),)
        for kind in ("blur", "noise")
    ]
    assert hash_groups(groups[0]) != hash_groups(groups[1])


@pytest.mark.parametrize(
    ("file", "options", "expected"),
    [
        ('method = "fixmatch"', ["--unlabelled", "u"], "fixmatch"),
        ('unlabelled = "u"', ["--pristine", "p"], "ssl_vqa"),
        ("", ["--pristine", "p"], "ssl_vqa_minus"),
        ('method = "fixmatch"\nunlabelled = "u"', ["--method", "mixmatch"], "mixmatch"),
    ],
)
def test_the_method_of_the_file_holds_unless_another_is_asked(tmp_path, monkeypatch, file, options, expected):
    seen = []
    monkeypatch.setattr("sslvqa.train.train", lambda config, **_: seen.append(config.method))
    settings = tmp_path / "s.toml"
    settings.write_text(f'labels = "l"\nout = "o"\n{file}\n')
    assert CliRunner().invoke(app, ["train", "--config", str(settings), *options]).exit_code == 0
    assert seen == [expected]
