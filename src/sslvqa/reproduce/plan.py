"""All runs that some tables need: each once, whichever tables share it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sslvqa.errors import SslvqaError
from sslvqa.hub.names import architecture_to_dict, find_architecture
from sslvqa.reproduce.recipe import decisive
from sslvqa.reproduce.starts import RANDOM, file_sha256
from sslvqa.reproduce.store import RunFolder, run_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sslvqa.reproduce.bench import Bench, Draw
    from sslvqa.reproduce.recipe import Recipe
    from sslvqa.reproduce.starts import Starts
    from sslvqa.reproduce.tables import Cell, Table

__all__ = ["Job", "Plan", "RunName", "make_plan"]


@dataclass(frozen=True)
class RunName:
    """What distinguishes the runs of one benchmark and recipe."""

    cell: Cell
    """Without its label: two rows that are learned alike are one."""
    index: int
    """Which draw of the videos, from 0."""

    @classmethod
    def of(cls, cell: Cell, index: int) -> RunName:
        """The run of a cell of a table."""
        return cls(replace(cell, row=replace(cell.row, label=cell.row.method)), index)


@dataclass(frozen=True)
class Job:
    """One run."""

    cell: Cell
    """Of the first table that needs it."""
    index: int
    draw: Draw

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.cell.name}, draw {self.index}"


@dataclass
class Plan:
    """The runs of some tables, and where their results are."""

    bench: Bench
    recipe: Recipe
    starts: Starts
    out: Path
    draws: dict[str, int]
    """Of each table, by its name."""
    jobs: dict[RunName, Job] = field(default_factory=dict)
    """Draw by draw, so that a part of the work gives every row its first results."""
    problems: dict[RunName, str] = field(default_factory=dict)
    """Runs that cannot be had, with the reason."""
    _keys: dict[RunName, str] = field(default_factory=dict)

    def folder(self, job: Job) -> RunFolder | None:
        """Where a run is or will be; None as long as its start is not learned."""
        name = RunName.of(job.cell, job.index)
        if name not in self._keys:
            facts = self.decided_by(job)
            if facts is None:
                return None
            self._keys[name] = run_key(facts)
        return RunFolder(self.out / "runs" / self._keys[name])

    def decided_by(self, job: Job) -> dict[str, object] | None:
        """Everything that decides the result of a run; None as long as its start is not learned."""
        row, draw = job.cell.row, job.draw
        start = self.starts.sha256(row.start)
        if start is None:
            return None
        config = self.recipe.train_config(row, draw, self.starts.init(row.start), self.out, bench=self.bench)
        architecture = (
            architecture_to_dict(find_architecture(config.architecture)) if row.start == RANDOM else None
        )
        manifests = {"labelled": draw.labelled, "unlabelled": draw.unlabelled, "pristine": draw.pristine}
        return {
            "settings": decisive(config),
            "method_file": file_sha256(row.method.rsplit(":", 1)[0]) if ".py:" in row.method else None,
            "architecture": architecture,
            "start": start,
            **({"groups": "all that starts are learned from"} if row.ranks else {}),
            **{name: None if part is None else part.sha256 for name, part in manifests.items()},
        }

    def is_done(self, job: Job) -> bool:
        """Whether all results of a run are there."""
        folder = self.folder(job)
        return folder is not None and folder.is_tested(job.draw.tests)

    def missing(self) -> list[Job]:
        """Runs that are still to be made, in order."""
        return [job for job in self.jobs.values() if not self.is_done(job)]


def make_plan(
    tables: Sequence[Table], *, bench: Bench, recipe: Recipe, starts: Starts, out: Path, draws: int | None
) -> Plan:
    """Plan the runs of some tables.

    Args:
        tables: What is wanted.
        bench: Gives the videos.
        recipe: How all runs are trained.
        starts: What they start from.
        out: Folder of the results.
        draws: Of every table, instead of its own number.
    """
    counts = {table.name: draws or table.draws or bench.draws for table in tables}
    plan = Plan(bench, recipe, starts, out, counts)
    wanted = [
        (index, cell)
        for table in tables
        for cell in table.cells(bench.sizes)
        for index in range(counts[table.name])
    ]
    for index, cell in sorted(wanted, key=lambda item: item[0]):
        name = RunName.of(cell, index)
        if name in plan.jobs or name in plan.problems:
            continue
        reason = starts.why_impossible(cell.row.start)
        try:
            if reason is None:
                plan.jobs[name] = Job(cell, index, bench.draw(cell, index))
        except SslvqaError as error:
            reason = str(error)
        if reason is not None:
            plan.problems[name] = reason
    return plan
