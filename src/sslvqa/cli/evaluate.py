"""``sslvqa evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sslvqa.cli.checks import check_folder
from sslvqa.cli.options import (
    Clips,
    Coverage,
    Device,
    Draws,
    PathColumn,
    Predictions,
    Resamples,
    Root,
    ScoreColumn,
    Seed,
    TableOrJson,
)
from sslvqa.cli.output import as_table, note, print_json, print_table, track
from sslvqa.errors import ConfigError, DataError

if TYPE_CHECKING:
    from sslvqa.data.manifest import Manifest
    from sslvqa.evaluate import Evaluation
    from sslvqa.scoring import RatedScore, Scorer

__all__ = ["check_options", "evaluate", "evaluation_cells"]


def evaluate(
    model: Annotated[str, typer.Argument(help="Shipped name, default, or model directory.")],
    ratings: Annotated[
        Path, typer.Argument(help="Table with the columns path and score (a label, higher = better).")
    ],
    *,
    root: Root = None,
    path_column: PathColumn = None,
    score_column: ScoreColumn = None,
    group_column: Annotated[
        str | None, typer.Option(help="Also report each value of this column apart.", show_default="off")
    ] = None,
    pairs_column: Annotated[
        str | None,
        typer.Option(help="Also report the order of pairs that share this column.", show_default="off"),
    ] = None,
    gap: Annotated[float, typer.Option(help="Smallest label difference of such a pair, label units.")] = 0.0,
    predictions: Predictions = None,
    coverage: Coverage = 0.95,
    resamples: Resamples = 1000,
    clips: Clips = None,
    draws: Draws = None,
    seed: Seed = None,
    device: Device = "auto",
    format_: TableOrJson = None,
) -> None:
    """Score a rated set and compare: SROCC, PLCC (raw and after a 4-parameter logistic fit), KROCC, RMSE.

    Intervals resample contents. Exit code 0: all scored; 1: some failed and are left out; 2: wrong use.
    """
    from sslvqa.data.manifest import read_manifest
    from sslvqa.scoring import Scorer, score_rated, write_predictions

    check_options(coverage, predictions)
    manifest = read_manifest(ratings, root=root, path_column=path_column, score_column=score_column)
    groups, pairs = (_column(manifest, name) for name in (group_column, pairs_column))
    scorer = Scorer(model, clips=clips, draws=draws, seed=seed, device=device)
    rows = [
        (str(row.path), row.content, row.score, groups.get(row.name, ""))
        for row in manifest.rows
        if row.score is not None
    ]
    if not rows:
        raise DataError(f"{ratings} has no labelled video; fill its score column to evaluate on it")
    raw = {str(row.path): row.geometry for row in manifest.rows if row.geometry is not None}
    rated = list(track(score_rated(rows, scorer=scorer, geometries=raw), total=len(rows)))
    if predictions is not None:
        write_predictions(predictions, rated)
    by_path = {str(row.path): pairs.get(row.name, "") for row in manifest.rows} if pairs_column else None
    settings = {"gap": gap, "coverage": coverage, "resamples": resamples}
    parts = {"all": _compare(rated, by_path, settings)}
    for group in sorted({item.group for item in rated}) if group_column else ():
        parts[group] = _compare([item for item in rated if item.group == group], by_path, settings)
    _report(scorer, manifest, rated, parts, tabular=as_table(format_))
    for item in rated:
        if item.error is not None:
            note(f"{item.path}: {item.error}")
    if any(item.error is not None for item in rated):
        raise typer.Exit(1)


def check_options(coverage: float, predictions: Path | None) -> None:
    """Refuse before the long work what would fail after it."""
    if not 0 < coverage < 1:
        raise ConfigError(f"--coverage is {coverage}; it must lie between 0 and 1, e.g. 0.95")
    if predictions is not None:
        check_folder("--predictions", predictions)


def _compare(rated: list[RatedScore], pairs: dict[str, str] | None, settings: dict[str, Any]) -> Evaluation:
    from sslvqa.evaluate import evaluate_predictions

    scored = [item for item in rated if item.result is not None]
    return evaluate_predictions(
        [item.result.score for item in scored if item.result is not None],
        [item.label for item in scored],
        contents=[item.content for item in scored],
        groups=None if pairs is None else [pairs[item.path] for item in scored],
        **settings,
    )


def _column(manifest: Manifest, column: str | None) -> dict[str, str]:
    """Return the value of one column for every video name; any column of the table will do."""
    from sslvqa.data.cells import read_cells, select_lines

    if column is None:
        return {}
    if column in {"content", "split", "scene"}:
        return {row.name: getattr(row, column) or "" for row in manifest.rows}
    lines = read_cells(manifest.source, expected=f"the column {column}")
    header, table = lines[0][1], select_lines(manifest.source, lines, {})
    names = [name.lower() for name in header]
    if len(table) != len(manifest.rows) or column.lower() not in names:
        raise ConfigError(f"{manifest.source} has no column {column!r}; it has {', '.join(header)}")
    at = names.index(column.lower())
    return {row.name: cells[at] for row, (_, cells) in zip(manifest.rows, table, strict=True)}


def _report(
    scorer: Scorer,
    manifest: Manifest,
    rated: list[RatedScore],
    parts: dict[str, Evaluation],
    *,
    tabular: bool,
) -> None:
    from sslvqa.evaluate import MEASURES
    from sslvqa.scoring import interval_coverage

    held = interval_coverage(rated)
    failed = [{"path": item.path, "error": item.error} for item in rated if item.error is not None]
    if tabular:
        columns = ("videos", "n", "contents", *MEASURES, *(["pairs"] if parts["all"].order else []))
        print_table(columns, [evaluation_cells(name, part) for name, part in parts.items()])
        note(f"model {scorer.card.name}, score: {scorer.scale}")
        note("the logistic fit is made on these very videos; pairs = share of pairs in the right order")
        if held is not None and scorer.interval is not None:
            note(f"labels inside the {scorer.interval.coverage:.0%} interval of their score: {held:.1%}")
        return
    print_json(
        {
            "schema": 1,
            "model": scorer.card.name,
            "weights_sha256": scorer.card.weights_sha256,
            "scale": scorer.scale,
            "ratings": str(manifest.source),
            "ratings_sha256": manifest.sha256,
            "groups": {name: part.to_dict() for name, part in parts.items()},
            "interval_coverage": held,
            "failed": failed,
        }
    )


def evaluation_cells(name: str, part: Evaluation) -> list[str]:
    """Cells of one line of a table: a name, counts, every measure with its interval."""
    from sslvqa.evaluate import MEASURES

    cells = [name, str(part.videos), str(part.contents)]
    for measure in MEASURES:
        found, interval = part.measures[measure], part.intervals.get(measure)
        text = "–" if found.undefined else f"{found.value:.3f}"
        cells.append(text if interval is None else f"{text} [{interval.low:.3f}, {interval.high:.3f}]")
    if part.order is not None:
        cells.append(f"{part.order.accuracy:.3f} of {part.order.pairs}")
    return cells
