"""The way of a GPU, on the CPU: batches of one size, joined over files; the number of a file is its own."""

import pytest
import torch

from sslvqa.errors import ConfigError
from sslvqa.hub import load_model
from sslvqa.scoring import FailedScore, Scorer, VideoScore, describe_each, score_each
from sslvqa.scoring.gpu import GpuRuntime

CPU = torch.device("cpu")
TOLERANCE = 1e-6  # a row of a product may be summed in another order at another place in the batch


@pytest.fixture
def paths(make_video):
    return [make_video(f"{i}.mp4", width=64, height=64, frames=8, seed=i) for i in range(5)]


def on_gpu(directory, *, batch=8, **settings):
    """A scorer that runs as on a GPU."""
    loaded = load_model(directory)
    scorer = Scorer(loaded, batch=batch, **settings)
    scorer.runtime = GpuRuntime(loaded.model, device=CPU, batch=batch)
    return scorer


class Watched:
    """A runtime that tells of its calls before it makes them."""

    def __init__(self, runtime, tell):
        self.backend, self.precision = runtime.backend, runtime.precision
        self.runtime, self.tell = runtime, tell

    def __call__(self, views):
        self.tell(views)
        return self.runtime(views)


def same(one, two):
    assert one.video.path == two.video.path
    assert one.raw_q_r == pytest.approx(two.raw_q_r, abs=TOLERANCE)
    if one.raw_q_d is None:
        assert two.raw_q_d is None
    else:
        assert one.raw_q_d == pytest.approx(two.raw_q_d, abs=TOLERANCE)
    assert one.score == pytest.approx(two.score, abs=1e-4)  # on a scale of 100


@pytest.mark.parametrize("clips", [1, 3])
def test_files_that_share_batches_get_the_numbers_they_get_alone(kind_dir, paths, clips):
    joined, alone = (
        on_gpu(kind_dir, clips=clips),
        Scorer(kind_dir, clips=clips, backend="torch", precision="fp32"),
    )
    calls = []
    joined.runtime = Watched(joined.runtime, lambda views: calls.append(len(views)))
    results = list(score_each(paths, scorer=joined))
    assert calls == ([5] if clips == 1 else [6, 6, 3])
    for path, result in zip(paths, results, strict=True):
        same(result, on_gpu(kind_dir, clips=clips).score(path))
        same(result, alone.score(path))


def test_batches_also_join_files_on_a_cpu_when_asked_to(model_dir, paths):
    together, alone = (
        Scorer(model_dir, clips=1, batch=n, backend="torch", precision="fp32") for n in (3, None)
    )
    for joined, path in zip(score_each(paths, scorer=together), paths, strict=True):
        same(joined, alone.score(path))
    assert together.joins_files
    assert not alone.joins_files


def test_bad_files_keep_their_places_between_joined_ones(model_dir, paths, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    mixed = [bad, paths[0], bad, paths[1], paths[2], bad]
    results = list(score_each(mixed, scorer=on_gpu(model_dir, clips=1, batch=2)))
    assert [type(result) for result in results] == [
        *(FailedScore, VideoScore, FailedScore),
        *(VideoScore, VideoScore, FailedScore),
    ]
    assert [result.video.path for result in results if isinstance(result, VideoScore)] == [
        str(path) for path in paths[:3]
    ]


def test_a_failing_batch_fails_no_file_but_the_one_to_blame(model_dir, paths, caplog):
    scorer = on_gpu(model_dir, clips=1, batch=5)
    blamed = scorer.read(paths[2]).views

    def refuse(views):
        if any(torch.equal(view, blamed[0]) for view in views):
            raise RuntimeError("out of memory")

    scorer.runtime = Watched(scorer.runtime, refuse)
    results = list(score_each(paths, scorer=scorer))
    assert [isinstance(result, FailedScore) for result in results] == [False, False, True, False, False]
    assert results[2].error == "out of memory"
    assert "a batch of 5 files failed (out of memory)" in caplog.text


def test_more_views_than_a_batch_are_scored_in_parts(model_dir, paths):
    scorer, whole = (
        on_gpu(model_dir, clips=5, batch=2),
        Scorer(model_dir, clips=5, backend="torch", precision="fp32"),
    )
    seen = []
    reading = scorer.read(paths[0])
    same(
        scorer.finish(reading, progress=lambda done, total: seen.append((done, total))), whole.score(paths[0])
    )
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_features_come_with_joined_scores(model_dir, paths):
    found = list(describe_each(paths[:2], scorer=on_gpu(model_dir, clips=1)))
    for item, path in zip(found, paths, strict=False):
        same(item.score, Scorer(model_dir, clips=1, backend="torch", precision="fp32").score(path))


def test_what_shares_a_batch_changes_nothing(model_dir):
    model = load_model(model_dir).model.eval()
    runtime = GpuRuntime(model, device=CPU, batch=4)
    views = torch.randint(0, 256, (4, 3, 4, 32, 32), dtype=torch.uint8)
    other = torch.cat([views[:1], 255 - views[1:]])
    for first, second, alone in zip(runtime(views), runtime(other), runtime(views[:1]), strict=True):
        assert torch.equal(first[:1], second[:1])
        assert torch.equal(first[:1], alone)


def test_bfloat16_is_near_and_later_weights_are_seen(model_dir):
    model = load_model(model_dir).model.eval()
    exact, near = (GpuRuntime(model, device=CPU, batch=2, precision=name) for name in ("fp32", "bf16"))
    views = torch.randint(0, 256, (2, 3, 4, 32, 32), dtype=torch.uint8)
    assert near(views).q_d == pytest.approx(exact(views).q_d, abs=0.1)
    before = exact(views).q_r
    with torch.no_grad():
        model.regressor.head.fc_last.bias.add_(1)
    assert exact(views).q_r == pytest.approx(before + 1, abs=1e-5)


def test_weights_that_were_made_in_inference_mode_run_too(model_dir):
    expected = GpuRuntime(load_model(model_dir).model.eval(), device=CPU, batch=1)
    views = torch.randint(0, 256, (1, 3, 4, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        runtime = GpuRuntime(load_model(model_dir).model.eval(), device=CPU, batch=1)
    for _ in range(2):
        torch.testing.assert_close(runtime(views), expected(views), rtol=0, atol=0)


def test_a_compiled_runtime_says_so_and_gives_the_same(model_dir, monkeypatch):
    real = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda function, **_: real(function, backend="eager", fullgraph=True)
    )
    model = load_model(model_dir).model.eval()
    runtime = GpuRuntime(model, device=CPU, batch=2, compiled=True)
    views = torch.randint(0, 256, (2, 3, 4, 32, 32), dtype=torch.uint8)
    first, second = runtime(views), runtime(views)
    torch.testing.assert_close(second, first, rtol=1e-5, atol=1e-6)
    assert runtime.backend == "torch compiled"
    torch._dynamo.reset()


@pytest.mark.parametrize(("settings", "words"), [({"batch": 0}, "batch is 0"), ({"compiled": True}, "GPU")])
def test_settings_that_cannot_work_are_refused(model_dir, settings, words):
    with pytest.raises(ConfigError, match=words):
        Scorer(model_dir, device="cpu", **settings)
