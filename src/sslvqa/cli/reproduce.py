"""``sslvqa reproduce``: the paper's tables made anew."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sslvqa.cli.options import TrainDevice, TrainPrecision, TrainThreads, Workers
from sslvqa.cli.output import note
from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from sslvqa.reproduce import Bench, Plan

__all__ = ["reproduce"]

_OPEN_STEPS = 25
_OPEN_PRETRAIN_STEPS = 1000


def reproduce(
    tables: Annotated[
        list[str],
        typer.Argument(
            help="table1, table2, table3, table4, table5, table7, figure3, significance, or all.",
            metavar="TABLE...",
        ),
    ],
    *,
    out: Annotated[
        Path, typer.Option(help="Folder of runs and tables; what is finished there is not made again.")
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(help="Folder with the databases in folders by name, or NAME=FOLDER; may be repeated."),
    ] = None,
    open_: Annotated[
        Path | None,
        typer.Option(
            "--open", help="Use the open benchmark instead: a folder made by sslvqa data open-bench."
        ),
    ] = None,
    architecture: Annotated[
        str | None, typer.Option(help="nano, mobile or swin_t.", show_default="swin_t; with --open nano")
    ] = None,
    preset: Annotated[
        Literal["paper", "released", "nano_cpu"] | None,
        typer.Option(help="Recipe of all runs.", show_default="paper; with --open nano_cpu"),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML settings of sslvqa train over the preset.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Training steps of every run.", show_default="epochs; with --open 25", min=1),
    ] = None,
    pretrain_steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of each start that is learned.", show_default="epochs; with --open 1000", min=1
        ),
    ] = None,
    start: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=FOLDER of a pretrain run, or NAME=MODEL; NAME: statistical, cosine, kinetics."
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="FILE.py:CLASS, a method of one's own as a row more; see the docs."),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(help="Draws of the labelled videos, 3 or more to say anything.", show_default="3"),
    ] = None,
    labels: Annotated[
        int | None, typer.Option(help="Labelled videos of a run.", show_default="500; with --open 50")
    ] = None,
    unlabelled: Annotated[
        int | None, typer.Option(help="Videos without labels of a run.", show_default="1500; with --open 600")
    ] = None,
    labels_sweep: Annotated[
        str | None, typer.Option(help="Numbers of labels of figure3, with commas.")
    ] = None,
    unlabelled_sweep: Annotated[
        str | None, typer.Option(help="Numbers of videos without labels of figure3, with commas.")
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Stop after so many hours; run again to go on.")] = None,
    max_runs: Annotated[
        int | None, typer.Option(help="Make so many runs at most; 0 only writes tables.")
    ] = None,
    plan_only: Annotated[bool, typer.Option("--plan", help="Only list what is to be made.")] = False,
    device: TrainDevice = None,
    workers: Workers = None,
    threads: TrainThreads = None,
    precision: TrainPrecision = None,
) -> None:
    """Train and test what the tables need, then write them as CSV, Markdown and SVG; print the files.

    Exit code 0: the tables are whole; 1: something is left or missing (they say what); 2: wrong use.
    """
    import logging

    from sslvqa.reproduce import Budget, Recipe, Starts, find_tables, make_plan
    from sslvqa.reproduce import reproduce as run

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    wanted = tuple(table.with_methods(method or []) for table in find_tables(tables))
    is_open = open_ is not None
    sizes = {
        "main_labels": labels,
        "main_unlabelled": unlabelled,
        "labels": _numbers(labels_sweep, "--labels-sweep"),
        "unlabelled": _numbers(unlabelled_sweep, "--unlabelled-sweep"),
    }
    bench = _open_bench(data, open_, sizes)
    wanted = tuple(table for table in wanted if bench.databases(table))
    if not wanted:
        raise ConfigError(
            f"the {bench.name} has no {', '.join(tables)}: it is one set, without others to split"
        )
    runtime = {"device": device, "workers": workers, "threads": threads, "precision": precision}
    recipe = Recipe(
        architecture=architecture or ("nano" if is_open else "swin_t"),
        preset=preset or ("nano_cpu" if is_open else "paper"),
        steps=steps or (_OPEN_STEPS if is_open else None),
        pretrain_steps=pretrain_steps or (_OPEN_PRETRAIN_STEPS if is_open else None),
        file=config,
        options=tuple((f"runtime.{name}", value) for name, value in runtime.items() if value is not None),
    )
    given = dict(_split_pair(item, "--start") for item in start or [])
    starts = Starts(out / "starts" / bench.slug, bench=bench, recipe=recipe, given=given)
    plan = make_plan(wanted, bench=bench, recipe=recipe, starts=starts, out=out, draws=draws)
    if plan_only:
        _print_plan(plan)
        return
    outcome = run(wanted, plan, budget=Budget(hours=hours, runs=max_runs), tell=note)
    sys.stdout.write("".join(f"{file}\n" for file in outcome.files))
    raise typer.Exit(0 if outcome.is_whole else 1)


def _open_bench(data: list[str] | None, folder: Path | None, sizes: dict[str, Any]) -> Bench:
    """The benchmark that is asked for; a real one is never replaced by the open one unasked."""
    from sslvqa.reproduce import DatabaseFolders, OpenBench, PaperBench
    from sslvqa.reproduce.open_bench import OPEN_SIZES
    from sslvqa.reproduce.paper_bench import PAPER_SIZES

    if (data is None) == (folder is None):
        raise ConfigError("give either --data with the paper's databases or --open with an open benchmark")
    if folder is not None:
        return OpenBench(folder, sizes=OPEN_SIZES.changed(**sizes))
    named = {
        name: Path(place)
        for name, place in (_split_pair(item, "--data") for item in data or [] if "=" in item)
    }
    roots = [Path(item) for item in data or [] if "=" not in item]
    return PaperBench(DatabaseFolders(roots, named), sizes=PAPER_SIZES.changed(**sizes))


def _split_pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ConfigError(f"{option} is '{text}'; expected NAME=FOLDER")
    return name, value


def _numbers(text: str | None, option: str) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(item) for item in text.split(","))
    except ValueError:
        raise ConfigError(
            f"{option} is '{text}'; expected whole numbers with commas, e.g. 25,50,100"
        ) from None


def _print_plan(plan: Plan) -> None:
    """A line for each run: done or not, and what it is."""
    from sslvqa.reproduce import progress

    for job in plan.jobs.values():
        folder = plan.folder(job)
        state = "done" if plan.is_done(job) else "missing"
        sys.stdout.write(f"{state}\t{'-' if folder is None else folder.path.name}\t{job.name}\n")
    for name, reason in plan.problems.items():
        sys.stdout.write(f"impossible\t-\t{name.cell.name}, draw {name.index}: {reason}\n")
    note(progress(plan))
