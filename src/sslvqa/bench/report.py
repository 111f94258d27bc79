"""What was measured: facts, times, and their ratios to the floors."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sslvqa import __version__
from sslvqa.bench.floors import ffmpeg_version

if TYPE_CHECKING:
    from sslvqa.bench.stages import Stages
    from sslvqa.video.frames import VideoInfo

__all__ = ["BenchReport", "DecodeFloor", "Machine", "ModelFacts", "PipelineTimes", "this_machine"]

_PACKAGES = ("torch", "numpy", "av", "openvino")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and with what."""

    processor: str
    cores: int
    system: str
    load_average: float | None
    """Processes that wanted to run in the last minute; well above 0 at the start, others were running."""
    python: str
    sslvqa: str
    packages: dict[str, str]
    ffmpeg: str | None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The model, and the work of one score."""

    name: str
    architecture: str
    random_weights: bool
    parameters: int
    """Of all networks."""
    views: int
    """Of one score."""
    gflop_per_view: float
    """Matrix products and convolutions of all networks."""


@dataclass(frozen=True, slots=True)
class DecodeFloor:
    """Decoding every frame of the file and dropping it."""

    frames: int
    pyav_seconds: float
    ffmpeg_seconds: float | None
    """The command's; None where there is none."""


@dataclass(frozen=True, slots=True)
class PipelineTimes:
    """One way to score the file: medians over runs."""

    name: str
    precision: str
    stages: Stages
    start_seconds: float
    """From nothing to a scorer: interpreter, imports, weights, a graph's compilation."""
    peak_rss_bytes: int
    q_r: tuple[float, ...]
    """Raw, of every view: the pipelines have to agree."""
    q_d: tuple[float, ...]
    """Empty where the model has no Q_D."""


@dataclass(frozen=True, slots=True)
class BenchReport:
    """All that one run of the benchmark found."""

    machine: Machine
    video: VideoInfo
    model: ModelFacts
    threads: int
    runs: int
    peaks: dict[str, float]
    """GFLOP/s (int8: GOP/s) of a large matrix product by number format."""
    decode: DecodeFloor
    pipelines: tuple[PipelineTimes, ...]
    """Ours first; the straightforward one is the last, if it ran."""

    @property
    def reference(self) -> PipelineTimes | None:
        """The straightforward pipeline."""
        last = self.pipelines[-1]
        return last if last.name.startswith("straightforward") else None

    def forward_floor_seconds(self, precision: str) -> float:
        """Time of one score's arithmetic at the peak of a number format."""
        return self.model.views * self.model.gflop_per_view / self.peaks[precision]

    def ratios(self, item: PipelineTimes) -> dict[str, float | None]:
        """Ratios of one pipeline to the floors and to the straightforward one, and its largest deviation."""
        stages, reference = item.stages, self.reference
        read = stages.decode_seconds + stages.cut_seconds
        command = self.decode.ffmpeg_seconds
        ratios: dict[str, float | None] = {
            "read_to_pyav_decode": read / self.decode.pyav_seconds,
            "read_to_ffmpeg_decode": None if command is None else read / command,
            "forward_to_floor": stages.forward_seconds / self.forward_floor_seconds(item.precision),
            "speedup_forward": None,
            "speedup_total": None,
            "largest_difference": None,
        }
        if reference is not None:
            ratios |= {
                "speedup_forward": reference.stages.forward_seconds / stages.forward_seconds,
                "speedup_total": reference.stages.total_seconds / stages.total_seconds,
                "largest_difference": max(
                    abs(ours - theirs)
                    for mine, other in ((item.q_r, reference.q_r), (item.q_d, reference.q_d))
                    for ours, theirs in zip(mine, other, strict=True)
                ),
            }
        return ratios

    def to_dict(self) -> dict[str, Any]:
        """Return plain values in the JSON form, ``schema`` first; the path of the video is its name only."""
        parts = [
            {**asdict(item), "stages": item.stages.to_dict(), "ratios": self.ratios(item)}
            for item in self.pipelines
        ]
        video = {**asdict(self.video), "path": Path(self.video.path).name}
        return {"schema": 1, **asdict(self), "video": video, "pipelines": parts}


def this_machine() -> Machine:
    """Describe the machine that runs this."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        python=platform.python_version(),
        sslvqa=__version__,
        packages={name: found for name in _PACKAGES if (found := _version(name))},
        ffmpeg=ffmpeg_version(),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """Name of the processor as the system gives it."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
