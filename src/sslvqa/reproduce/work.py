"""One run: train its model, test it, keep what came out."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sslvqa import __version__
from sslvqa.data.datasets import probe_videos
from sslvqa.errors import DataError
from sslvqa.reproduce.store import MATHS, RunFolder, read_rows, write_rows
from sslvqa.scoring import Scorer, score_rated
from sslvqa.train import Interrupted, train
from sslvqa.train.checkpoint import drop_checkpoints
from sslvqa.train.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sslvqa.data.manifest import Manifest, ManifestRow
    from sslvqa.reproduce.bench import Draw
    from sslvqa.reproduce.plan import Job, Plan

__all__ = ["Budget", "Readable", "run_job"]


class Budget:
    """How long a session may work.

    Args:
        hours: From now; None for no limit.
        runs: How many runs at most; None for no limit.
    """

    def __init__(self, *, hours: float | None = None, runs: int | None = None) -> None:
        self._ends = math.inf if hours is None else time.monotonic() + 3600 * hours
        self._runs = math.inf if runs is None else runs

    @property
    def minutes(self) -> float | None:
        """What is left, at least a second; None for no limit."""
        left = (self._ends - time.monotonic()) / 60
        return None if math.isinf(left) else max(left, 1 / 60)

    @property
    def is_over(self) -> bool:
        """Whether nothing new is to be begun."""
        return self._runs <= 0 or time.monotonic() > self._ends

    def check(self) -> None:
        """End a piece of work whose time is over.

        Raises:
            Interrupted: It is.
        """
        if time.monotonic() > self._ends:
            raise Interrupted("the time is over; the same command goes on from here")

    def count_run(self) -> None:
        """A run was finished."""
        self._runs -= 1


class Readable:
    """Leaves out videos that do not decode; each is looked at once."""

    def __init__(self) -> None:
        self._problems: dict[object, str | None] = {}

    def __call__(self, part: Manifest) -> Manifest:
        """The videos of a part that can be used."""
        fresh = [row for row in part.rows if row.path not in self._problems]
        self._problems |= {row.path: None for row in fresh}
        self._problems |= {row.path: reason for row, reason in probe_videos(fresh)}
        return part.select(row for row in part.rows if self._problems[row.path] is None)


def run_job(job: Job, plan: Plan, *, budget: Budget, readable: Readable) -> RunFolder:
    """Train and test one run, or what is missing of it.

    Args:
        job: The run; its start is learned.
        plan: It belongs to.
        budget: Of the session.
        readable: Of the session.

    Raises:
        DataError: Labelled videos that cannot be read, or numbers that are not finite.
        Interrupted: The time is over, or the process was asked to stop; what is done is kept.
    """
    folder = plan.folder(job)
    assert folder is not None, "the start is learned before its runs"
    began = time.monotonic()
    record = folder.record() or _describe(job, plan)
    try:
        if not folder.is_trained:
            folder.write_record(record)
            record["left_out"] = _train(job, plan, folder, budget=budget, readable=readable)
        _test(folder, job.draw, budget=budget, recipe_options=dict(plan.recipe.options))
    finally:
        record["seconds"] = round(record["seconds"] + time.monotonic() - began, 1)
        folder.write_record(record)
    return folder


def _describe(job: Job, plan: Plan) -> dict[str, Any]:
    """What a run is, in plain values; no folder of this machine is named."""
    draw, row = job.draw, job.cell.row
    return {
        "schema": 1,
        "bench": plan.bench.name,
        "method": Path(row.method).name,
        "start": row.start,
        "changes": dict(row.changes),
        "protocol": job.cell.protocol,
        "draw": job.index,
        "labelled": len(draw.labelled),
        "unlabelled": 0 if draw.unlabelled is None else len(draw.unlabelled),
        "split_sha256": draw.sha256,
        "decided_by": plan.decided_by(job),
        "versions": {"sslvqa": __version__, "torch": version("torch"), "maths": MATHS},
        "seconds": 0.0,
        "left_out": [],
    }


def _train(job: Job, plan: Plan, folder: RunFolder, *, budget: Budget, readable: Readable) -> list[str]:
    """Train the model; returns the names of videos that were left out."""
    draw, row = job.draw, job.cell.row
    config = plan.recipe.train_config(row, draw, plan.starts.init(row.start), folder.path, bench=plan.bench)
    unlabelled = None if draw.unlabelled is None else readable(draw.unlabelled)
    tables = Tables(
        labelled=readable(draw.labelled),
        calibration=draw.labelled.select(()),
        unlabelled=unlabelled,
        pristine=None if draw.pristine is None else readable(draw.pristine),
        groups=plan.starts.groups() if row.ranks else (),
    )
    if len(set(tables.labelled.scores)) < 2:
        raise DataError(
            f"{draw.labelled.source}: {len(tables.labelled)} of {len(draw.labelled)} labelled videos can be "
            "read, with fewer than two different scores"
        )
    config = replace(config, runtime=replace(config.runtime, stop_minutes=budget.minutes))
    train(config, resume=True, tables=tables)
    drop_checkpoints(folder.path)
    pairs = [
        (draw.labelled, tables.labelled),
        (draw.unlabelled, unlabelled),
        (draw.pristine, tables.pristine),
    ]
    return sorted({name for before, after in pairs for name in _names(before) - _names(after)})


def _names(part: Manifest | None) -> set[str]:
    return set() if part is None else {row.name for row in part.rows}


def _test(folder: RunFolder, draw: Draw, *, budget: Budget, recipe_options: dict[str, object]) -> None:
    """Score every video that has no score yet; each score is kept at once."""
    missing = {name: part for name, part in draw.tests.items() if not folder.test_file(name, part).is_file()}
    if not missing:
        return
    device = str(recipe_options.get("runtime.device") or "auto")
    scorer = Scorer(folder.model, device=device, backend="torch")  # the same numbers whatever is installed
    for name, part in missing.items():
        file = folder.test_file(name, part)
        file.parent.mkdir(exist_ok=True)
        scratch = file.with_suffix(".part")
        known = _known(scratch)
        rows = [row for row in part.rows if row.name not in known and row.score is not None]
        write_rows(scratch, _scored(rows, scorer=scorer, budget=budget), header=not scratch.is_file())
        scratch.replace(file)


def _known(scratch: Path) -> set[str]:
    """Videos that an interrupted test has finished; a last line without an end is cut off.

    Without a whole line, as when it was killed before the first, the file goes.
    """
    if not scratch.is_file():
        return set()
    text = scratch.read_text("utf-8")
    whole = text[: text.rfind("\n") + 1]
    if not whole:
        scratch.unlink()
        return set()
    scratch.write_text(whole, "utf-8")
    return {row["video"] for row in read_rows(scratch)}


def _scored(rows: list[ManifestRow], *, scorer: Scorer, budget: Budget) -> Iterator[dict[str, object]]:
    items = [(row.path, row.content, row.score or 0.0, "") for row in rows]
    raw = {str(row.path): row.geometry for row in rows if row.geometry is not None}
    for row, item in zip(rows, score_rated(items, scorer=scorer, geometries=raw), strict=True):
        score, error = ("", item.error) if item.result is None else (repr(item.result.score), "")
        yield {
            "video": row.name,
            "content": row.content,
            "label": repr(row.score),
            "score": score,
            "error": error,
        }
        budget.check()
