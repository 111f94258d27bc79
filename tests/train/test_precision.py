"""`auto` takes bfloat16 where the processor multiplies it, and the run says which it was."""

import pytest

from sslvqa.reproduce.recipe import decisive
from sslvqa.train import TRAIN_PRESETS, RuntimeConfig, build
from sslvqa.train.build import compute_of, settled


@pytest.mark.parametrize(("native", "taken"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_what_the_processor_can_do(native, taken, monkeypatch):
    monkeypatch.setattr(build, "bf16_supported", lambda: native)
    runtime = settled(RuntimeConfig(device="cpu", precision="auto"))
    assert runtime.precision == taken
    assert compute_of(runtime).bf16 is native


def test_a_named_precision_stays(monkeypatch):
    monkeypatch.setattr(build, "bf16_supported", lambda: False)
    assert settled(RuntimeConfig(device="cpu", precision="bf16")).precision == "bf16"


def test_runs_of_machines_that_differ_in_precision_are_different_runs(monkeypatch):
    config = TRAIN_PRESETS["nano_cpu"]("labels.csv", "pristine", "out")
    runtimes = []
    for native in (True, False):
        monkeypatch.setattr(build, "bf16_supported", lambda native=native: native)
        runtimes.append(decisive(config)["runtime"])
    assert runtimes == [{"seed": 0, "precision": "bf16"}, {"seed": 0, "precision": "fp32"}]
