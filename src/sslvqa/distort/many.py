"""Make groups of many videos."""

from __future__ import annotations

import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sslvqa.distort.bank import PAPER_DISTORTIONS
from sslvqa.distort.build import build_group
from sslvqa.distort.encode import file_sha256
from sslvqa.distort.extended import draw_distortions, ordered_distortions
from sslvqa.distort.pool import run_jobs
from sslvqa.errors import ConfigError, SslvqaError
from sslvqa.video.reader import probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sslvqa.distort.bank import Distortion

__all__ = [
    "Bank",
    "GroupResult",
    "Scene",
    "auto_scale",
    "distort_many",
    "plan_scenes",
    "scene_seed",
]

Bank = Literal["paper", "extended", "both", "ordered"]


@dataclass(frozen=True, slots=True)
class Scene:
    """One group to make."""

    source: Path
    directory: Path
    start_frame: int
    max_frames: int | None
    scale: int
    distortions: tuple[Distortion, ...]
    made: Path | None = None
    """Where some of its versions are already, see :func:`build_group`."""


@dataclass(frozen=True, slots=True)
class GroupResult:
    """What became of one scene."""

    source: str
    scene: str
    directory: str
    versions: int
    frames: int
    width_px: int
    height_px: int
    seconds: float
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the schema number."""
        return {"schema": 1, **asdict(self)}


def auto_scale(width: int, height: int) -> int:
    """Factor 1, 2 or 3 that brings the shorter side nearest to 360 px.

    Shrinking hides the compression of a web video: its reference comes nearer to pristine.
    """
    return min(3, max(1, round(min(width, height) / 360)))


def scene_seed(name: str, seed: int) -> int:
    """A seed of its own for each scene name."""
    return zlib.crc32(f"{seed}:{name}".encode())


def plan_scenes(
    source: Path,
    out_dir: Path,
    *,
    bank: Bank = "paper",
    versions: int = 24,
    frames: int | None = 48,
    segments: int = 1,
    scale: int | None = None,
    seed: int = 0,
) -> tuple[Scene, ...]:
    """Cut a video in scenes: ``segments`` parts of ``frames`` frames, evenly spaced and not overlapping.

    Args:
        source: Video file.
        out_dir: Each scene gets a folder below it, named after file, its sha256 and the start frame.
        bank: ``paper`` = the 12; ``extended`` = a seeded draw of ``versions``; ``both``; ``ordered`` = all
            levels of exposure, contrast and shake.
        versions: Size of the draw.
        frames: Frames a scene; None = the whole video in one scene.
        segments: Scenes a video at most; fewer when the video is too short.
        scale: Integer factor to shrink by; None = :func:`auto_scale`.
        seed: Of the draw.

    Raises:
        VideoError: The video cannot be read.
        ConfigError: ``segments`` is below 1.
    """
    if segments < 1:
        raise ConfigError(f"segments is {segments}; allowed is 1 or more")
    info = probe(source)
    factor = scale or auto_scale(info.width_px, info.height_px)
    starts = (0,) if frames is None else segment_starts(info.frame_count, frames, segments)
    digest = file_sha256(source)[:6]
    scenes = []
    for start in starts:
        name = f"{source.stem}_{digest}_{start:05d}"
        drawn = _distortions(bank, versions, scene_seed(name, seed))
        scenes.append(Scene(source, out_dir / name, start, frames, factor, drawn))
    return tuple(scenes)


def segment_starts(total: int, frames: int, segments: int) -> tuple[int, ...]:
    """First frames of up to ``segments`` parts of ``frames`` frames, centred in equal shares of the video."""
    parts = max(1, min(segments, total // frames))
    share = total / parts
    return tuple(max(0, int(index * share + (share - frames) / 2)) for index in range(parts))


def _distortions(bank: Bank, versions: int, seed: int) -> tuple[Distortion, ...]:
    if bank == "paper":
        return PAPER_DISTORTIONS
    if bank == "ordered":
        return ordered_distortions(seed=seed)
    drawn = draw_distortions(versions, seed=seed)
    return drawn if bank == "extended" else (*PAPER_DISTORTIONS, *drawn)


def distort_many(
    sources: Sequence[Path],
    out_dir: Path,
    *,
    bank: Bank = "paper",
    versions: int = 24,
    frames: int | None = 48,
    segments: int = 1,
    scale: int | None = None,
    seed: int = 0,
    workers: int = 1,
) -> Iterator[GroupResult]:
    """Make the groups of many videos; arguments as for :func:`plan_scenes`.

    Finished versions are kept, so the same call goes on after a kill. A bad video yields a result with
    ``error`` and the rest goes on.

    Yields:
        One result a scene (or a bad video), in order of completion.
    """
    scenes: list[Scene] = []
    for source in sources:
        try:
            scenes += plan_scenes(
                source,
                out_dir,
                bank=bank,
                versions=versions,
                frames=frames,
                segments=segments,
                scale=scale,
                seed=seed,
            )
        except SslvqaError as error:
            yield GroupResult(str(source), "", "", 0, 0, 0, 0, 0.0, str(error))
    unique = list({scene.directory: scene for scene in scenes}.values())  # a file given twice is made once
    for outcome in run_jobs(build_scene, unique, workers=workers):
        scene = outcome.job
        if outcome.result is None:
            name, folder = scene.directory.name, str(scene.directory)
            yield GroupResult(str(scene.source), name, folder, 0, 0, 0, 0, 0.0, outcome.error)
        else:
            yield outcome.result


def build_scene(scene: Scene) -> GroupResult:
    """Make one scene's group and say how long this call took."""
    began = time.perf_counter()
    group = build_group(
        scene.source,
        scene.directory,
        distortions=scene.distortions,
        start_frame=scene.start_frame,
        max_frames=scene.max_frames,
        scale=scene.scale,
        made=scene.made,
    )
    return GroupResult(
        source=str(scene.source),
        scene=group.scene,
        directory=str(scene.directory),
        versions=len(group.versions),
        frames=group.frames,
        width_px=group.width_px,
        height_px=group.height_px,
        seconds=round(time.perf_counter() - began, 2),
    )
