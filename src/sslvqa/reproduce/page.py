"""A table as a page of Markdown: ours beside the paper's, and why what is missing is missing."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from sslvqa.errors import DataError
from sslvqa.reproduce.compare import compare_rows, content_differences
from sslvqa.reproduce.plan import RunName
from sslvqa.reproduce.published import published_methods, published_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sslvqa.reproduce.plan import Plan
    from sslvqa.reproduce.results import CellResult
    from sslvqa.reproduce.tables import Table

__all__ = ["markdown"]

_FIFTHS_TEST_SHARE = 0.5  # as many videos are tested on as are labelled
_OURS = "SSL-VQA"


def markdown(table: Table, plan: Plan, results: Sequence[CellResult], *, figure: str | None) -> str:
    """The page of a table."""
    parts = [f"# {table.title}", _about(table, plan)]
    if table.significance:
        parts += _significance(results)
    else:
        parts += [_grid(table, results, measure) for measure in table.measures]
        parts.append(_reading(results))
    if figure is not None:
        parts.append(f"![{table.title}]({figure})")
    parts += _absences(table, plan)
    return "\n\n".join(part for part in parts if part) + "\n"


def _about(table: Table, plan: Plan) -> str:
    recipe, bench = plan.recipe, plan.bench
    steps = f"{recipe.steps} steps" if recipe.steps else "the preset's epochs"
    draws = plan.draws[table.name]
    few = " Fewer than 3 draws say little." if draws < 3 else ""
    return (
        f"Benchmark: **{bench.name}**; labels: {bench.label} ({bench.label_kind}). Architecture "
        f"`{recipe.architecture}`, preset `{recipe.preset}`, {steps}, {draws} draws.{few}"
    )


def _grid(table: Table, results: Sequence[CellResult], measure: str) -> str:
    """Rows against databases, ours and published side by side."""
    databases = dict.fromkeys((item.database, item.beside) for item in results)
    head = [f"{measure.upper()}"]
    for database, beside in databases:
        head += [f"{database}: ours", "published" if beside == database else f"published, {beside}"]
    lines = [_line(head), _line(["---"] * len(head))]
    by_row: dict[str, dict[str, CellResult]] = {}
    for item in results:
        by_row.setdefault(_row_name(item, table), {})[item.database] = item
    for name, found in by_row.items():
        cells = [name]
        for database, beside in databases:
            paper = published_value(table.number, name, beside, measure)
            cells += [_ours(found.get(database), measure), _number(paper)]
        lines.append(_line(cells))
    known = {item.cell.row.label for item in results}
    for method in published_methods(table.number):
        if method not in known:
            values = [published_value(table.number, method, beside, measure) for _, beside in databases]
            lines.append(_line([method, *(cell for value in values for cell in ("", _number(value)))]))
    return "\n".join(lines)


def _row_name(item: CellResult, table: Table) -> str:
    return item.cell.name if table.sweep else item.cell.row.label


def _ours(item: CellResult | None, measure: str) -> str:
    if item is None or not item.draws:
        return "–"
    interval = item.intervals[measure]
    text = _number(item.median(measure))
    if interval is not None:
        text += f" [{interval.low:.3f}, {interval.high:.3f}]"
    return text if len(item.draws) == item.planned else f"{text} ({len(item.draws)} of {item.planned} draws)"


def _reading(results: Sequence[CellResult]) -> str:
    if not any(item.draws for item in results):
        return "No run has been made yet: only the published numbers are here."
    failed = sum(len(draw.predictions.failed) for item in results for draw in item.draws)
    text = (
        "Ours: median over the draws; in brackets the 95 % interval of that median when the test contents "
        "are resampled. It does not hold the scatter of the draws, which the CSV has. PLCC is raw, without a "
        "logistic fit."
    )
    return text + (f" {failed} tests of single videos failed and are left out." if failed else "")


def _significance(results: Sequence[CellResult]) -> list[str]:
    parts = []
    for database in dict.fromkeys(item.database for item in results):
        mine = [item for item in results if item.database == database]
        parts.append(f"## {database}")
        share = _FIFTHS_TEST_SHARE if any(item.cell.protocol == "target" for item in mine) else None
        try:
            tables = compare_rows(mine, test_share=share)
        except DataError as error:
            parts.append(str(error))
            continue
        for name, found in tables.items():
            parts += [f"### {name[0].upper()}{name[1:]}", found.to_markdown().strip()]
        parts.append("1: the row is better than the column, 0: worse, -: they cannot be told apart.")
        parts.append(_differences(mine))
    return parts


def _differences(results: Sequence[CellResult]) -> str:
    lines = [_line([f"SROCC of {_OURS} less that of", "difference", "95 % interval over contents"])]
    lines.append(_line(["---"] * 3))
    for item in content_differences(results, first=_OURS):
        interval = "–" if item.interval is None else f"[{item.interval.low:+.3f}, {item.interval.high:+.3f}]"
        lines.append(_line([item.second, f"{item.value:+.3f}", interval]))
    return "\n".join(lines) if len(lines) > 2 else ""


def _absences(table: Table, plan: Plan) -> list[str]:
    """What is not there and why, each reason once."""
    absent = [f"- {name}: {reason}" for name, reason in plan.bench.absent(table).items()]
    mine = {RunName.of(cell, 0).cell for cell in table.cells(plan.bench.sizes)}
    reasons = Counter(reason for name, reason in plan.problems.items() if name.cell in mine)
    runs = [f"- {count} runs: {reason}" for reason, count in reasons.items()]
    parts = []
    if absent:
        parts += ["## Databases that are not here", "\n".join(absent)]
    if runs:
        parts += ["## Runs that cannot be made", "\n".join(runs)]
    return parts


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"
