"""The parts of ``gpu.py``: each adds its rows, the ones that decide most first."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from sslvqa.bench.eager import count_flop, eager_model
from sslvqa.bench.models import random_model
from sslvqa.data.datasets import VideoDataset
from sslvqa.data.loaders import PartPlan, RunPlan, StepSampler, make_loader
from sslvqa.data.manifest import ManifestRow
from sslvqa.errors import UnknownModelError
from sslvqa.hub.names import ARCHITECTURES, Architecture, find_architecture
from sslvqa.hub.weights import LoadedModel, load_model
from sslvqa.methods import Batch
from sslvqa.nn.swin3d import SwinConfig
from sslvqa.sampling import ViewGeometry, normalize, plan_views, read_views
from sslvqa.scoring import Scorer, VideoScore, golden_view, score_each
from sslvqa.scoring.cpu import TorchRuntime
from sslvqa.scoring.gpu import GpuRuntime
from sslvqa.scoring.runtime import run_views
from sslvqa.train import LossConfig, OptimConfig, PretrainConfig, RuntimeConfig, TrainConfig
from sslvqa.train.build import build_baseline, build_ssl_vqa
from sslvqa.train.meter import Meter, matmul_peak
from sslvqa.train.optim import build_optimizer
from sslvqa.train.self_supervised import build_stvqrl
from sslvqa.train.start import Start
from sslvqa.video.cache import FrameCache
from sslvqa.video.reader import open_video

if TYPE_CHECKING:
    from collections.abc import Callable

    from rows import Rows

    from sslvqa.methods import Method
    from sslvqa.nn.quality import QualityScores
    from sslvqa.scoring import Precision

SHIPPED = {"nano": "nano.open3"}

Video = tuple[str, int, int, int]
"""Name, width, height and frames of a synthetic video."""


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    device: str = "cuda"
    architectures: tuple[str, ...] = ("swin_t", "nano", "mobile")
    trained: str = "swin_t"
    tuned: tuple[tuple[str, int], ...] = (("mobile", 32), ("swin_t_bands", 24))
    """Architectures that learn from labels alone, and the videos of a step, two views each."""
    batch: int = 32
    runs: int = 10
    scenes: int = 3
    versions: int = 10
    labelled: int = 12
    unlabelled: int = 12
    chunk: int = 12
    videos: tuple[Video, ...] = (("1080p", 1920, 1080, 300), ("540p", 960, 540, 300))
    cores: tuple[int, ...] = (1, 4, 8, 16)
    files: int = 48
    tokens: int = 1 << 18
    windows: tuple[int, ...] = (64, 196, 392, 784)
    seconds: float = 3.0
    kernels: int = 30


REHEARSAL = Sizes(
    device="cpu",
    architectures=("tiny",),
    trained="tiny",
    tuned=(("tiny", 2),),
    batch=2,
    runs=1,
    scenes=1,
    versions=2,
    labelled=2,
    unlabelled=2,
    chunk=2,
    videos=(("tiny", 64, 64, 12),),
    cores=(1, 2),
    files=3,
    tokens=256,
    windows=(8,),
    seconds=0.05,
)

ARCHITECTURES["tiny"] = Architecture(  # type: ignore[index]  # for the rehearsal
    "tiny",
    backbone=SwinConfig(
        embed_dim=8, depths=(2, 1), heads=(1, 2), window=(2, 2, 2), fragments=2, gated_stages=(0,)
    ),
    geometry=ViewGeometry(grid=2, fragment_px=16, frames=4, interval=1),
)


def peak(rows: Rows, sizes: Sizes) -> None:
    """Large matrix products, and a copy within the memory."""
    for name, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        rows.add(name, partial(_peak, dtype, sizes))
    rows.add("copy", partial(_copy, sizes))


def forward(rows: Rows, sizes: Sizes) -> None:
    """Scoring a batch: how fast, what share of the peak, and how far from the CPU's float32."""
    ways: tuple[tuple[Precision, bool], ...] = (("bf16", True), ("bf16", False), ("fp32", False))
    for name, (precision, compiled) in itertools.product(sizes.architectures, ways):
        label = f"{name} {precision} {'compiled' if compiled else 'eager'}"
        rows.add(label, partial(_forward, name, precision, sizes, compiled=compiled))


