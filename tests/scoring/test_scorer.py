"""From a file to a score."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from sslvqa.errors import ConfigError, DataError, ModelError, VideoError
from sslvqa.hub import LoadedModel, load_model
from sslvqa.sampling import normalize, read_views
from sslvqa.scoring import Scorer, VideoScore
from sslvqa.video import RawGeometry, open_video


@pytest.fixture(scope="module")
def loaded(model_dir):
    return load_model(model_dir)


@pytest.fixture
def clip(make_video):
    return make_video("a.mp4", width=96, height=80, frames=30)


def test_the_same_file_gives_the_same_score_alone_and_after_others(loaded, clip, make_video):
    scorer = Scorer(loaded)
    first = scorer.score(clip)
    scorer.score(make_video("b.mp4", width=64, height=64, frames=12, seed=3))
    assert scorer.score(clip) == first
    assert Scorer(loaded).score(str(clip)) == first


def test_the_score_is_the_mean_over_clips_of_the_mean_of_both_calibrated_scores(loaded, clip):
    scorer = Scorer(loaded, clips=3, draws=2)
    result = scorer.score(clip)
    with open_video(clip) as video:
        views = read_views(video, scorer.plan(video.info))
    with torch.inference_mode():
        raw = loaded.model(normalize(views))
    q_r = 5 + 90 / (1 + np.exp(-raw.q_r.double().numpy()))
    q_d = 100 * raw.q_d.double().numpy()
    assert result.score == pytest.approx(np.mean((q_r + q_d) / 2), abs=1e-4)
    assert result.spread == pytest.approx(np.std((q_r + q_d) / 2), abs=1e-4)
    assert result.disagreement == pytest.approx(abs(q_r.mean() - q_d.mean()), abs=1e-4)
    assert result.raw_q_r == pytest.approx(raw.q_r.mean().item(), abs=1e-5)
    assert result.interval.low == pytest.approx(result.score - 7.5)
    assert len(result.timeline) == 3
    assert np.mean([entry.score for entry in result.timeline]) == pytest.approx(result.score)


def test_raw_combination_is_the_literal_mean_without_an_interval(loaded, clip):
    result = Scorer(loaded, combine="raw").score(clip)
    assert result.score == pytest.approx((result.raw_q_r + result.raw_q_d) / 2)
    assert result.interval is None
    assert "ranking" in result.scale
    assert result.provenance.combine == "raw"


def test_raw_outputs_have_one_row_a_clip(loaded, clip):
    scorer = Scorer(loaded, clips=3, draws=2)
    raw = scorer.raw(scorer.read(clip))
    assert raw.q_r.shape == raw.q_d.shape == (3, 2)
    assert raw.q_r.mean() == pytest.approx(Scorer(loaded, clips=3, draws=2).score(clip).raw_q_r)


def test_another_seed_gives_other_pixels_and_is_in_the_result(loaded, clip):
    first, second = (Scorer(loaded, seed=seed).score(clip) for seed in (0, 1))
    assert first.score != second.score
    assert (first.provenance.seed, second.provenance.seed) == (0, 1)


def test_windows_do_not_change_the_score(loaded, clip):
    scorer = Scorer(loaded)
    plain, windows = scorer.score(clip), scorer.score(clip, timeline_seconds=0.25)
    assert dataclasses.replace(windows, timeline=plain.timeline, provenance=plain.provenance) == plain
    assert (plain.provenance.timeline_seconds, windows.provenance.timeline_seconds) == (None, 0.25)
    assert [entry.start_seconds for entry in windows.timeline] == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])


def test_json_comes_back_and_holds_no_nan(loaded, clip):
    result = Scorer(loaded).score(clip)
    values = json.loads(result.to_json(), parse_constant=pytest.fail)
    assert values["schema"] == 1
    assert next(iter(values)) == "schema"
    assert VideoScore.from_json(result.to_json(indent=2)) == result
    raw = Scorer(loaded, combine="raw").score(clip)
    assert VideoScore.from_json(raw.to_json()) == raw


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda v: v.update(schema=2), DataError, "schema is 2"),
        (lambda v: v.pop("score"), ConfigError, "missing key 'score'"),
        (lambda v: v.update(extra=1), ConfigError, "unknown key 'extra'"),
        (lambda v: v.update(video={}), DataError, "not a score"),
    ],
)
def test_other_json_is_refused(loaded, clip, change, error, words):
    values = Scorer(loaded).score(clip).to_dict()
    change(values)
    with pytest.raises(error, match=words):
        VideoScore.from_json(json.dumps(values))
    with pytest.raises(DataError, match="not a score"):
        VideoScore.from_json("[")


@pytest.mark.parametrize(
    ("options", "caution"),
    [
        ({"frames": 1}, "1 frames are fewer than a clip spans"),
        ({"width": 20, "height": 18}, "enlarged"),
        ({"width": 160, "height": 120}, None),
    ],
)
def test_legitimate_but_unusual_videos_are_scored_with_a_caution(loaded, make_video, options, caution):
    result = Scorer(loaded).score(
        make_video("odd.mp4", **{"width": 96, "height": 80, "frames": 30} | options)
    )
    assert math.isfinite(result.score)
    assert any(caution in text for text in result.warnings) if caution else result.warnings == ()
    assert VideoScore.from_json(result.to_json()) == result


def test_black_frames_give_a_finite_score(loaded, tmp_path):
    from sslvqa.video import write_video

    path = tmp_path / "black.mp4"
    write_video(path, [np.zeros((64, 64, 3), np.uint8)] * 12)
    assert math.isfinite(Scorer(loaded).score(path).score)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"clips": 0}, "clips is 0"),
        ({"draws": 0}, "draws is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"device": "abacus"}, "device is 'abacus'"),
    ],
)
def test_settings_out_of_range_are_refused(loaded, options, words):
    with pytest.raises(ConfigError, match=words):
        Scorer(loaded, **options)


def test_an_uncalibrated_model_scores_raw_only(loaded, clip):
    card = loaded.card.model_copy(update={"calibration": None, "interval": None, "combine": "raw"})
    uncalibrated = LoadedModel(loaded.model, card)
    assert Scorer(uncalibrated).score(clip).interval is None
    with pytest.raises(ModelError, match="no calibration"):
        Scorer(uncalibrated, combine="calibrated")


def test_a_model_with_another_normalisation_is_refused(loaded):
    other = loaded.card.input.model_copy(update={"std": (1.0, 1.0, 1.0)})
    with pytest.raises(ModelError, match="normalised with"):
        Scorer(LoadedModel(loaded.model, loaded.card.model_copy(update={"input": other})))


def test_weights_that_give_nan_are_an_error_and_not_a_score(model_dir, clip):
    model, card = load_model(model_dir)
    with torch.no_grad():
        model.regressor.head.fc_last.bias.fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        Scorer(LoadedModel(model, card)).score(clip)


def test_a_thread_setting_is_put_back(loaded, clip):
    before = torch.get_num_threads()
    Scorer(loaded, threads=1).score(clip)
    assert torch.get_num_threads() == before


def test_an_unreadable_file_names_itself(loaded, tmp_path):
    path = tmp_path / "text.mp4"
    path.write_text("hello")
    with pytest.raises(VideoError, match=r"text\.mp4"):
        Scorer(loaded).score(path)


def test_a_truncated_file_is_scored_with_a_caution(loaded, make_video, tmp_path):
    whole = make_video("whole.mkv", width=96, height=80, frames=60).read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    result = Scorer(loaded).score(path)
    assert result.video.damaged
    assert result.warnings


def test_every_window_has_an_interval_and_the_worst_one_is_named(loaded, clip):
    result = Scorer(loaded).score(clip, timeline_seconds=0.3)
    assert len(result.timeline) == 4
    for window in result.timeline:
        assert window.interval.low <= window.score <= window.interval.high
        assert window.interval.coverage == 0.9
    assert result.worst.score == min(window.score for window in result.timeline)
    record = json.loads(result.to_json())
    assert record["worst"] in record["timeline"]
    assert VideoScore.from_json(result.to_json()) == result
    assert Scorer(loaded, combine="raw").score(clip).worst.interval is None


def test_the_number_of_windows_is_bounded(loaded, clip):
    result = Scorer(loaded).score(clip, timeline_seconds=0.01, max_windows=5)
    assert len(result.timeline) == 5
    assert result.timeline[-1].end_seconds == pytest.approx(1.2)


def test_progress_counts_every_view(make_video, model_dir):
    seen = []
    path = make_video(width=64, height=64, frames=25)
    Scorer(model_dir, clips=3).score(path, timeline_seconds=0.25, progress=lambda *done: seen.append(done))
    assert seen == [(2, 7), (4, 7), (6, 7), (7, 7)]


def test_a_headerless_file_is_scored_with_its_geometry(tmp_path, model_dir):
    path = tmp_path / "noise.yuv"
    path.write_bytes(bytes(range(256)) * 144)  # 6 frames of 64 x 64 px in yuv420p
    geometry = RawGeometry(width_px=64, height_px=64, fps=25)
    result = Scorer(model_dir).score(path, geometry=geometry)
    assert (result.video.frame_count, result.video.codec) == (6, "rawvideo")
