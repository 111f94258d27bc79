"""A video on standard input, and headerless files."""

import io
import json
from types import SimpleNamespace

import av
import pytest

from sslvqa.data.synthetic import synthetic_frames
from sslvqa.scoring import Scorer


@pytest.fixture
def frames():
    return [av.VideoFrame.from_ndarray(f, format="rgb24").reformat(format="yuv420p")
            for f in synthetic_frames(width=64, height=64, frames=12)]  # fmt: skip


@pytest.fixture
def raw(frames):
    return b"".join(bytes(plane) for frame in frames for plane in frame.planes)


@pytest.fixture
def y4m(raw):
    size = 64 * 64 * 3 // 2
    parts = [raw[start : start + size] for start in range(0, len(raw), size)]
    return b"YUV4MPEG2 W64 H64 F25:1 Ip A1:1 C420jpeg\n" + b"".join(b"FRAME\n" + part for part in parts)


def pipe(monkeypatch, data):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(data))))


def test_y4m_on_stdin_has_the_score_of_the_file(run, model_dir, y4m, tmp_path, monkeypatch):
    (tmp_path / "a.y4m").write_bytes(y4m)
    pipe(monkeypatch, y4m)
    found = run("score", "-", "-m", model_dir, "--clips", 1)
    record = json.loads(found.out)
    assert (found.code, record["path"], record["video"]["frame_count"]) == (0, "-", 12)
    assert record["score"] == Scorer(model_dir, clips=1).score(tmp_path / "a.y4m").score


def test_raw_frames_have_the_same_score_from_stdin_and_from_a_file(
    run, model_dir, raw, tmp_path, monkeypatch
):
    (tmp_path / "a.yuv").write_bytes(raw)
    options = ("-m", model_dir, "--clips", 1, "--raw", "64x64:yuv420p@50")
    pipe(monkeypatch, raw)
    first = json.loads(run("score", "-", *options).out)
    second = json.loads(run("score", tmp_path / "a.yuv", *options).out)
    assert first["score"] == second["score"]
    assert first["video"]["fps"] == 50


def test_a_stream_beyond_the_limit_is_refused(run, model_dir, y4m, monkeypatch):
    pipe(monkeypatch, y4m)
    found = run("score", "-", "-m", model_dir, "--stdin-gigabytes", 0.00001)
    assert found.code == 1
    assert "longer than 10000 bytes" in found.err


def test_a_damaged_stream_is_a_record(run, model_dir, monkeypatch):
    pipe(monkeypatch, b"YUV4MPEG2 nothing")
    found = run("score", "-", "-m", model_dir)
    assert found.code == 1
    assert json.loads(found.out)["path"] == "-"


@pytest.mark.parametrize("text", ["64", "64x64@0/0", "64x64:nothing", "0x64"])
def test_a_wrong_geometry_is_named(run, model_dir, text):
    found = run("score", "a.yuv", "-m", model_dir, "--raw", text)
    assert found.code == 2
    assert "raw" in found.err.lower()
