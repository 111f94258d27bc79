"""A labelled set from a folder of clips: pristine scenes, distorted versions, VMAF as the score."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sslvqa.data.bench_labels import BenchScene, label_group, write_labels
from sslvqa.data.sources import Candidate, find_candidates, read_sources, with_splits, write_sources
from sslvqa.distort import PAPER_DISTORTIONS, UNSEEN_DISTORTIONS, build_group, draw_distortions
from sslvqa.distort.encode import encoder_versions
from sslvqa.distort.many import Scene, scene_seed, segment_starts
from sslvqa.distort.pool import run_jobs
from sslvqa.errors import ConfigError, DataError, SslvqaError
from sslvqa.video.reader import probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sslvqa.distort import Distortion

__all__ = ["BenchSettings", "SceneReport", "build_open_bench", "plan_bench"]


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """What decides the set; stored in ``about.json``."""

    frames: int = 48
    """Frames a scene."""
    segments: int = 1
    """Scenes a source at most."""
    versions: int = 24
    """Extended distortions a scene, besides the reference and the paper's 12."""
    samples: int = 10
    """Frames that VMAF is computed on."""
    min_bits_per_pixel: float = 0.12
    """Threshold for pristine, after scaling."""
    min_side_px: int = 224
    """Smallest shorter side of a scene."""
    without: tuple[str, ...] = ()
    """Families left out of the draw. VMAF measures fidelity: it calls a mild loss of contrast or light bad
    (0.6 of the contrast: 10 of 100) and a gain better than the reference, as no viewer would."""
    unseen: bool = False
    """A set only to test on: :data:`UNSEEN_DISTORTIONS` in place of all others, and the contents of the split
    ``test`` alone."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("frames", "segments", "samples"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; allowed is 1 or more")
        if self.versions < 0:
            raise ConfigError(f"versions is {self.versions}; allowed is 0 or more")


@dataclass(frozen=True, slots=True)
class SceneReport:
    """What became of one scene (or of a source that could not be planned)."""

    source: str
    scene: str
    versions: int
    build_seconds: float
    label_seconds: float
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the schema number."""
        return {"schema": 1, **asdict(self)}


def build_open_bench(
    folder: Path, out_dir: Path, settings: BenchSettings, *, sources: Path | None = None, workers: int = 1
) -> Iterator[SceneReport]:
    """Make the set, or go on with it: finished versions and labels are kept.

    Writes ``sources.csv`` (every clip and why it was taken or not), ``scenes/<scene>/`` (a group and its
    ``labels.jsonl``), ``labels.csv`` (renewed after each scene) and ``about.json``.

    Args:
        folder: Folder of source clips.
        out_dir: Where the set goes.
        settings: What to make.
        sources: A corrected ``sources.csv``; None = judge the clips by bits per pixel.
        workers: Processes, of one thread each.

    Yields:
        One report a scene, as they finish.

    Raises:
        MissingExtraError: ``vmaf-torch`` is not installed.
        DataError: No clip of the folder can serve.
    """
    from sslvqa.data.labels import vmaf_label

    label = vmaf_label()
    out_dir.mkdir(parents=True, exist_ok=True)
    candidates = choose_sources(folder, settings, sources)
    write_sources(out_dir / "sources.csv", candidates)
    _write_about(out_dir, label, settings)
    by_folder: dict[Path, BenchScene] = {}
    for candidate in candidates:
        if candidate.take and not (settings.unseen and candidate.split != "test"):
            try:
                for plan in plan_bench(candidate, folder, out_dir, settings):
                    _add_plan(by_folder, plan)
            except (SslvqaError, OSError) as error:
                yield SceneReport(candidate.file, "", 0, 0.0, 0.0, str(error))
    plans = tuple(by_folder.values())
    if not plans:
        raise DataError(
            f"{folder}: no clip can serve as pristine (see {out_dir / 'sources.csv'}); "
            "lower --min-bits-per-pixel or choose clips with --sources"
        )
    for outcome in run_jobs(make_scene, plans, workers=workers):
        write_labels(out_dir, plans)
        source, name = str(outcome.job.scene.source), outcome.job.scene.directory.name
        yield outcome.result or SceneReport(source, name, 0, 0.0, 0.0, outcome.error)


