"""A pair, a regressor and a student are loaded, scored, mapped, timed and shown by the same calls."""

import csv
import dataclasses
import io
import json
import shutil

import numpy as np
import pytest
import torch

from sslvqa import quality_map
from sslvqa.bench import eager_model
from sslvqa.bench.eager import count_flop
from sslvqa.cli.output import Format, record_writer
from sslvqa.hub import load_model, save_model
from sslvqa.nn.inference import inference_model
from sslvqa.report import report_page
from sslvqa.sampling import normalize
from sslvqa.scoring import Scorer, VideoScore, check_golden, golden_view, openvino, store_golden

needs_openvino = pytest.mark.skipif(openvino.unavailable() is not None, reason="OpenVINO is not installed")


@pytest.fixture
def clip(make_video):
    return make_video("a.mp4", width=64, height=64, frames=12)


def kind_of(directory):
    return load_model(directory).card.architecture.kind


def golden(directory):
    return normalize(golden_view(load_model(directory).card.architecture.geometry))


def test_a_model_comes_back_bit_equal_and_keeps_its_kind(kind_dir, tmp_path):
    model, card = load_model(kind_dir)
    assert save_model(tmp_path / "again", model, card) == card
    again = load_model(tmp_path / "again")
    assert again.card.architecture.kind == card.architecture.kind
    assert all(value.equal(again.model.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_card_from_before_the_kinds_is_that_of_a_pair(model_dir, tmp_path):
    copy = shutil.copytree(model_dir, tmp_path / "old")
    text = (copy / "card.toml").read_text()
    (copy / "card.toml").write_text(text.replace('kind = "pair"\n', "").replace("margin = 0.0\n", ""))
    assert (copy / "card.toml").read_text().count("kind = ") == text.count("kind = ") - 1
    assert load_model(copy).card == load_model(model_dir).card


def test_the_scores_have_q_d_where_the_model_has_it(kind_dir, clip):
    scorer = Scorer(load_model(kind_dir), clips=2, draws=2)
    result = scorer.score(clip, timeline_seconds=0.2)
    fields = (result.q_d, result.raw_q_d, result.disagreement, result.timeline[0].q_d)
    if kind_of(kind_dir) == "regressor":
        assert fields == (None, None, None, None)
        assert result.score == result.q_r
        assert scorer.raw(scorer.read(clip)).q_d is None
    else:
        assert result.score == pytest.approx((result.q_r + result.q_d) / 2)
        assert result.disagreement == pytest.approx(abs(result.q_r - result.q_d))
        assert scorer.raw(scorer.read(clip)).q_d.shape == (2, 2)
    assert result.interval.high - result.interval.low == pytest.approx(15)
    assert VideoScore.from_json(result.to_json()) == result
    assert "q_d" in json.loads(result.to_json())["timeline"][0], "the schema is the same, values may be null"


def test_raw_scores_need_no_calibration(kind_dir, clip):
    result = Scorer(load_model(kind_dir), combine="raw", clips=1).score(clip)
    parts = [value for value in (result.raw_q_r, result.raw_q_d) if value is not None]
    assert result.score == pytest.approx(np.mean(parts))
    assert "ranking" in result.scale


def test_the_inference_form_gives_the_eager_numbers(kind_dir):
    model, views = load_model(kind_dir).model, golden(kind_dir)
    with torch.inference_mode():
        fast, plain, slow = inference_model(model)(views), model(views), eager_model(model)(views)
    for found, expected, reference in zip(fast, plain, slow, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(reference, expected, atol=1e-5, rtol=1e-5)


@needs_openvino
def test_openvino_scores_equal_torch_scores(kind_dir, clip, tmp_path, monkeypatch):
    monkeypatch.setenv("SSLVQA_CACHE", str(tmp_path / "cache"))
    ours, theirs = (
        Scorer(kind_dir, backend=name, precision="fp32", clips=1).score(clip)
        for name in ("torch", "openvino")
    )
    assert theirs.provenance.backend == "openvino"
    assert theirs.raw_q_r == pytest.approx(ours.raw_q_r, abs=1e-4)
    assert theirs.raw_q_d == pytest.approx(ours.raw_q_d, abs=1e-4)


def test_a_map_is_the_regressors_and_its_mean_the_score(kind_dir, clip):
    scorer = Scorer(load_model(kind_dir), clips=1)
    maps = quality_map(clip, model=scorer, places=1, draws=2)
    assert np.isfinite(maps[0].values).all()
    views = golden_view(scorer.card.architecture.geometry)
    with torch.inference_mode():
        mean = scorer.model.quality_map(normalize(views)).mean(dim=(1, 2, 3))
        torch.testing.assert_close(mean, scorer.model(normalize(views)).q_r, atol=1e-5, rtol=1e-5)
    assert scorer.token_features(views).shape == (1, 2 * scorer.card.architecture.backbone.channels)


def test_golden_numbers_are_stored_and_checked(kind_dir, tmp_path):
    copy = shutil.copytree(kind_dir, tmp_path / "copy")
    card = store_golden(copy)
    assert (card.golden.q_d is None) == (card.architecture.kind == "regressor")
    check_golden(load_model(copy))


def test_one_network_does_half_the_work_of_two(kind_dir, model_dir):
    pair, own = (
        count_flop(eager_model(load_model(d).model), golden(model_dir)) for d in (model_dir, kind_dir)
    )
    assert own == pytest.approx(pair if kind_of(kind_dir) == "pair" else pair / 2, rel=0.01)


def test_tables_pages_and_notebooks_show_what_is_not_there_as_nothing(kind_dir, clip):
    result = Scorer(load_model(kind_dir), clips=2).score(clip)
    texts = {}
    for kind in (Format.TABLE, Format.CSV):
        stream = io.StringIO()
        writer = record_writer(kind, stream, windows=kind is Format.TABLE)
        writer.write(result.to_dict())
        writer.close()
        texts[kind] = stream.getvalue()
    row = next(csv.DictReader(io.StringIO(texts[Format.CSV])))
    page, html = report_page([result]), dataclasses.replace(result)._repr_html_()
    without = kind_of(kind_dir) == "regressor"
    assert (row["q_d"] == "") == without
    assert ("–" in texts[Format.TABLE]) == without
    assert ("<td>none</td>" in page) == without
    assert (", none" in html) == without
    assert "None" not in page + html
