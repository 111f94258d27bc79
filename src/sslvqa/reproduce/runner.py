"""Make what is missing of some tables, within a session's time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sslvqa.errors import SslvqaError
from sslvqa.reproduce.work import Readable, run_job
from sslvqa.reproduce.write import write_table
from sslvqa.train import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sslvqa.reproduce.plan import Job, Plan
    from sslvqa.reproduce.tables import Table
    from sslvqa.reproduce.work import Budget

__all__ = ["Outcome", "make_missing", "progress", "reproduce"]


@dataclass
class Outcome:
    """What a session did."""

    made: int = 0
    """Runs finished now."""
    failed: dict[str, str] = field(default_factory=dict)
    """Runs and starts that could not be made, with the reason."""
    files: list[Path] = field(default_factory=list)
    """The tables."""
    stopped: Interrupted | None = None
    """Why the session ended before its work, if it did."""
    is_whole: bool = False
    """Whether the tables have all that they are to have."""


def reproduce(
    tables: Sequence[Table], plan: Plan, *, budget: Budget, tell: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Make what is missing of a plan, then write its tables as far as they are.

    Args:
        tables: Those that the plan was made for.
        plan: What is wanted.
        budget: Of the session.
        tell: Takes lines about the progress, and what is missing and why.
    """
    outcome = Outcome()
    try:
        make_missing(plan, outcome, budget=budget, tell=tell)
    except Interrupted as stop:
        outcome.stopped = stop
        tell(f"{stop}; {progress(plan)}")
    outcome.files = [file for table in tables for file in write_table(table, plan)]
    absent = {name: reason for table in tables for name, reason in plan.bench.absent(table).items()}
    for name, reason in absent.items():
        tell(f"absent: {name}: {reason}")
    for reason, count in Counter(plan.problems.values()).items():
        tell(f"{count} runs cannot be made: {reason}")
    outcome.is_whole = not (outcome.failed or absent or plan.problems or plan.missing())
    return outcome


def make_missing(plan: Plan, outcome: Outcome, *, budget: Budget, tell: Callable[[str], None]) -> None:
    """Make the runs of a plan that are missing, until all are there or the budget is spent.

    A run that fails does not end the others.

    Args:
        plan: What is wanted.
        outcome: Told what is made and what fails.
        budget: Of the session.
        tell: Takes lines about the progress.

    Raises:
        Interrupted: The time is over, or the process was asked to stop; the same call goes on from there.
    """
    readable = Readable()
    for job in plan.missing():
        if budget.is_over:
            break
        if job.cell.row.start in outcome.failed:
            continue
        tell(f"{progress(plan)}; next: {job.name}")
        try:
            _learn_start(job, plan, budget, tell)
            run_job(job, plan, budget=budget, readable=readable)
        except SslvqaError as error:
            name = job.name if plan.starts.sha256(job.cell.row.start) is not None else job.cell.row.start
            outcome.failed[name] = str(error)
            tell(f"{name} failed: {error}")
        else:
            outcome.made += 1
            budget.count_run()
    tell(progress(plan))


def progress(plan: Plan) -> str:
    """How many runs there are and how long the rest may take, from the time that finished ones took."""
    done = [job for job in plan.jobs.values() if plan.is_done(job)]
    left = len(plan.jobs) - len(done)
    times = [seconds for job in done if (seconds := _seconds(plan, job))]
    text = f"{len(done)} of {len(plan.jobs)} runs done"
    if left and times:
        text += f", about {sum(times) / len(times) * left / 3600:.1f} h left"
    return text


def _seconds(plan: Plan, job: Job) -> float:
    folder = plan.folder(job)
    return 0.0 if folder is None else float(folder.record().get("seconds", 0.0))


def _learn_start(job: Job, plan: Plan, budget: Budget, tell: Callable[[str], None]) -> None:
    start = job.cell.row.start
    if plan.starts.sha256(start) is None:
        tell(f"learning the start '{start}' first")
        plan.starts.learn(start, stop_minutes=budget.minutes)
        budget.check()
