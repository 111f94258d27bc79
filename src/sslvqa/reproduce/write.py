"""A table as files: numbers as CSV, a page as Markdown, a figure as SVG."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING

from sslvqa.errors import MissingExtraError
from sslvqa.evaluate import MEASURES
from sslvqa.reproduce.figures import draw_figure
from sslvqa.reproduce.page import markdown
from sslvqa.reproduce.published import published_value
from sslvqa.reproduce.results import table_results

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sslvqa.reproduce.plan import Plan
    from sslvqa.reproduce.results import CellResult
    from sslvqa.reproduce.tables import Table

__all__ = ["write_table"]


def write_table(table: Table, plan: Plan) -> list[Path]:
    """Write what there is of a table, beside the paper's numbers.

    ``NAME.BENCH.csv`` has a line for each row, amount, database and measure, ``NAME.BENCH.runs.csv`` one for
    each run and database, ``NAME.BENCH.md`` is for reading; ``NAME.BENCH.svg`` needs the extra ``[report]``.

    Returns:
        The files.
    """
    results = table_results(table, plan)
    stem = plan.out / f"{table.name}.{plan.bench.slug}"
    files = [stem.with_name(f"{stem.name}.{ending}") for ending in ("csv", "runs.csv", "md")]
    plan.out.mkdir(parents=True, exist_ok=True)
    _write_csv(files[0], _summary_rows(table, results))
    _write_csv(files[1], _run_rows(results))
    figure = stem.with_name(f"{stem.name}.svg")
    try:
        drawn = draw_figure(table, results, figure, main=plan.bench.sizes.main)
    except MissingExtraError:
        drawn = False
    files[2].write_text(markdown(table, plan, results, figure=figure.name if drawn else None), "utf-8")
    return [*files, figure] if drawn else files


def _summary_rows(table: Table, results: Iterable[CellResult]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for item in results:
        for measure in ("srocc", "plcc"):
            values, interval = item.values(measure), item.intervals[measure]
            rows.append(
                {
                    "table": table.name,
                    "row": item.cell.row.label,
                    "method": Path(item.cell.row.method).name,
                    "start": item.cell.row.start,
                    "labels": "all" if item.cell.amounts.labels is None else item.cell.amounts.labels,
                    "unlabelled": "rest"
                    if item.cell.amounts.unlabelled is None
                    else item.cell.amounts.unlabelled,
                    "database": item.database,
                    "measure": measure,
                    "draws": len(item.draws),
                    "planned": item.planned,
                    "median": _plain(item.median(measure)),
                    "low": "" if interval is None else _plain(interval.low),
                    "high": "" if interval is None else _plain(interval.high),
                    "values": " ".join(str(_plain(value)) for value in values),
                    "published_database": item.beside,
                    "published": published_value(table.number, item.cell.row.label, item.beside, measure)
                    or "",
                }
            )
    return rows


def _run_rows(results: Iterable[CellResult]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for item in results:
        for draw in item.draws:
            record, measures = draw.folder.record(), draw.all_measures()
            rows.append(
                {
                    "row": item.cell.row.label,
                    "database": item.database,
                    "draw": draw.job.index,
                    **{
                        key: record.get(key) for key in ("bench", "method", "start", "labelled", "unlabelled")
                    },
                    "videos": len(draw.predictions.videos),
                    "contents": len(set(draw.predictions.contents)),
                    "failed": len(draw.predictions.failed),
                    **{name: _plain(measures[name]) for name in MEASURES},
                    "key": draw.folder.path.name,
                    "split_sha256": draw.job.draw.sha256,
                    "start_sha256": record["decided_by"]["start"],
                    "version": record["versions"]["sslvqa"],
                    "maths": record["versions"]["maths"],
                    "seconds": record["seconds"],
                }
            )
    return rows


def _write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["row"])
        writer.writeheader()
        writer.writerows(rows)


def _plain(value: float) -> float | str:
    return "" if math.isnan(value) else round(value, 6)
