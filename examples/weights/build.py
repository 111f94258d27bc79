"""Make a weight set from a folder of clips: one command, resumable, the same for every size.

    python examples/weights/build.py CLIPS --out RUN --size nano

Stages, each skipped when its product exists and continued when it was interrupted:
labelled bench (VMAF) → unlabelled groups → ST-VQRL → SSL-VQA and what it is compared with → results on
contents that no stage has seen, as RUN/SIZE/results.json → float16 weights with card, RUN/SIZE/*/release.

On a machine that is lent for minutes: `--minutes 9` stops before they are over (exit code 130; the same
command goes on), `--parts` takes clips that `carry.py pack` has cut in parts, and `--give` puts what is
finished, in parts, where it can be fetched.

`sources.csv` beside this file is the choice of pristine clips, made by eye; contents of its splits `test` and
`calibration` are kept out of every training stage, unlabelled and self-supervised ones included.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import math
import os
import shutil
import sys
import threading
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from operator import attrgetter
from pathlib import Path

import carry
from page import choose, draw_page, read_rows
from recipes import RECIPES, RUNS, Recipe, pretrain_config, runtime_of, train_config
from safetensors import safe_open
from safetensors.torch import save_file
from scipy.optimize import isotonic_regression

from sslvqa.cli.main import app
from sslvqa.data.sources import Candidate, read_sources, write_sources
from sslvqa.errors import DataError, SslvqaError
from sslvqa.hub import ResultCard, load_card, load_model, save_model
from sslvqa.scoring import store_golden
from sslvqa.train import Interrupted, pretrain, train
from sslvqa.train.checkpoint import drop_checkpoints
from sslvqa.train.start import BACKBONE_FILE
from sslvqa.train.tables import read_tables
from sslvqa.video.reader import probe

DESCRIPTION = (
    "SSL-VQA on {labelled} labelled and {unlabelled} unlabelled videos, started from ST-VQRL; it predicts "
    "VMAF. Made by examples/weights/build.py --size {size}."
)
LIMITS = (
    "The labels are a full-reference measure of synthetic distortions; no human rated anything.",
    "VMAF misjudges changes of exposure, contrast and position: such versions had no labels.",
    "Faults of a source itself (noise, blur, exposure) are in its reference too, so no label speaks of them.",
    "Learned on scenes of 320x180 to 640x360 px; native 1080p and 4K content looks blurred to it.",
    "The interval holds for videos like the calibration contents, not for all videos.",
)
TONE = ("contrast", "underexposure", "overexposure")
"""Families that VMAF punishes as no viewer would (contrast x 0.6: mean VMAF 10): unlabelled videos only."""
NOT_FINISHED = 130
"""Exit code: the time is over or someone asked to stop; the same command goes on."""
RESERVE_MINUTES = 0.75
"""Kept at the end of a piece for a checkpoint and for handing over."""
GIVEN = "given.json"
GIVEN_BYTES, GIVEN_FILES = 60_000_000, 7


@dataclass(frozen=True)
class Job:
    """One size in one folder, for some minutes."""

    recipe: Recipe
    clips: Path
    out: Path
    size: str
    sources: Path = carry.SOURCES
    workers: int = 2
    ends_at: float = math.inf
    """Of ``time.monotonic()``."""

    @property
    def data(self) -> Path:
        """Scenes, shared by sizes with scenes of this length."""
        return self.out / f"data-{self.recipe.frames}"

    @property
    def run(self) -> Path:
        """What belongs to this size."""
        return self.out / self.size

    def minutes_left(self) -> float | None:
        """For a stage that stops by itself; None without a limit.

        Raises:
            Interrupted: There are none.
        """
        if math.isinf(self.ends_at):
            return None
        left = (self.ends_at - time.monotonic()) / 60 - RESERVE_MINUTES
        if left <= 0:
            raise Interrupted("the time is over; the same command goes on")
        return left


def main(arguments: list[str] | None = None) -> int:
    """Run the stages; the exit code."""
    options = _parse(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    job = Job(
        recipe=RECIPES[options.size],
        clips=options.clips or options.out / "clips",
        out=options.out,
        size=options.size,
        sources=options.sources,
        workers=options.workers,
        ends_at=_end(options.minutes),
    )
    job.run.mkdir(parents=True, exist_ok=True)
    code = 0
    try:
        if options.parts:
            take_parts(job, options.parts)
        make(job, only=options.only, page=options.page)
    except SslvqaError as error:
        sys.stderr.write(f"error: {error}\n")
        code = 2
    except Interrupted as stop:
        sys.stderr.write(f"{stop}\n")
        code = NOT_FINISHED
    if options.give:
        give_parts(job, options.give, again=options.again)
    if code == 0 and options.ship:
        target = options.ship / load_card(release_of(job, "ssl_vqa")).name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(release_of(job, "ssl_vqa"), target)
    return code


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="?", help="folder of source clips; default OUT/clips")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--size", choices=RECIPES, default="nano")
    parser.add_argument("--sources", type=Path, default=carry.SOURCES, help="pristine clips and splits")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes for the data")
    parser.add_argument("--minutes", type=float, help="stop before this many are over, to go on later")
    parser.add_argument("--parts", type=Path, help="folder of parts that were carried here")
    parser.add_argument("--give", type=Path, help="folder for parts of what is finished, 60 MB a call")
    parser.add_argument("--again", action="store_true", help="give all parts anew")
    parser.add_argument("--page", type=Path, help="PNG of examples with labels to write, see page.py")
    parser.add_argument("--ship", type=Path, help="folder to copy the float16 model to, e.g. hub/weights")
    parser.add_argument("--only", choices=[*RUNS, "data", "pretrain"], help="stop after this one")
    return parser.parse_args(arguments)


def _end(minutes: float | None) -> float:
    """When this piece ends; whatever still runs then is cut off, which every stage survives."""
    if minutes is None:
        return math.inf

    def cut() -> None:
        sys.stderr.write("the time is over; the same command goes on\n")
        sys.stderr.flush()
        os._exit(NOT_FINISHED)

    timer = threading.Timer(60 * minutes, cut)
    timer.daemon = True
    timer.start()
    return time.monotonic() + 60 * minutes


def make(job: Job, *, only: str | None = None, page: Path | None = None) -> None:
    """All stages up to ``only``."""
    make_bench(job)
    if page is not None:
        bench = job.data / "bench"
        draw_page(bench, choose(read_rows(bench)), page)
    make_groups(job)
    tables = write_tables(job)
    collect_groups(job)
    if only == "data":
        return
    learn_backbone(job)
    if only == "pretrain":
        return
    for name in job.recipe.runs:
        if only in {None, name}:
            learn_model(job, name, tables)
            results = evaluate(job, name, tables["test"])
            release(job, name, results[name])
    sys.stdout.write(f"{job.run / 'results.json'}\n")


def sslvqa(*arguments: object) -> str:
    """Run a command of the package in this process; what it prints. Its progress goes to stderr."""
    words = [str(argument) for argument in arguments]
    sys.stderr.write(f"$ sslvqa {' '.join(words)}\n")
    with redirect_stdout(StringIO()) as printed:
        code = app(words, standalone_mode=False)
    if code:
        raise DataError(f"sslvqa {words[0]} failed in part: see above, mend that, run it again")
    return printed.getvalue()


def make_bench(job: Job) -> None:
    """Labelled set: reference, the paper's 12 and drawn versions of each pristine scene, with VMAF."""
    bench = job.data / "bench"
    finished = bench / "finished"
    if finished.exists():
        return
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
    with (bench / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["path"] = str((bench / row["path"]).resolve())
        row["kind"] = f"{row['content']} {row['distortion']}"
    rated = in_order([row for row in rows if not any(name in row["distortion"] for name in TONE)])
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
    with (bench / "labels.csv").open() as file:
        scenes = {bench / "scenes" / row["scene"] for row in csv.DictReader(file) if row["split"] == "train"}
    spare = job.data / f"spare-{job.recipe.spare_clips}"
    shutil.rmtree(folder, ignore_errors=True)  # links alone
    folder.mkdir()
    for group in sorted(scenes | {sidecar.parent for sidecar in spare.rglob("group.json")}):
        (folder / group.name).symlink_to(group.resolve())


def learn_backbone(job: Job) -> None:
    """ST-VQRL."""
    out = job.run / "stvqrl"
    if (out / BACKBONE_FILE).exists():
        return
    runtime = runtime_of(job.workers, job.minutes_left())
    pretrain(pretrain_config(job.recipe, job.run / "groups", out, runtime), resume=True)


def learn_model(job: Job, name: str, tables: dict[str, Path]) -> None:
    """SSL-VQA or an ablation of it."""
    out = job.run / name
    if (out / "model" / "card.toml").exists() or (release_of(job, name) / "card.toml").exists():
        return
    drop_checkpoints(job.run / "stvqrl")  # its backbone is what is needed of it
    init = str(job.run / "stvqrl") if RUNS[name][1] else "scratch"
    config = train_config(job.recipe, name, tables, init, out, runtime_of(job.workers))
    known = read_tables(config, probe=False)  # the files were made here
    runtime = runtime_of(job.workers, job.minutes_left())
    train(train_config(job.recipe, name, tables, init, out, runtime), resume=True, tables=known)
    drop_checkpoints(out)


def evaluate(job: Job, name: str, test: Path) -> dict[str, dict]:
    """Measures on unseen contents, and the order of levels inside one content and distortion; of all runs."""
    file, model = job.run / "results.json", job.run / name / "model"
    results = json.loads(file.read_text()) if file.exists() else {}
    if name not in results:
        job.minutes_left()
        text = sslvqa(
            *("evaluate", model if model.exists() else release_of(job, name), test),
            *("--pairs-column", "kind", "--gap", 10),
            *("--group-column", "distortion", "--predictions", job.run / name / "predictions.csv"),
            *("--format", "json"),
        )
        results[name] = json.loads(text)
        file.write_text(json.dumps(results, indent=1))
    return results


def release_of(job: Job, name: str) -> Path:
    """The folder of the float16 model of a run."""
    return job.run / name / "release"


def release(job: Job, name: str, result: dict) -> None:
    """Write the model as float16 with its limits and its result on unseen contents."""
    target = release_of(job, name)
    if (target / "card.toml").exists():
        return
    loaded = load_model(job.run / name / "model")
    part = result["groups"]["all"]
    interval = part["intervals"]["srocc"]
    names = ("srocc", "plcc", "plcc_logistic", "krocc", "rmse")
    unseen = ResultCard(
        dataset="test contents of sources.csv",
        protocol="contents that no stage has seen; without tone distortions; last step, no selection",
        videos=part["videos"],
        contents=part["contents"],
        srocc_interval=None if interval is None else (interval["low"], interval["high"]),
        **{measure: part["measures"][measure] for measure in names},
    )
    training, size = loaded.card.training, job.size
    description = DESCRIPTION.format(labelled=training.labelled, unlabelled=training.unlabelled, size=size)
    update = {"description": description, "limits": LIMITS, "results": (*loaded.card.results, unseen)}
    scratch = target.with_name(".release")
    save_model(scratch, loaded.model, loaded.card.model_copy(update=update), dtype="float16")
    store_golden(scratch)
    scratch.rename(target)


def take_parts(job: Job, arrived: Path) -> None:
    """Keep the parts that were carried here; put a package together once all of them are.

    Clips go to the folder of clips, anything else (what ``--give`` gave on a lost machine) to the run.

    Raises:
        Interrupted: Parts are still to come; all are named.
    """
    kept = job.out / "parts"
    kept.mkdir(parents=True, exist_ok=True)
    for path in arrived.iterdir():
        shutil.copyfile(path, kept / path.name)
    waiting = []
    for index in carry.indexes(kept):
        missing = carry.missing_parts(index)
        if missing:
            waiting += missing
            continue
        name = carry.package_name(index)
        carry.join(index, job.clips if name == carry.CLIPS else job.run)
        for path in [index, *kept.glob(f"{name}.[0-9]*")]:
            path.unlink()
    if waiting:
        raise Interrupted(f"still to come: {', '.join(waiting)}; carry them and give the same command")


def give_parts(job: Job, folder: Path, *, again: bool) -> None:
    """Put parts of what is finished into ``folder``: those not given before, as many as one call may take.

    ``results.json`` comes each time. ``carry.py join`` names the parts that got lost on the way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ledger = job.run / GIVEN
    given = [] if again or not ledger.exists() else json.loads(ledger.read_text())
    files, used = 0, 0
    for path in finished_parts(job):
        size = path.stat().st_size
        if path.name in given or files == GIVEN_FILES or used + size > GIVEN_BYTES:
            continue
        shutil.copyfile(path, folder / path.name)
        given.append(path.name)
        files, used = files + 1, used + size
        sys.stderr.write(f"given: {path.name}, {size / 1e6:.1f} MB\n")
    ledger.write_text(json.dumps(given))
    if (job.run / "results.json").exists():
        shutil.copyfile(job.run / "results.json", folder / "results.json")


def finished_parts(job: Job) -> list[Path]:
    """Indexes and parts of the backbone (float16) and of every released model, packed once."""
    folder = job.run / "packed"
    folder.mkdir(exist_ok=True)
    products: dict[str, dict[str, Path]] = {}
    backbone, half = job.run / "stvqrl" / BACKBONE_FILE, folder / BACKBONE_FILE
    if backbone.exists():
        if not half.exists():
            _halve(backbone, half)
        products[f"{job.size}.stvqrl"] = {f"stvqrl/{BACKBONE_FILE}": half}
    for name in job.recipe.runs:
        files = [path for path in release_of(job, name).glob("*") if path.is_file()]
        if files:
            products[f"{job.size}.{name}"] = {f"{name}/release/{path.name}": path for path in files}
    parts = []
    for name, files in products.items():
        index = carry.index_path(folder, name)
        if not index.exists():
            carry.pack(name, files, folder, part_bytes=carry.GIVEN_PART_BYTES)
        parts += [index, *sorted(folder.glob(f"{name}.[0-9]*"))]
    return parts


def _halve(source: Path, target: Path) -> None:
    """Write the same file with its numbers as float16; complete or absent."""
    scratch = target.with_name(f".{target.name}")
    with safe_open(source, framework="pt") as opened:
        state = {name: opened.get_tensor(name).half() for name in opened.keys()}  # noqa: SIM118
        save_file(state, scratch, metadata=opened.metadata())
    scratch.rename(target)


if __name__ == "__main__":
    sys.exit(main())