def kernels(rows: Rows, sizes: Sizes) -> None:
    """Where the time of a forward pass in bfloat16 goes: kernels by their share."""
    for name, compiled in itertools.product(sizes.architectures, (False, True)):
        label = f"{name} {'compiled' if compiled else 'eager'}"
        rows.add(label, partial(_kernels, name, sizes, compiled=compiled))


def layout(rows: Rows, sizes: Sizes) -> None:
    """Which window and which width the device likes: attention with a bias, and the products of an MLP."""
    for tokens, head in itertools.product(sizes.windows, (32, 64)):
        rows.add(f"attention {tokens} tokens, {head} a head", partial(_attention, tokens, head, sizes))
    for channels in (48, 64, 96, 128, 192, 384, 768):
        rows.add(f"mlp {channels} channels", partial(_mlp, channels, sizes))


def decode(rows: Rows, sizes: Sizes) -> None:
    """Clips read a second by number of workers, threads or processes; training items with a cache."""
    for video, count in itertools.product(sizes.videos, sizes.cores):
        for pool in (ProcessPoolExecutor, ThreadPoolExecutor):
            kind = "processes" if pool is ProcessPoolExecutor else "threads"
            rows.add(f"{video[0]} {count} {kind}", partial(_decode, video, count, pool, sizes))
        for cached in (False, True):
            label = f"{video[0]} {count} workers {'cached' if cached else 'decoding'}"
            rows.add(label, partial(_loader, video, count, sizes, cached=cached))


def train(rows: Rows, sizes: Sizes) -> None:
    """Training steps on views that are there: with and without compiler and recomputation."""
    for name in ("stvqrl", "ssl_vqa"):
        for compiled, chunk in ((True, 0), (False, 0), (True, sizes.chunk)):
            label = f"{name} {'compiled' if compiled else 'eager'} {'chunks' if chunk else 'whole'}"
            runtime = RuntimeConfig(
                device=sizes.device, precision="bf16", chunk=chunk, compile="on" if compiled else "off"
            )
            rows.add(label, partial(_train, name, sizes.trained, runtime, sizes))
    for (name, videos), compiled in itertools.product(sizes.tuned, (False, True)):
        label = f"tuned {name} {'compiled' if compiled else 'eager'}"
        runtime = RuntimeConfig(device=sizes.device, precision="bf16", compile="on" if compiled else "off")
        rows.add(label, partial(_train, "tuned", name, runtime, replace(sizes, labelled=videos)))


def files(rows: Rows, sizes: Sizes) -> None:
    """Files a second through :func:`score_each`, reading included."""
    for name, video in itertools.product(sizes.architectures[:2], sizes.videos):
        rows.add(f"{name} {video[0]}", partial(_files, name, video, sizes))


def nvdec(rows: Rows, sizes: Sizes) -> None:
    """Whether this build of PyAV decodes on the GPU, with the same planes as on the CPU, and how fast."""
    for video in sizes.videos:
        rows.add(video[0], partial(_nvdec, video, sizes))


@cache
def peak_of(device: str, dtype: torch.dtype) -> float:
    return matmul_peak(torch.device(device), dtype)


def seconds_of(work: Callable[[], object], sizes: Sizes) -> float:
    """Mean time of a call, after three that are not timed."""
    for _ in range(3):
        work()
    _wait(sizes.device)
    began = time.perf_counter()
    for _ in range(sizes.runs):
        work()
    _wait(sizes.device)
    return (time.perf_counter() - began) / sizes.runs


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _peak(dtype: torch.dtype, sizes: Sizes) -> dict[str, Any]:
    return {"tflops": peak_of(sizes.device, dtype) / 1e12}


def _copy(sizes: Sizes) -> dict[str, Any]:
    source = torch.randn(sizes.tokens, 1024, device=sizes.device)
    target = torch.empty_like(source)
    took = seconds_of(lambda: target.copy_(source), sizes)
    return {"gigabytes_per_second": 2 * source.nbytes / took / 1e9}


@cache
def _model(name: str) -> LoadedModel:
    """The shipped weights where there are some: their differences mean something."""
    try:
        return load_model(SHIPPED[name])
    except (KeyError, UnknownModelError):  # a lease that carries no weights
        return random_model(name)


