"""A labelled bench for a machine that is lent: as it travels, an eighth of its size, and made whole there.

    python examples/weights/rebuild.py pack RUN/data-48/bench --out PART --megabytes 21 61 61
    python examples/weights/rebuild.py make PART.0 PART.1 PART.2 --out RUN/data-48 --workers 16

References, labels, and those versions travel that save most time a byte; the others are made from the
references. Each part is whole scenes, so that making can begin with the first that arrives.

Labels stay those of the versions that were measured: ones made anew differ from them by what the reference
(CRF 4) lost of the source. What is there already is kept.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sslvqa.distort import Distortion, VersionInfo
from sslvqa.distort.group import SIDECAR, read_group
from sslvqa.distort.many import GroupResult, Scene, build_scene
from sslvqa.distort.pool import run_jobs
from sslvqa.video.cache import FrameCache, open_frames

TABLES = ("labels.csv", "sources.csv", "about.json")
_SLACK = 10_000
"""Bytes a scene that file systems and archives take."""


def main() -> int:
    """Pack a bench, or make one; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    to = commands.add_parser("pack")
    to.add_argument("bench", type=Path)
    to.add_argument("--out", type=Path, required=True, help="folder; OUT.0, OUT.1, ... of several parts")
    to.add_argument("--megabytes", type=float, nargs="+", default=[1e6], help="of each part")
    make = commands.add_parser("make")
    make.add_argument("parts", type=Path, nargs="+")
    make.add_argument("--out", type=Path, required=True, help="the data folder of a run, e.g. RUN/data-48")
    make.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    make.add_argument("--cache", type=Path, help="folder to decode all versions into, see docs/speed.md")
    options = parser.parse_args()
    if options.command == "pack":
        pack(options.bench, options.out, options.megabytes)
        return 0
    return rebuild(options.parts, options.out, workers=options.workers, cache=options.cache)


def pack(bench: Path, out: Path, megabytes: list[float]) -> None:
    """Fill folders of limited size: all references, and the versions that save most time a byte."""
    scenes = [Parcel.of(folder) for folder in sorted(bench.glob("scenes/*"))]
    tables = sum((bench / name).stat().st_size for name in TABLES)
    left = [most * 1e6 - tables for most in megabytes]
    folders = [out.with_name(f"{out.name}.{number}") for number in range(len(left))] if left[1:] else [out]
    room = sum(left) - sum(scene.bytes for scene in scenes) - _SLACK * len(scenes)
    versions = sorted(
        ((scene, version) for scene in scenes for version in scene.versions),
        key=lambda pair: -pair[1].seconds / max(pair[1].bytes, 1),
    )
    for scene, version in versions:
        if version.bytes <= room:
            room -= version.bytes
            scene.take(version)
    for scene in sorted(scenes, key=lambda scene: -scene.bytes):
        number = max(range(len(left)), key=left.__getitem__)
        if scene.bytes > left[number]:
            raise SystemExit(f"{scene.folder.name} does not fit; give more to --megabytes")
        left[number] -= scene.bytes
        scene.copy(folders[number] / "scenes")
    for folder in folders:
        for name in TABLES:
            shutil.copyfile(bench / name, folder / name)


@dataclass
class Parcel:
    """What travels of a scene."""

    folder: Path
    files: list[Path]
    bytes: int
    versions: tuple[VersionInfo, ...]
    """That could travel too."""

    @classmethod
    def of(cls, folder: Path) -> Parcel:
        group = read_group(folder)
        files = [group.paths[0], folder / SIDECAR]
        size = sum(file.stat().st_size for file in files)
        return cls(folder, files, size, group.versions[1:])

    def take(self, version: VersionInfo) -> None:
        self.files.append(self.folder / version.file)
        self.bytes += version.bytes

    def copy(self, scenes: Path) -> None:
        target = scenes / self.folder.name
        target.mkdir(parents=True)
        for file in self.files:
            shutil.copyfile(file, target / file.name)


def rebuild(parts: list[Path], out: Path, *, workers: int, cache: Path | None) -> int:
    """Make the versions; 0 if all could be made."""
    bench = out / "bench"
    (bench / "scenes").mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        shutil.copyfile(parts[0] / name, bench / name)
    kept = sorted(
        (folder for part in parts for folder in part.glob("scenes/*")),
        key=lambda folder: -read_group(folder).versions[0].bytes,
    )
    scenes = [wanted(folder, bench / "scenes" / folder.name) for folder in kept]
    failed = 0
    for outcome in run_jobs(partial(make_scene, cache=cache), scenes, workers=workers):
        failed += outcome.error is not None
        if outcome.error is not None:
            sys.stderr.write(f"{outcome.job.directory.name}: {outcome.error}\n")
    made = {folder.name for folder in (bench / "scenes").iterdir()}
    with (bench / "labels.csv").open() as file:
        complete = made.issuperset(row["scene"] for row in csv.DictReader(file))
    if complete and not failed:
        (bench / "finished").touch()
    return int(failed > 0)


def wanted(folder: Path, target: Path) -> Scene:
    """The versions that a sidecar names, of the reference beside it."""
    group = read_group(folder)
    distortions = tuple(Distortion.from_parameters(version.parameters) for version in group.versions[1:])
    return Scene(group.paths[0], target, 0, None, 1, distortions, made=folder)


def make_scene(scene: Scene, *, cache: Path | None) -> GroupResult:
    """Make the versions of one scene, and decode them if there is a cache."""
    result = build_scene(scene)
    if cache is not None:
        frames = FrameCache(cache, max_bytes=1 << 40)
        for path in read_group(scene.directory).paths:
            with open_frames(path.resolve(), frames) as video:
                for _ in video.frames(range(video.info.frame_count)):
                    pass
    return result


if __name__ == "__main__":
    sys.exit(main())
