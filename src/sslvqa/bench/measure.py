"""The benchmark: each pipeline in a process of its own, so that its memory and start are its own."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sslvqa.bench.eager import count_flop, eager_model
from sslvqa.bench.floors import decode_ffmpeg, decode_pyav, gemm_peaks
from sslvqa.bench.models import random_model
from sslvqa.bench.reference import check_stack, run_reference
from sslvqa.bench.report import BenchReport, DecodeFloor, Machine, ModelFacts, PipelineTimes, this_machine
from sslvqa.bench.stages import Stages, median_stages, run_stages
from sslvqa.errors import ConfigError
from sslvqa.hub.names import find_architecture
from sslvqa.hub.weights import LoadedModel, load_card, load_model
from sslvqa.nn.inference import bf16_supported
from sslvqa.sampling.normalize import normalize
from sslvqa.scoring.backends import Backend
from sslvqa.scoring.golden import golden_view
from sslvqa.scoring.openvino import unavailable
from sslvqa.scoring.runtime import Precision
from sslvqa.scoring.scorer import Scorer
from sslvqa.video.reader import open_video

if TYPE_CHECKING:
    from collections.abc import Callable

    from sslvqa.nn.quality import QualityScores

__all__ = ["Job", "benchmark", "measure_floors", "measure_ours", "measure_reference"]

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Job:
    """What is measured.

    Raises:
        ConfigError: A number is below 1.
    """

    path: str
    """A video file."""
    model: str = "default"
    """Shipped name or model directory; unused with an architecture."""
    architecture: str | None = None
    """Time this architecture with random weights."""
    clips: int | None = None
    """Default: the model's."""
    threads: int = 2
    """For decoding and for the networks."""
    backend: Backend = "torch"
    """Of our pipeline."""
    precision: Precision = "fp32"
    """Of our pipeline."""
    runs: int = 3
    """Timed runs, after one that is not."""

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("threads", "runs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")

    def view_px(self) -> int:
        """Side of a view; looks the model up without loading weights, and raises when there is none."""
        known = self.architecture
        found = load_card(self.model).architecture if known is None else find_architecture(known)
        return found.geometry.size_px

    def load(self) -> LoadedModel:
        """Load or draw the model."""
        return load_model(self.model) if self.architecture is None else random_model(self.architecture)

    def scorer(self) -> Scorer:
        """Build the scorer with its default sampling."""
        return Scorer(
            self.load(),
            clips=self.clips,
            device="cpu",
            threads=self.threads,
            backend=self.backend,
            precision=self.precision,
        )


def benchmark(
    job: Job, *, reference: bool = True, progress: Callable[[str], None] | None = None
) -> BenchReport:
    """Measure this machine, the floors of one file, our scoring and the straightforward pipeline.

    Args:
        job: What is measured.
        reference: Whether the straightforward pipeline runs too: slow, and it holds all frames as RGB.
        progress: Told what is measured next.

    Raises:
        VideoError: The file cannot be used, or the straightforward pipeline cannot take it.
        ModelError: The model cannot be used.
        ConfigError: There is no such architecture.
    """
    with open_video(job.path) as video:
        info = video.info
    view_px = job.view_px()
    if reference:
        check_stack(info, view_px=view_px)
    tell = progress or (lambda _: None)
    tell("floors: matrix products and decoding")
    machine, model, peaks, decode = _apart(measure_floors, job)
    pipelines = []
    for backend, precision in _variants():
        tell(f"sslvqa {backend} {precision}")
        pipelines.append(_apart(measure_ours, replace(job, backend=backend, precision=precision)))
    if reference:
        tell("straightforward pipeline")
        pipelines.append(_apart(measure_reference, job))
    return BenchReport(machine, info, model, job.threads, job.runs, peaks, decode, tuple(pipelines))


def measure_floors(job: Job, started: float) -> tuple[Machine, ModelFacts, dict[str, float], DecodeFloor]:
    """Measure what the machine can do at best for this file and model; ``started`` is not used."""
    del started
    machine = this_machine()
    loaded = job.load()
    architecture = loaded.card.architecture
    view = normalize(golden_view(architecture.geometry))
    clips = job.clips or loaded.card.input.clips
    model = ModelFacts(
        name=loaded.card.name,
        architecture=architecture.name,
        random_weights=job.architecture is not None,
        parameters=sum(parameter.numel() for parameter in loaded.model.parameters()),
        views=clips * loaded.card.input.draws,
        gflop_per_view=count_flop(eager_model(loaded.model), view) / 1e9,
    )
    peaks = gemm_peaks(threads=job.threads, runs=max(job.runs, 3))
    frames, seconds = decode_pyav(job.path, threads=job.threads, runs=job.runs)
    command = decode_ffmpeg(job.path, threads=job.threads, runs=job.runs)
    return machine, model, peaks, DecodeFloor(frames, seconds, command)


def measure_ours(job: Job, started: float) -> PipelineTimes:
    """Time our scoring; ``started`` is the wall-clock time at which this process was asked for."""
    scorer = job.scorer()
    ready = time.time() - started
    runs = [run_stages(scorer, job.path) for _ in range(job.runs + 1)]
    name = f"sslvqa {scorer.runtime.backend} {scorer.runtime.precision}"
    return _summary(name, scorer.runtime.precision, runs, ready)


def measure_reference(job: Job, started: float) -> PipelineTimes:
    """Time the straightforward pipeline; ``started`` as in :func:`measure_ours`."""
    scorer = job.scorer()
    with open_video(job.path) as video:
        plans = scorer.plan(video.info)
    model = eager_model(scorer.model)
    ready = time.time() - started
    runs = [
        run_reference(job.path, model=model, plans=plans, threads=job.threads) for _ in range(job.runs + 1)
    ]
    return _summary("straightforward PyTorch", "fp32", runs, ready)


def _summary(
    name: str, precision: str, runs: list[tuple[QualityScores, Stages]], start_seconds: float
) -> PipelineTimes:
    scores = runs[-1][0]
    return PipelineTimes(
        name=name,
        precision=precision,
        stages=median_stages([stages for _, stages in runs[1:]]),
        start_seconds=start_seconds,
        peak_rss_bytes=_peak_rss_bytes(),
        q_r=tuple(scores.q_r.tolist()),
        q_d=() if scores.q_d is None else tuple(scores.q_d.tolist()),
    )


def _variants() -> list[tuple[Backend, Precision]]:
    """Every way of running the networks that this machine has."""
    precisions: list[Precision] = ["fp32", "bf16"] if bf16_supported() else ["fp32"]
    found: list[tuple[Backend, Precision]] = [("torch", precision) for precision in precisions]
    if unavailable() is None:
        found += [("openvino", precision) for precision in (*precisions, "int8")]
    return found


def _apart(work: Callable[[Job, float], _Result], job: Job) -> _Result:
    """Run in a fresh process."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, job, time.time()).result()


def _peak_rss_bytes() -> int:
    """Largest resident memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss also counts the parent's memory at the fork
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource  # not on every system

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
