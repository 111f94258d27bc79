"""``sslvqa bench``: the report has its parts; no time is asserted."""

import json

import pytest

from sslvqa.bench import measure


@pytest.fixture
def clip(make_video):
    return make_video("a.mp4", width=64, height=64, frames=12)


@pytest.fixture
def _in_this_process(monkeypatch):
    monkeypatch.setattr(measure, "_apart", lambda work, job: work(job, 0.0))
    monkeypatch.setattr(measure, "_variants", lambda: [("torch", "fp32")])


@pytest.mark.usefixtures("_in_this_process")
def test_the_report_has_machine_floors_stages_and_ratios(run, model_dir, clip):
    args = ("bench", clip, "--model", model_dir, "--clips", 1, "--runs", 1, "--threads", 1)
    found = run(*args, "--format", "json")
    assert found.code == 0
    report = json.loads(found.out)
    assert report["schema"] == 1
    assert report["machine"]["packages"]["torch"]
    assert {"fp32", "bf16"} <= set(report["peaks"])
    assert report["decode"]["frames"] == report["video"]["frame_count"] == 12
    assert report["video"]["path"] == "a.mp4"
    assert report["model"]["gflop_per_view"] > 0
    assert not report["model"]["random_weights"]
    first, last = report["pipelines"][0], report["pipelines"][-1]
    assert first["name"] == "sslvqa torch fp32"
    assert last["name"] == "straightforward PyTorch"
    assert first["ratios"]["largest_difference"] < 1e-5
    assert last["ratios"]["speedup_total"] == 1
    for item in report["pipelines"]:
        assert item["stages"].keys() >= {"probe_seconds", "decode_seconds", "cut_seconds", "forward_seconds"}
        assert item["peak_rss_bytes"] > 1e7


@pytest.mark.usefixtures("_in_this_process")
def test_the_table_says_that_random_weights_mean_nothing(run, clip):
    args = ("bench", clip, "--architecture", "nano", "--clips", 1, "--runs", 1, "--threads", 1)
    found = run(*args, "--no-reference", "--format", "table")
    assert found.code == 0
    assert "random weights: scores mean nothing" in found.out
    assert "arithmetic at the fp32 peak" in found.out
    assert "peak MB" in found.out
    assert "straightforward" not in found.out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--format", "csv"], "'csv' is not one of"),
        (["--runs", "0"], "runs is 0"),
        (["--threads", "0"], "--threads"),
        (["--architecture", "mikro"], "no architecture named 'mikro'"),
    ],
)
def test_wrong_use_exits_with_2(run, clip, args, words):
    found = run("bench", clip, *args)
    assert found.code == 2
    assert words in found.err
