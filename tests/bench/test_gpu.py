"""Benchmarks as scripts. The one for a borrowed GPU runs, writes, and goes on: a rehearsal on the CPU."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sslvqa.data.manifest import Manifest, ManifestRow
from sslvqa.hub.names import ARCHITECTURES

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
PARTS = {"machine", "peak", "forward", "kernels", "layout", "decode", "train", "files", "nvdec"}


def rehearse(out, *options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(out.parent)}
    command = [sys.executable, str(SCRIPT), "--out", str(out), "--rehearse", *options]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_the_rehearsal_measures_every_part_and_a_second_call_goes_on(tmp_path):
    out = tmp_path / "gpu"
    first = rehearse(out)
    assert first.returncode == 0, first.stderr
    found = {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}
    assert set(found) == PARTS
    errors = {
        (part, name): row["error"]
        for part, rows in found.items()
        for name, row in rows.items()
        if "error" in row
    }
    assert not errors, first.stderr
    row = found["forward"]["tiny fp32 eager"]
    assert row["q_r_difference"] < 1e-4
    assert row["q_d_difference"] < 1e-4
    assert found["train"]["stvqrl compiled whole"]["mfu"] > 0
    assert found["train"]["tuned tiny eager"]["clip_passes"] == 4
    assert found["kernels"]["tiny eager"]["milliseconds"] > 0
    del found["peak"]["float32"]
    (out / "peak.json").write_text(json.dumps(found["peak"]))
    second = rehearse(out, "--parts", "peak")
    assert second.returncode == 0, second.stderr
    assert [line.split()[1] for line in second.stdout.splitlines()] == ["float32"]


@pytest.fixture
def script(monkeypatch):
    """Import a script of benchmarks/ for one test."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    monkeypatch.setitem(ARCHITECTURES, "tiny", None)  # gpu_parts adds it; here it is taken out again

    def load(name):
        module = importlib.import_module(name)
        monkeypatch.delitem(sys.modules, name)
        return module

    return load


def test_a_shipped_model_with_q_r_alone_is_compared_in_q_r(script):
    parts = script("gpu_parts")
    row = parts._forward("nano", "fp32", parts.REHEARSAL, compiled=False)
    assert row["q_r_difference"] < 1e-4 < row["q_r_spread"]
    assert "q_d_difference" not in row


@pytest.mark.parametrize("start", ["scratch", "nano.open3"])
def test_features_of_a_probe_are_those_of_its_videos(script, make_video, tmp_path, start):
    rows = [
        ManifestRow(make_video(f"{name}.mp4", width=160, height=128, frames=16, seed=seed), name, score, name)
        for seed, (name, score) in enumerate({"a": 1.0, "b": 2.0}.items())
    ]
    table = Manifest(tuple(rows), tmp_path)
    draw = SimpleNamespace(labelled=table, tests={"test": table})
    features = script("probe").features_of([draw], start)
    assert set(features) == {"a", "b"}
    assert abs(features["a"] - features["b"]).max() > 0
