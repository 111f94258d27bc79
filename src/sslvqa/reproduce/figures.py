"""Tables as pictures: a dot with its interval for each row, lines for the amounts of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from sslvqa.errors import MissingExtraError
from sslvqa.reproduce.published import published_value

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sslvqa.reproduce.results import CellResult
    from sslvqa.reproduce.tables import Amounts, Table

__all__ = ["draw_figure"]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Told apart by colour-blind people (Okabe and Ito)."""
_PAPER = "#d55e00"
_MARKERS = "osD^v"
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sslvqa",
    "text.parse_math": False,
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_figure(table: Table, results: Sequence[CellResult], path: Path, *, main: Amounts) -> bool:
    """Draw a table into an SVG file; the same results give the same bytes.

    Args:
        table: Which one.
        results: Of its cells.
        path: The file; its ending says the format.
        main: Amounts that stay while the other one varies.

    Returns:
        Whether there was anything to draw.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    finished = [item for item in results if item.draws]
    if table.significance or not finished:
        return False
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure as NewFigure
    except ImportError as error:
        raise MissingExtraError("figures need matplotlib; run: pip install 'sslvqa[report]'") from error
    with rc_context(_SETTINGS):
        figure = NewFigure(layout="constrained")
        if table.sweep:
            _draw_sweep(figure, table, finished, main)
        else:
            _draw_rows(figure, table, finished)
        figure.savefig(
            path, format=path.suffix[1:], metadata={"Date": None} if path.suffix == ".svg" else None
        )
    return True


def _draw_rows(figure: Figure, table: Table, results: Sequence[CellResult]) -> None:
    """A panel for each database, a line for each row."""
    databases = list(dict.fromkeys(item.database for item in results))
    labels = [row.label for row in table.rows if any(item.cell.row == row for item in results)]
    figure.set_size_inches(2.2 + 2.6 * len(databases), 1.2 + 0.32 * len(labels))
    panels: Any = figure.subplots(1, len(databases), sharey=True, squeeze=False)[0]
    for axes, database in zip(panels, databases, strict=True):
        for item in results:
            if item.database == database:
                _draw_row(axes, labels.index(item.cell.row.label), item, table)
        axes.set(xlabel="SROCC", title=database)
        axes.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(labels)), labels)
    panels[0].set_ylim(len(labels) - 0.5, -0.5)
    _legend(figure, panels[0], columns=2 * min(len(databases), 2))


def _draw_row(axes: Axes, place: int, item: CellResult, table: Table) -> None:
    values, interval = item.values("srocc"), item.intervals["srocc"]
    if interval is not None:
        ends = [interval.low, interval.high]
        axes.plot(ends, [place, place], color=_COLOURS[0], alpha=0.4, linewidth=4, label="95 % over contents")
    axes.plot(values, np.full(len(values), place), "|", color=_COLOURS[0], markersize=9, label="draws")
    axes.plot([item.median("srocc")], [place], "o", color=_COLOURS[0], label="ours: median")
    paper = published_value(table.number, item.cell.row.label, item.beside, "srocc")
    if paper is not None:
        name = "published" if item.beside == item.database else f"published, {item.beside}"
        axes.plot([paper], [place], "D", markerfacecolor="none", color=_PAPER, label=name)


def _draw_sweep(figure: Figure, table: Table, results: Sequence[CellResult], main: Amounts) -> None:
    """A row of panels for each database: over labels, and over videos without labels."""
    databases = list(dict.fromkeys(item.database for item in results))
    figure.set_size_inches(7.2, 0.6 + 2.6 * len(databases))
    panels: Any = figure.subplots(len(databases), 2, squeeze=False, sharey="row")
    for (left, right), database in zip(panels, databases, strict=True):
        mine = [item for item in results if item.database == database]
        for row, colour, marker in zip(table.rows, cycle(_COLOURS), cycle(_MARKERS)):
            amounts = {item.cell.amounts: item for item in mine if item.cell.row == row}
            by_labels = {
                one.labels: item for one, item in amounts.items() if one.unlabelled in {0, main.unlabelled}
            }
            by_others = {one.unlabelled: item for one, item in amounts.items() if one.labels == main.labels}
            style = {"label": row.label, "color": colour, "marker": marker}
            _draw_line(left, by_labels, style)
            _draw_line(right, by_others if row.uses_unlabelled else {}, style)
        left.set(xlabel="labelled videos", ylabel=f"SROCC, {database}", xscale="log")
        right.set(xlabel="videos without labels")
        for axes, place in ((left, 0), (right, 1)):
            counts = sorted({count for item in mine if (count := item.cell.amounts[place])})
            axes.set_xticks(counts, [str(count) for count in counts])
            axes.minorticks_off()
        for axes in (left, right):
            axes.grid(alpha=0.3)
    _legend(figure, panels[0][0], columns=4)


def _draw_line(axes: Axes, points: Mapping[int | None, CellResult], style: Mapping[str, Any]) -> None:
    """Medians, with a band from the worst to the best draw."""
    places = sorted(place for place in points if place is not None)
    if not places:
        return
    values = [points[place].values("srocc") for place in places]
    low, high = [float(v.min()) for v in values], [float(v.max()) for v in values]
    axes.fill_between(places, low, high, color=style["color"], alpha=0.15, linewidth=0)
    axes.plot(places, [float(np.median(v)) for v in values], markersize=4, **style)


def _legend(figure: Figure, axes: Axes, *, columns: int) -> None:
    """One legend of all that is drawn, each name once."""
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=columns, frameon=False)
