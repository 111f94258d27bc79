"""Fixtures for all tests: synthetic videos, the shared reference material, and an untouched global RNG."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sslvqa.data.synthetic import write_synthetic_video

SHARED = Path(os.environ.get("SSLVQA_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_tests(tmp_path_factory):
    os.environ["SSLVQA_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    del os.environ["SSLVQA_CACHE"]


@pytest.fixture(autouse=True)
def _restore_rng_state():
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


@pytest.fixture
def run(monkeypatch, capsys):
    """Call ``sslvqa ARGS`` and return its exit code, stdout and stderr."""
    from sslvqa.cli.main import main

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["sslvqa", *map(str, args)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code or 0
        out = capsys.readouterr()
        return SimpleNamespace(code=code, out=out.out, err=out.err)

    return call


@pytest.fixture
def make_video(tmp_path):
    """Write a synthetic video below the test's folder and return its path."""

    def make(name: str = "a.mp4", **options) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_synthetic_video(path, **options)

    return make


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared material (golden numbers, real clips); skips loudly where it is absent."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"SHARED MATERIAL ABSENT: no {SHARED / 'golden'}; set SSLVQA_SHARED to run this test")
    return SHARED


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory) -> Path:
    """A model directory with random weights: views of 2 x 2 fragments of 16 px, 4 frames; scores 0..100."""
    return write_random_model(tmp_path_factory.mktemp("model") / "tiny.random")


@pytest.fixture(scope="session", params=["pair", "regressor", "student"])
def kind_dir(request, tmp_path_factory) -> Path:
    """The same for a model of every kind."""
    return write_random_model(tmp_path_factory.mktemp(request.param) / "tiny.random", kind=request.param)


def write_random_model(directory: Path, *, kind: str = "pair") -> Path:
    """Write a model directory with random weights."""
    from sslvqa import hub, nn
    from sslvqa.sampling import ViewGeometry

    architecture = hub.Architecture(
        "tiny",
        backbone=nn.SwinConfig(
            embed_dim=8,
            depths=(1, 1),
            heads=(1, 2),
            window=(2, 2, 2),
            gate="none",
            gated_stages=(),
            fragments=2,
        ),
        geometry=ViewGeometry(grid=2, fragment_px=16, frames=4, interval=2),
        kind=kind,
        head_channels=4,
        shrinkage=0.5,
    )
    maps = {
        "regressor": ("logistic4", {"low": 5.0, "high": 95.0, "centre": 0.0, "scale": 1.0}),
        "distance": ("linear", {"intercept": 0.0, "slope": 100.0}),
    }
    if kind == "regressor":
        del maps["distance"]
    card = hub.ModelCard(
        name="tiny.random",
        licence="MIT",
        limits=("random weights: the score means nothing",),
        architecture=architecture,
        scale=hub.ScaleCard(label="TEST", kind="random numbers", minimum=0.0, maximum=100.0),
        calibration=hub.CalibrationCard(
            weight=1.0 if kind == "regressor" else 0.5,
            **{
                name: hub.MapCard(kind=shape, parameters=numbers, minimum=0.0, maximum=100.0, pairs=20)
                for name, (shape, numbers) in maps.items()
            },
        ),
        interval=hub.IntervalCard(coverage=0.9, half_width=7.5, videos=20, contents=20),
        training=hub.TrainingCard(method="none", labelled=0, unlabelled=0, seed=0),
    )
    generator = torch.Generator().manual_seed(0)
    model = hub.build_model(architecture)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    if isinstance(model, nn.DualQualityModel):
        tokens = torch.randn(400, architecture.backbone.channels, generator=generator)
        model.distance.set_corpus(nn.corpus_moments([tokens]))
    hub.save_model(directory, model, card)
    return directory


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; skips loudly where there is none."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="NO BROWSER TESTS: playwright is not installed"
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("NO BROWSER TESTS: no chromium on this machine")
    with sync_api.sync_playwright() as runner:
        started = runner.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def ray_running(_cache_of_the_tests):
    """One Ray for all tests, which leaves no process behind; skips loudly where it is not installed."""
    pytest.importorskip("ray", reason="NO RAY TESTS: ray is not installed; pip install 'sslvqa[ray]'")
    from sslvqa.scoring.ray_cluster import import_ray

    ray, handler = import_ray(), signal.getsignal(signal.SIGTERM)
    os.environ["SSLVQA_TESTED_BY"] = mark = f"pytest {os.getpid()}"
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    ray.init(address="local", num_cpus=4, object_store_memory=80 << 20, **quiet)
    yield ray
    ray.shutdown()
    signal.signal(signal.SIGTERM, handler)
    del os.environ["SSLVQA_TESTED_BY"]
    end = time.monotonic() + 20
    while left := _processes_with(f"SSLVQA_TESTED_BY={mark}"):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def _processes_with(setting: str) -> list[str]:
    """Command lines of the processes that were started with a setting in their environment (Linux)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if setting.encode() in path.read_bytes().split(b"\0"):
                found.append(path.with_name("cmdline").read_text().replace("\0", " "))
    return found


@pytest.fixture
def stop_after(monkeypatch):
    """Send this process SIGTERM during the given training step (0 for never)."""
    import sslvqa.train.engine as engine

    real = engine._one_step

    def arm(step: int) -> None:
        calls = []

        def one_step(*args, **kwargs):
            calls.append(1)
            if len(calls) == step:
                os.kill(os.getpid(), signal.SIGTERM)
            return real(*args, **kwargs)

        monkeypatch.setattr(engine, "_one_step", one_step)

    return arm
