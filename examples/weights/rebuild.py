"""Versions of a labelled bench from its references: the bench as it travels, a twelfth of its size.

    python examples/weights/rebuild.py pack RUN/data-48/bench --out CARRIED    # references, recipes, labels
    python examples/weights/rebuild.py make CARRIED... --out RUN/data-48 --workers 16

Labels stay those of the versions that were measured: the new ones differ from them by what the reference
(CRF 4) lost of the source. What is there already is kept, so parts may come one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

from sslvqa.distort import Distortion, Encoder, Operation
from sslvqa.distort.group import SIDECAR, read_group
from sslvqa.distort.many import GroupResult, Scene, build_scene
from sslvqa.distort.pool import run_jobs
from sslvqa.video.cache import FrameCache, open_frames

TABLES = ("labels.csv", "sources.csv", "about.json")


def main() -> int:
    """Pack a bench, or make one; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    to = commands.add_parser("pack")
    to.add_argument("bench", type=Path)
    to.add_argument("--out", type=Path, required=True, help="folder; OUT.0, OUT.1 ... with --megabytes")
    to.add_argument("--megabytes", type=float, nargs="+", default=[float("inf")], help="of each part")
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
    """Copy what versions can be made from into folders of limited size, the largest scenes first."""
    scenes = sorted(bench.glob("scenes/*"), key=lambda scene: -_reference(scene).stat().st_size)
    for number, most in enumerate(megabytes):
        folder = out.with_name(f"{out.name}.{number}") if len(megabytes) > 1 else out
        (folder / "scenes").mkdir(parents=True)
        for name in TABLES:
            shutil.copyfile(bench / name, folder / name)
        left = most * 1e6
        for scene in list(scenes):
            files = [_reference(scene), scene / SIDECAR]
            size = sum(file.stat().st_size for file in files)
            if size <= left:
                left -= size
                (folder / "scenes" / scene.name).mkdir()
                for file in files:
                    shutil.copyfile(file, folder / "scenes" / scene.name / file.name)
                scenes.remove(scene)
    if scenes:
        sys.stderr.write(f"{len(scenes)} scenes did not fit; give one more number to --megabytes\n")


def rebuild(parts: list[Path], out: Path, *, workers: int, cache: Path | None) -> int:
    """Make the versions; 0 if all could be made."""
    bench = out / "bench"
    (bench / "scenes").mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        shutil.copyfile(parts[0] / name, bench / name)
    kept = sorted(
        (folder for part in parts for folder in part.glob("scenes/*")),
        key=lambda folder: -_reference(folder).stat().st_size,
    )
    scenes = [wanted(folder, bench / "scenes" / folder.name) for folder in kept]
    failed = 0
    for outcome in run_jobs(partial(make_scene, cache=cache), scenes, workers=workers):
        failed += outcome.error is not None
        if outcome.error is not None:
            sys.stderr.write(f"{outcome.job.directory.name}: {outcome.error}\n")
    made = {folder.name for folder in (bench / "scenes").iterdir()}
    if not failed and all(line.split(",")[4] in made for line in _rows(bench / "labels.csv")):
        (bench / "finished").touch()
    return int(failed > 0)


def wanted(folder: Path, target: Path) -> Scene:
    """The versions that a sidecar names, of the reference beside it."""
    versions = json.loads((folder / SIDECAR).read_text())["versions"]
    distortions = tuple(_distortion(item["parameters"]) for item in versions if item["id"])
    return Scene(_reference(folder), target, 0, None, 1, distortions)


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


def _distortion(values: dict) -> Distortion:
    encoder = values["encoder"]
    return Distortion(
        **{
            **values,
            "encoder": Encoder(encoder["codec"], tuple((key, value) for key, value in encoder["options"])),
            "operations": tuple(Operation(**operation) for operation in values["operations"]),
        }
    )


def _reference(scene: Path) -> Path:
    (path,) = scene.glob("00_reference.*")
    return path


def _rows(table: Path) -> list[str]:
    return table.read_text().splitlines()[1:]


if __name__ == "__main__":
    sys.exit(main())
