"""The data: scenes with labels, groups without, and the tables of the stages."""

from __future__ import annotations

import csv
import shutil
import sys
from operator import attrgetter
from pathlib import Path

import carry
from job import Job, sslvqa
from scipy.optimize import isotonic_regression

from sslvqa.data.sources import Candidate, read_sources, write_sources
from sslvqa.distort.extended import ORDERED_FAMILIES
from sslvqa.video.reader import probe


def make_bench(job: Job) -> None:
    """Labelled set: reference, the paper's 12 and drawn versions of each pristine scene, with VMAF.

    Raises:
        DataError: The table of sources is the one beside this file, and a clip is not the one it means.
    """
    bench = job.data / "bench"
    finished = bench / "finished"
    if finished.exists():
        return
    if job.sources.resolve() == carry.SOURCES.resolve():
        names = carry.wanted_clips(job.clips, job.sources, job.recipe.spare_clips)
        carry.check_clips(job.clips, names, carry.HASHES)
    bench.mkdir(parents=True, exist_ok=True)
    table, recipe = job.data / "sources.csv", job.recipe
    write_sources(table, long_enough(job))
    sslvqa(
        *("data", "open-bench", job.clips, "--out", bench, "--sources", table, "--frames", recipe.frames),
        *("--versions", recipe.extended_versions, "--samples", recipe.samples, "--workers", job.workers),
    )
    finished.touch()


def long_enough(job: Job) -> list[Candidate]:
    """The pristine clips that have as many frames as a scene of this recipe."""
    found = []
    for item in filter(attrgetter("take"), read_sources(job.sources)):
        frames = probe(job.clips / item.file).frame_count - (item.start_frame or 0)
        if frames >= job.recipe.frames:
            found.append(item)
        else:
            sys.stderr.write(f"{item.file} ({item.split}): {frames} frames, left out\n")
    return found


def make_levels(job: Job) -> None:
    """All levels of what VMAF misjudges, of the test contents; they need no labels."""
    bench, folder = job.data / "bench", job.data / "levels"
    finished = folder / "finished"
    if finished.exists():
        return
    whole = [row["path"] for row in _labels(bench) if row["split"] == "test" and row["version"] == "0"]
    sslvqa(
        *("distort", *(bench / path for path in whole), "--out", folder, "--bank", "ordered"),
        *("--frames", 0, "--scale", 1, "--workers", job.workers),
    )
    finished.touch()


def make_groups(job: Job) -> None:
    """The paper's 12 versions of clips that are not in the bench."""
    folder = job.data / f"spare-{job.recipe.spare_clips}"
    finished = folder / "finished"
    if finished.exists():
        return
    _, spare = carry.wanted_clips(job.clips, job.sources, job.recipe.spare_clips)
    if spare:
        sslvqa(
            *("distort", *(job.clips / name for name in spare), "--out", folder),
            *("--frames", job.recipe.frames, "--scale", "auto", "--workers", job.workers),
        )
    folder.mkdir(parents=True, exist_ok=True)
    finished.touch()


def write_tables(job: Job) -> dict[str, Path]:
    """Tables of the stages, with absolute paths."""
    bench, folder = job.data / "bench", job.run / "tables"
    folder.mkdir(exist_ok=True)
    rows = _labels(bench)
    for row in rows:
        row["path"] = str((bench / row["path"]).resolve())
    rated = in_order(
        [row for row in rows if not any(name in row["distortion"] for name in ORDERED_FAMILIES)]
    )  # VMAF punishes a change of tone as no viewer would (contrast x 0.6: mean VMAF 10)
    learned = [row for row in rows if row["split"] == "train"]
    spare = job.data / f"spare-{job.recipe.spare_clips}"
    content = {
        "labelled": [row for row in rated if row["split"] in {"train", "calibration"}],
        "pristine": [row for row in learned if row["distortion"] == "reference"],
        "unlabelled": [
            *({"path": row["path"]} for row in learned),
            *({"path": str(path.resolve())} for path in sorted(spare.rglob("*.mp4"))),
        ],
        "test": [row | {"split": ""} for row in rated if row["split"] == "test"],
    }
    paths = {}
    for name, table in content.items():
        paths[name] = folder / f"{name}.csv"
        with paths[name].open("w", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]), extrasaction="ignore")
            writer.writeheader()
            writer.writerows(table)
    return paths


def in_order(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same rows, no score above that of a milder level of the same distortion of the same scene.

    Levels have a known order, which VMAF breaks at times (a rate divided by 4 above one divided by 3, in 12
    of 64 scenes); neighbours in the wrong order get their mean.
    """
    ladders: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        if row["level"] != "0":
            ladders.setdefault((row["scene"], row["distortion"]), []).append(row)
    known = {}
    for ladder in ladders.values():
        ladder.sort(key=lambda row: int(row["level"]))
        falling = isotonic_regression([float(row["score"]) for row in ladder], increasing=False).x
        known |= {row["path"]: f"{score:.4f}" for row, score in zip(ladder, falling, strict=True)}
    return [row | {"score": known.get(row["path"], row["score"])} for row in rows]


def collect_groups(job: Job) -> None:
    """One folder with a link to every group that ST-VQRL may see."""
    bench, folder = job.data / "bench", job.run / "groups"
    scenes = {bench / "scenes" / row["scene"] for row in _labels(bench) if row["split"] == "train"}
    spare = job.data / f"spare-{job.recipe.spare_clips}"
    shutil.rmtree(folder, ignore_errors=True)  # links alone
    folder.mkdir()
    for group in sorted(scenes | {sidecar.parent for sidecar in spare.rglob("group.json")}):
        (folder / group.name).symlink_to(group.resolve())


def _labels(bench: Path) -> list[dict[str, str]]:
    with (bench / "labels.csv").open() as file:
        return list(csv.DictReader(file))
