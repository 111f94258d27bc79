"""Behaves as a training process does, without torch: fifty steps of the length in ``pace``."""

import json
import shutil
import signal
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    run = Path(sys.argv[1])
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    pace = float(run.parent.joinpath("pace").read_text())
    metrics = run / "out" / "metrics.jsonl"
    metrics.parent.mkdir(exist_ok=True)
    start = len(metrics.read_text().splitlines()) if metrics.exists() else 0
    if run.parent.joinpath("fail").exists():
        sys.exit("something\nerror: numbers of step 3 are not finite; lower the learning rate")
    for step in range(start, 50):
        with metrics.open("a") as stream:
            stream.write(json.dumps({"step": step, "steps": 50, "loss": 1 / (step + 1)}) + "\n")
        time.sleep(pace)
        if stopped:
            sys.stderr.write("stopped\n")
            sys.exit(130)
    if run.parent.joinpath("result").exists():
        shutil.copytree(run.parent.joinpath("result").read_text(), run / "out" / "model")
