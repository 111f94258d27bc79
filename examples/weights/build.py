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
import json
import logging
import math
import os
import shutil
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import carry
from exchange import give_parts, take_parts
from job import Job, sslvqa
from page import choose, draw_page, read_rows
from recipes import RECIPES, RUNS, pretrain_config, train_config
from scenes import collect_groups, make_bench, make_groups, make_levels, write_tables

from sslvqa.errors import DataError, SslvqaError
from sslvqa.hub import ResultCard, find_architecture, load_card, load_model, save_model
from sslvqa.hub.resize import resize_model
from sslvqa.scoring import store_golden
from sslvqa.train import Interrupted, pretrain, train
from sslvqa.train.checkpoint import drop_checkpoints
from sslvqa.train.start import BACKBONE_FILE
from sslvqa.train.tables import read_tables

MADE = "it predicts VMAF. Made by examples/weights/build.py --size {size}."
LIMITS = (
    "The labels are a full-reference measure of synthetic distortions; no human rated anything.",
    "VMAF misjudges changes of exposure, contrast and position: they had no labels and may raise the score.",
    "Faults of a source itself (noise, blur, exposure) are in its reference too, so no label speaks of them.",
    "Learned on scenes of 320x180 to 640x360 px; what is larger is further from all that it has seen.",
    "The interval holds for videos like the calibration contents, not for all videos.",
)
NOT_FINISHED = 130
"""Exit code: the time is over or someone asked to stop; the same command goes on."""


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
        compiled=options.compile,
        cache=options.cache,
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
        released = job.release(job.recipe.runs[0])
        target = options.ship / load_card(released).name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(released, target)
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
    parser.add_argument("--compile", choices=["auto", "on", "off"], default="auto", help="of the networks")
    parser.add_argument("--cache", type=Path, help="folder of decoded frames, see docs/speed.md")
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
    make_levels(job)
    make_groups(job)
    tables = write_tables(job)
    collect_groups(job)
    if only == "data":
        return
    if job.recipe.grown_from:
        grow(job)
    else:
        learn_backbone(job)
    if only == "pretrain":
        return
    for name in job.recipe.runs:
        if only in {None, name}:
            learn_model(job, name, tables)
            results = evaluate(job, name, tables)
            release(job, name, results[name])
    sys.stdout.write(f"{job.run / 'results.json'}\n")


def learn_backbone(job: Job) -> None:
    """ST-VQRL."""
    out = job.run / "stvqrl"
    if (out / BACKBONE_FILE).exists():
        return
    runtime = job.runtime(job.minutes_left())
    pretrain(pretrain_config(job.recipe, job.run / "groups", out, runtime), resume=True)


def grow(job: Job) -> None:
    """In place of ST-VQRL: the released network of a smaller size, with larger windows.

    Raises:
        DataError: That one has not been made in the same folder.
    """
    recipe, out = job.recipe, job.run / "grown"
    smaller = replace(job, size=recipe.grown_from).release("tuned")
    if not (smaller / "card.toml").exists():
        raise DataError(f"{job.size} starts from a smaller size; make weights SIZE={recipe.grown_from} first")
    if not (out / BACKBONE_FILE).exists():
        resize_model(smaller, out, architecture=find_architecture(recipe.architecture))


def learn_model(job: Job, name: str, tables: dict[str, Path]) -> None:
    """SSL-VQA or an ablation of it."""
    out = job.run / name
    if (out / "model" / "card.toml").exists() or (job.release(name) / "card.toml").exists():
        return
    drop_checkpoints(job.run / "stvqrl")  # its backbone is what is needed of it
    start = job.run / ("grown" if job.recipe.grown_from else RUNS[name].start)
    init = "scratch" if RUNS[name].start == "scratch" else str(start)
    config = train_config(job.recipe, name, tables, init, out, job.runtime())
    known = read_tables(config, probe=False)  # the files were made here
    runtime = replace(config.runtime, stop_minutes=job.minutes_left())
    train(replace(config, runtime=runtime), resume=True, tables=known)
    drop_checkpoints(out)


def evaluate(job: Job, name: str, tables: dict[str, Path]) -> dict[str, dict]:
    """Measures on unseen contents, and the order of levels inside one content and distortion; of all runs.

    ``levels``: the same of levels of exposure, contrast and shake, which have no labels.
    """
    file, model = job.run / "results.json", job.run / name / "model"
    results = json.loads(file.read_text()) if file.exists() else {}
    if name not in results:
        job.minutes_left()
        shown = model if model.exists() else job.release(name)
        text = sslvqa(
            *("evaluate", shown, tables["test"], "--pairs-column", "kind", "--gap", 10),
            *("--group-column", "distortion", "--predictions", job.run / name / "predictions.csv"),
            *("--format", "json"),
        )
        results[name] = json.loads(text)
        text = sslvqa("order", shown, job.data / "levels", "--format", "json")
        results[name]["levels"] = json.loads(text)
        file.write_text(json.dumps(results, indent=1))
    return results


def release(job: Job, name: str, result: dict) -> None:
    """Write the model as float16 with its limits and its result on unseen contents."""
    target = job.release(name)
    if (target / "card.toml").exists():
        return
    loaded = load_model(job.run / name / "model")
    part = result["groups"]["all"]
    interval = part["intervals"]["srocc"]
    names = ("srocc", "plcc", "plcc_logistic", "krocc", "rmse")
    unseen = ResultCard(
        dataset="test contents of sources.csv",
        protocol="contents that no stage has seen; without changes of tone; last step, no selection",
        videos=part["videos"],
        contents=part["contents"],
        srocc_interval=None if interval is None else (interval["low"], interval["high"]),
        **{measure: part["measures"][measure] for measure in names},
    )
    training = loaded.card.training
    text = f"{RUNS[name].text}; {MADE}"
    start = f"the released {job.recipe.grown_from}" if job.recipe.grown_from else "ST-VQRL"
    description = text.format(
        labelled=training.labelled, unlabelled=training.unlabelled, size=job.size, start=start
    )
    update = {"description": description, "limits": LIMITS, "results": (*loaded.card.results, unseen)}
    scratch = target.with_name(".release")
    save_model(scratch, loaded.model, loaded.card.model_copy(update=update), dtype="float16")
    store_golden(scratch)
    scratch.rename(target)


if __name__ == "__main__":
    sys.exit(main())