def _add_plan(plans: dict[Path, BenchScene], plan: BenchScene) -> None:
    """Take a scene unless its folder is another one's already."""
    scene = plan.scene
    first = plans.setdefault(scene.directory, plan)
    if first is not plan:
        raise DataError(
            f"{scene.source}: its scene {scene.directory.name} is that of {first.scene.source}; "
            "rename one of the files, or name each file once"
        )


def choose_sources(folder: Path, settings: BenchSettings, sources: Path | None) -> tuple[Candidate, ...]:
    """Judge the folder, or take the table; then give the taken contents their sides."""
    if sources is not None:
        candidates = read_sources(sources)
    else:
        candidates = find_candidates(
            folder,
            min_bits_per_pixel=settings.min_bits_per_pixel,
            min_frames=settings.frames,
            min_side_px=settings.min_side_px,
        )
    return with_splits(candidates, seed=settings.seed)


def plan_bench(
    candidate: Candidate, folder: Path, out_dir: Path, settings: BenchSettings
) -> tuple[BenchScene, ...]:
    """Scenes of one source, with the versions of each.

    Raises:
        VideoError: The source cannot be read.
        DataError: It has fewer frames than a scene needs.
    """
    path = folder / candidate.file
    offset = candidate.start_frame or 0
    left = probe(path).frame_count - offset
    if left < settings.frames:
        raise DataError(
            f"{path}: {left} frames from frame {offset} on, but a scene has {settings.frames}; use --frames"
        )
    segments = settings.segments
    starts = (
        (0,)
        if candidate.start_frame is not None and segments == 1
        else segment_starts(left, settings.frames, segments)
    )
    plans = []
    stem = candidate.file.replace("/", "-").rsplit(".", 1)[0]
    for start in starts:
        first = start + offset
        name = f"{stem}_x{candidate.scale}_{first:05d}"
        directory = out_dir / "scenes" / name
        scene = Scene(path, directory, first, settings.frames, candidate.scale, _versions(name, settings))
        plans.append(BenchScene(scene, candidate.content, candidate.split, settings.samples))
    return tuple(plans)


def _versions(scene: str, settings: BenchSettings) -> tuple[Distortion, ...]:
    if settings.unseen:
        return UNSEEN_DISTORTIONS
    seed = scene_seed(scene, settings.seed)
    drawn = draw_distortions(settings.versions, seed=seed, comparable_only=True, without=settings.without)
    return (*PAPER_DISTORTIONS, *drawn)


def make_scene(plan: BenchScene) -> SceneReport:
    """Build one scene's group and label its versions; what is finished stays."""
    scene = plan.scene
    began = time.perf_counter()
    group = build_group(
        scene.source,
        scene.directory,
        distortions=scene.distortions,
        start_frame=scene.start_frame,
        max_frames=scene.max_frames,
        scale=scene.scale,
    )
    built = time.perf_counter()
    label_group(group, samples=plan.samples)
    done = time.perf_counter()
    return SceneReport(
        source=str(scene.source),
        scene=group.scene,
        versions=len(group.versions),
        build_seconds=round(built - began, 2),
        label_seconds=round(done - built, 2),
    )


def _write_about(out_dir: Path, label: str, settings: BenchSettings) -> None:
    about = {
        "schema": 1,
        "label": f"{label}, not human opinion",
        "score": "vmaf, 0..100, higher is better; mean over sampled frames, motion from consecutive frames",
        "ssim": "FFmpeg ssim filter, Y U V weighted, mean over frames",
        "xpsnr": "FFmpeg xpsnr filter, luma, dB, mean over frames, capped at 100",
        "split": "by content: no content is on two sides",
        "settings": asdict(settings),
        "tools": encoder_versions(),
    }
    part = out_dir / f".about.{os.getpid()}.json"
    part.write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    part.replace(out_dir / "about.json")
