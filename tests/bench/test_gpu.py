"""The benchmark for a borrowed GPU runs, writes, and goes on: a rehearsal on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
PARTS = {"machine", "peak", "forward", "layout", "decode", "train", "files", "nvdec"}


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
    del found["peak"]["float32"]
    (out / "peak.json").write_text(json.dumps(found["peak"]))
    second = rehearse(out, "--parts", "peak")
    assert second.returncode == 0, second.stderr
    assert [line.split()[1] for line in second.stdout.splitlines()] == ["float32"]
