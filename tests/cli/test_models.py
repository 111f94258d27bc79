"""``sslvqa models``."""

import json
import tomllib

import pytest


@pytest.fixture
def shipped(monkeypatch, model_dir):
    monkeypatch.setattr("sslvqa.hub.weights._SHIPPED", model_dir.parent)


def test_the_list_says_what_the_score_is(run, shipped):
    table = run("models", "list", "--format", "table")
    assert "tiny.random" in table.out
    assert "TEST 0..100" in table.out
    assert json.loads(run("models", "list").out)["models"][0]["name"] == "tiny.random"
    assert json.loads(run("models", "list", "-f", "json").out)["models"][0]["licence"] == "MIT"


def test_a_card_is_shown_as_toml_or_json(run, shipped, model_dir):
    text = run("models", "show", "tiny.random").out
    assert text == (model_dir / "card.toml").read_text()
    shown = json.loads(run("models", "show", model_dir, "--format", "json").out)
    assert shown["scale"] == tomllib.loads(text)["scale"]


def test_wrong_names_and_formats_exit_with_2(run, shipped):
    found = run("models", "show", "tiny.randon")
    assert found.code == 2
    assert "did you mean 'tiny.random'" in found.err
    assert run("models", "show", "tiny.random", "--format", "csv").code == 2


def test_a_start_with_other_views_is_made_of_a_model(run, tmp_path):
    found = run("models", "resize", "nano.open3", "-a", "nano", "-o", tmp_path / "start")
    assert found.code == 0
    assert "views of 8 frames, 128 px" in found.err
    assert (tmp_path / "start/head.safetensors").is_file()
    found = run("models", "resize", "nano.open3", "-a", "mobile", "-o", tmp_path / "other")
    assert found.code == 2
    assert "not only other windows" in found.err
