"""The metric with the manners of torchmetrics, and local loading."""

import numpy as np
import pytest
import torch

import sslvqa
from sslvqa.errors import ConfigError, DataError, UnknownModelError, VideoNotFoundError
from sslvqa.metric import QualityMetric
from sslvqa.video import open_video


@pytest.fixture(scope="module")
def scorer(model_dir):
    return sslvqa.from_pretrained(model_dir, clips=1, device="cpu")


def frames_of(path):
    with open_video(path) as video:
        return torch.from_numpy(np.stack([f.rgb() for f in video.frames(range(video.info.frame_count))]))


def test_frames_have_the_score_of_their_file_and_compute_is_the_mean(scorer, make_video):
    paths = [make_video(f"{n}.mp4", width=64, height=64, frames=12, seed=n) for n in range(2)]
    metric = QualityMetric(scorer)
    metric.update(paths)
    expected = np.mean([scorer.score(path).score for path in paths])
    assert metric.compute().item() == pytest.approx(expected, rel=1e-6)
    metric.reset()
    metric.update(torch.stack([frames_of(path) for path in paths]))
    assert metric.compute().item() == pytest.approx(expected, abs=1e-3)
    assert (metric.compute().shape, metric.compute().dtype) == ((), torch.float32)


def test_a_call_gives_the_value_of_its_videos_and_accumulates(scorer, make_video):
    first, second = (make_video(f"{n}.mp4", width=64, height=64, frames=8, seed=n) for n in range(2))
    metric = QualityMetric(scorer)
    values = [metric(path).item() for path in (first, second)]
    assert values == pytest.approx([scorer.score(path).score for path in (first, second)], rel=1e-6)
    assert metric.compute().item() == pytest.approx(np.mean(values), rel=1e-6)
    assert [item.path for item in metric.results] == [str(first), str(second)]


@pytest.mark.parametrize("own", [1, 0])
def test_the_mean_is_over_all_processes_and_a_call_is_not(scorer, make_video, monkeypatch, own):
    """The other process has two videos that score 10 and 20."""
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_backend", lambda: "gloo")
    monkeypatch.setattr("torch.distributed.all_reduce", lambda state: state.add_(torch.tensor([30.0, 2.0])))
    metric = QualityMetric(scorer)
    video = make_video("a.mp4", width=64, height=64, frames=8)
    scores = [metric(video).item() for _ in range(own)]
    assert scores == pytest.approx([item.score for item in metric.results], rel=1e-6)
    assert metric.compute().item() == pytest.approx((sum(scores) + 30) / (own + 2), rel=1e-6)


@pytest.mark.parametrize(
    "frames",
    [torch.zeros(4, 3, 8, 8), torch.zeros(3, 8, 8, dtype=torch.uint8), torch.zeros(0, 3, 8, 8).byte()],
)
def test_frames_of_another_kind_are_refused_with_their_shape(scorer, frames):
    with pytest.raises(ConfigError, match="give uint8 RGB of shape"):
        QualityMetric(scorer).update(frames)


def test_a_failed_update_keeps_what_was_there(scorer, make_video):
    metric = QualityMetric(scorer)
    with pytest.raises(DataError, match=r"update\(\) before compute"):
        metric.compute()
    good = make_video("a.mp4", width=64, height=64, frames=8)
    metric.update(good)
    with pytest.raises(VideoNotFoundError):
        metric.update([good, "absent.mp4"])
    with pytest.raises(VideoNotFoundError):
        metric("absent.mp4")
    assert len(metric.results) == 1


def test_from_pretrained_takes_directories_only(tmp_path):
    with pytest.raises(UnknownModelError, match=r"no directory 'nano\.open1'"):
        sslvqa.from_pretrained("nano.open1")
    with pytest.raises(UnknownModelError, match=r"holds no card\.toml"):
        sslvqa.from_pretrained(tmp_path)


def test_a_notebook_shows_a_score_with_escaped_names(scorer, make_video):
    result = scorer.score(make_video("<b>&.mp4", width=64, height=64, frames=8))
    html = result._repr_html_()
    assert f"{result.score:.2f}" in html
    assert "&lt;b&gt;&amp;.mp4" in html
    assert "<b>&" not in html