@cache
def _flop(name: str) -> float:
    """Of the networks for one view."""
    loaded = _model(name)
    return count_flop(
        eager_model(loaded.model).cpu(), normalize(golden_view(loaded.card.architecture.geometry))
    )


@cache
def _reference(name: str) -> tuple[torch.Tensor, QualityScores]:
    """A few views of falling contrast, and their raw scores on the CPU in float32."""
    loaded = _model(name)
    view = golden_view(loaded.card.architecture.geometry).float() - 128
    views = torch.cat([(128 + view / factor).to(torch.uint8) for factor in (1, 2, 4, 16)])
    return views, run_views(TorchRuntime(loaded.model.cpu()), views, batch=4)


def _forward(name: str, precision: Precision, sizes: Sizes, *, compiled: bool) -> dict[str, Any]:
    flop, (few, wanted), loaded = _flop(name), _reference(name), _model(name)
    device = torch.device(sizes.device)
    views = few.repeat(-(-sizes.batch // len(few)), 1, 1, 1, 1)[: sizes.batch].to(device)
    runtime = GpuRuntime(
        loaded.model.to(device), device=device, batch=sizes.batch, precision=precision, compiled=compiled
    )
    began = time.perf_counter()
    for _ in range(2):
        found = run_views(runtime, few, batch=sizes.batch)
    ready = time.perf_counter() - began
    whole = seconds_of(lambda: runtime(views), sizes)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    row = {
        "clips_per_second": sizes.batch / whole,
        "share_of_peak": sizes.batch * flop / whole / peak_of(sizes.device, dtype),
        "gflop_per_clip": flop / 1e9,
        "ready_seconds": ready,
        **_compared("q_r", found.q_r, wanted.q_r),
        **_compared("q_d", found.q_d, wanted.q_d),
        **_memory(sizes.device),
    }
    loaded.model.cpu()
    return row


def _kernels(name: str, sizes: Sizes, *, compiled: bool) -> dict[str, Any]:
    loaded, device = _model(name), torch.device(sizes.device)
    view = golden_view(loaded.card.architecture.geometry)
    views = view.repeat(sizes.batch, 1, 1, 1, 1).to(device)
    runtime = GpuRuntime(
        loaded.model.to(device), device=device, batch=sizes.batch, precision="bf16", compiled=compiled
    )
    for _ in range(3):
        runtime(views)
    _wait(sizes.device)
    on_gpu = sizes.device == "cuda"
    activity = torch.profiler.ProfilerActivity
    with torch.profiler.profile(activities=[activity.CUDA if on_gpu else activity.CPU]) as found:
        runtime(views)
        _wait(sizes.device)
    spent = {
        event.key: (event.self_device_time_total if on_gpu else event.self_cpu_time_total) / 1e3
        for event in found.key_averages()
    }
    loaded.model.cpu()
    first = sorted(spent, key=spent.__getitem__, reverse=True)[: sizes.kernels]
    return {"milliseconds": sum(spent.values()), **{key[:160]: spent[key] for key in first}}


def _compared(name: str, found: torch.Tensor | None, wanted: torch.Tensor | None) -> dict[str, float]:
    """Largest difference of one raw score, beside its spread; nothing where the model has no such score."""
    if found is None or wanted is None:
        return {}
    return {f"{name}_difference": float((found - wanted).abs().max()), f"{name}_spread": float(wanted.std())}


def _memory(device: str) -> dict[str, float]:
    if device != "cuda":
        return {}
    found = {"peak_gigabytes": torch.cuda.max_memory_allocated() / 1e9}
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return found


def _attention(tokens: int, head: int, sizes: Sizes) -> dict[str, Any]:
    windows, batch = max(sizes.tokens // tokens // 8, 1), 8
    shape = (batch, windows, tokens, head)
    query, key, value = torch.randn(3, *shape, device=sizes.device, dtype=torch.bfloat16)
    bias = torch.randn(1, windows, tokens, tokens, device=sizes.device, dtype=torch.bfloat16)
    with torch.inference_mode():
        took = seconds_of(lambda: F.scaled_dot_product_attention(query, key, value, attn_mask=bias), sizes)
    return {"tflops": 4 * batch * windows * tokens**2 * head / took / 1e12}


def _mlp(channels: int, sizes: Sizes) -> dict[str, Any]:
    rows = torch.randn(sizes.tokens * 96 // channels, channels, device=sizes.device, dtype=torch.bfloat16)
    expand = torch.randn(4 * channels, channels, device=sizes.device, dtype=torch.bfloat16)
    with torch.inference_mode():
        took = seconds_of(lambda: F.linear(F.gelu(F.linear(rows, expand)), expand.t()), sizes)
    return {"tflops": 16 * len(rows) * channels**2 / took / 1e12}


def _train(name: str, architecture: str, runtime: RuntimeConfig, sizes: Sizes) -> dict[str, Any]:
    device = torch.device(sizes.device)
    method, batch, clips = _step(name, find_architecture(architecture), runtime, sizes)
    method.to(device).train()
    optimizer = build_optimizer(method.trainable(), OptimConfig())
    meter = Meter(device, bf16=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with meter.arithmetic():
            torch.autograd.backward(method.step(batch).total)
        optimizer.step()

    began = time.perf_counter()
    for _ in range(3):  # two are counted, the third compiles
        step()
    _wait(sizes.device)
    ready = time.perf_counter() - began
    meter.take()
    seconds = 0.0
    for _ in range(sizes.runs):
        began = time.perf_counter()
        step()
        _wait(sizes.device)
        meter.step(time.perf_counter() - began)
        seconds += time.perf_counter() - began
    return {
        "clip_passes_per_second": sizes.runs * clips / seconds,
        "step_seconds": seconds / sizes.runs,
        "clip_passes": clips,
        "mfu": meter.take()["mfu"],
        "ready_seconds": ready,
        **_memory(sizes.device),
    }


def _step(
    name: str, architecture: Architecture, runtime: RuntimeConfig, sizes: Sizes
) -> tuple[Method, Batch, int]:
    """A method with random weights, a batch of noise on the device, and the network passes of a step."""
    geometry = architecture.geometry
    view = (3, geometry.frames, geometry.size_px, geometry.size_px)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randint(0, 256, (*shape, *view), dtype=torch.uint8, device=sizes.device)

    if name == "stvqrl":
        config = PretrainConfig(videos="", out="", runtime=runtime)
        groups = noise(sizes.scenes, sizes.versions, 2)
        return (
            build_stvqrl(config, Start(architecture)),
            Batch(groups=groups),
            2 * sizes.scenes * sizes.versions,
        )
    labels = torch.arange(sizes.labelled, dtype=torch.float32, device=sizes.device)
    if name == "tuned":
        settings = TrainConfig(
            labels="", out="", method="supervised", loss=LossConfig(supervised_views=2), runtime=runtime
        )
        learned = replace(architecture.with_moments(), kind="regressor")
        batch = Batch(labelled=noise(sizes.labelled, 2), scores=labels)
        return build_baseline(settings, Start(learned)), batch, 2 * sizes.labelled
    settings = TrainConfig(labels="", out="", pristine="-", unlabelled="-", runtime=runtime)
    batch = Batch(
        labelled=noise(sizes.labelled, 2),
        scores=labels,
        unlabelled=noise(sizes.unlabelled, 2),
        corpus=noise(4),
    )
    method = build_ssl_vqa(settings, Start(architecture)).to(sizes.device)
    method.step(replace(batch, refresh_corpus=True))  # once an epoch, and not timed
    return method, replace(batch, corpus=None), 4 * (sizes.labelled + sizes.unlabelled)


@cache
def _video(name: str, width: int, height: int, frames: int) -> Path:
    from sslvqa.data.synthetic import write_synthetic_video

    folder = Path(tempfile.gettempdir()) / f"sslvqa-gpu-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{width}x{height}-{frames}.mp4"
    if not path.exists():
        options = {"fps": 30, "options": {"preset": "veryfast", "g": "150"}}
        scratch = path.with_suffix(".part.mp4")
        write_synthetic_video(scratch, width=width, height=height, frames=frames, **options)
        scratch.replace(path)
    return path


def _read(path: Path, geometry: ViewGeometry, seed: int) -> int:
    """Read one clip at a random place with one thread; returns 1."""
    with open_video(path, threads=1) as video:
        info = video.info
        count = max(info.frame_count - seed % 97, 1)  # another place for another seed
        generator = torch.Generator().manual_seed(seed)
        plans = plan_views(
            info.height_px, info.width_px, count, geometry=geometry, clips=1, generator=generator
        )
        return len(read_views(video, plans))


def _decode(
    video: Video, count: int, kind: type[ProcessPoolExecutor | ThreadPoolExecutor], sizes: Sizes
) -> dict[str, Any]:
    path, geometry = _video(*video), find_architecture(sizes.trained).geometry
    with kind(count) as pool:
        list(pool.map(_read, [path] * count, [geometry] * count, range(count)))
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < sizes.seconds:
            done += sum(pool.map(_read, [path] * 2 * count, [geometry] * 2 * count, range(2 * count)))
        return {"clips_per_second": done / (time.perf_counter() - began)}


def _loader(video: Video, workers: int, sizes: Sizes, *, cached: bool) -> dict[str, Any]:
    """Pairs of views (of one clip each) as a training reads them, of a few videos that come round again."""
    path, geometry = _video(*video), find_architecture(sizes.trained).geometry
    videos = 4
    rows = [ManifestRow(path, f"{number}") for number in range(videos)]
    with tempfile.TemporaryDirectory() as folder:
        kept = FrameCache(folder, max_bytes=4 << 30) if cached else None
        dataset = VideoDataset(rows, geometry, cache=kept)
        if cached:  # a few epochs later
            with kept.open(path) as opened:
                for _ in opened.frames(range(opened.info.frame_count)):
                    pass
        steps = (2 + int(sizes.seconds)) * workers
        plan = RunPlan({"unlabelled": PartPlan(videos, 2)}, steps, steps, seed=0)
        loader = make_loader({"unlabelled": dataset}, StepSampler(plan), workers=workers, pin_memory=False)
        batches = iter(loader)
        next(batches)
        began = time.perf_counter()
        views = sum(2 * len(parts["unlabelled"].views) for parts in itertools.islice(batches, steps - 1))
        took = time.perf_counter() - began
    return {"views_per_second": views / took}


def _files(name: str, video: Video, sizes: Sizes) -> dict[str, Any]:
    path = _video(*video)
    settings = {} if sizes.device == "cuda" else {"batch": sizes.batch}
    precision: Precision = "bf16" if sizes.device == "cuda" else "fp32"
    scorer = Scorer(_model(name), device=sizes.device, precision=precision, **settings)
    list(score_each([path] * 8, scorer=scorer))
    began = time.perf_counter()
    results = list(score_each([path] * sizes.files, scorer=scorer))
    took = time.perf_counter() - began
    assert all(isinstance(result, VideoScore) for result in results)
    reading = scorer.read(path)
    alone = seconds_of(
        lambda: scorer.raw_together([reading] * max(sizes.batch // len(reading.views), 1)), sizes
    )
    _model(name).model.cpu()
    return {
        "files_per_second": sizes.files / took,
        "networks_alone_files_per_second": max(sizes.batch // len(reading.views), 1) / alone,
        "views_per_file": len(reading.views),
    }


def _nvdec(video: Video, sizes: Sizes) -> dict[str, Any]:
    """Ours would number the frames by the packet index, as on the CPU; only the decoder would be another."""
    import av
    from av.codec.hwaccel import HWAccel, hwdevices_available

    known = hwdevices_available()
    if sizes.device != "cuda" or "cuda" not in known:
        return {"available": False, "known": known}
    path = str(_video(*video))

    def planes(hwaccel: HWAccel | None = None) -> list[bytes]:
        with av.open(path, hwaccel=hwaccel) as container:
            frames = itertools.islice(container.decode(video=0), 30)
            return [frame.reformat(format="yuv420p").to_ndarray().tobytes() for frame in frames]

    def rate(hwaccel: HWAccel | None = None) -> float:
        began = time.perf_counter()
        with av.open(path, hwaccel=hwaccel) as container:
            return sum(1 for _ in container.decode(video=0)) / (time.perf_counter() - began)

    def on_gpu() -> HWAccel:
        return HWAccel("cuda", allow_software_fallback=False)

    return {
        "available": True,
        "same_planes": planes() == planes(on_gpu()),
        "frames_per_second": rate(on_gpu()),
        "cpu_frames_per_second": rate(),
    }
