"""``sslvqa peers``."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sslvqa.cli.checks import require_extra
from sslvqa.cli.evaluate import check_options, evaluation_cells
from sslvqa.cli.options import (
    Coverage,
    PathColumn,
    Predictions,
    Resamples,
    Root,
    ScoreColumn,
    TableOrJson,
)
from sslvqa.cli.output import as_table, note, print_json, print_table, track
from sslvqa.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sslvqa.data.manifest import Manifest, ManifestRow
    from sslvqa.peers import Measured, Peer

__all__ = ["peers"]

Rated = tuple["ManifestRow", "Measured"]


def peers(
    method: Annotated[
        Literal["brisque", "niqe", "stem", "tpqi"], typer.Argument(help="The method of others.")
    ],
    ratings: Annotated[Path, typer.Argument(help="Table of rated videos to test on, as for evaluate.")],
    *,
    train: Annotated[
        Path | None,
        typer.Option(
            help="What it learns from: rated videos (brisque), a table or folder of pristine ones (niqe, "
            "stem), nothing (tpqi)."
        ),
    ] = None,
    root: Root = None,
    path_column: PathColumn = None,
    score_column: ScoreColumn = None,
    per_second: Annotated[
        float | None,
        typer.Option(
            help="Frames looked at for a second of video (brisque, niqe; default: 1); "
            "stem and tpqi look at consecutive ones."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    predictions: Predictions = None,
    coverage: Coverage = 0.95,
    resamples: Resamples = 1000,
    format_: TableOrJson = None,
) -> None:
    """Train and test a method of others on your videos: what a model has to beat.

    Exit code 0: all were read; 1: some were not and are left out; 2: wrong use.
    """
    from sslvqa.data.manifest import read_manifest
    from sslvqa.evaluate import MEASURES, evaluate_predictions
    from sslvqa.peers import PEERS, choose_frames

    check_options(coverage, predictions)
    peer = PEERS[method]()
    if peer.learns_from == "labels":  # by support vector regression
        require_extra("peers", f"peers {method}")
    read = partial(read_manifest, root=root, path_column=path_column, score_column=score_column)
    looks_at = choose_frames(peer, per_second)
    learned, tested = _lessons(method, peer, train, read), read(ratings)
    known = {row.path.resolve() for row in learned.rows} if learned is not None else set()
    if any(row.path.resolve() in known for row in tested.rows):
        raise DataError(f"{train} and {ratings} share videos; test on others than it learns from")
    measure = partial(_measure, peer=peer, per_second=per_second, workers=workers)
    first = measure(learned, labelled=peer.learns_from == "labels") if learned is not None else []
    rated = measure(tested, labelled=True)
    usable = [(row, found.value) for row, found in first if found.error is None]
    peer.fit(
        [value for _, value in usable],
        [row.score or 0.0 for row, _ in usable],
        [row.content for row, _ in usable],
    )
    good = [(row, found.value) for row, found in rated if found.error is None]
    scores = peer.predict([value for _, value in good]).tolist()
    if predictions is not None:
        _write(predictions, [row for row, _ in good], scores)
    result = evaluate_predictions(
        scores,
        [row.score or 0.0 for row, _ in good],
        contents=[row.content for row, _ in good],
        coverage=coverage,
        resamples=resamples,
    )
    failed = [{"path": str(row.path), "error": found.error} for row, found in (*first, *rated) if found.error]
    if as_table(format_):
        print_table(("method", "n", "contents", *MEASURES), [evaluation_cells(method, result)])
        note("the logistic fit is made on these very videos")
    else:
        sources = {
            "ratings_sha256": tested.sha256,
            "train_sha256": learned.sha256 if learned is not None else None,
        }
        settings = {"method": method, "train_videos": len(usable), **looks_at._asdict()}
        print_json({"schema": 1, **settings, **sources, "result": result.to_dict(), "failed": failed})
    for item in failed:
        note(f"{item['path']}: {item['error']}")
    if failed:
        raise typer.Exit(1)


def _lessons(
    method: str, peer: Peer, train: Path | None, read: Callable[[Path], Manifest]
) -> Manifest | None:
    """Videos to learn from; None for a method that learns from nothing."""
    from sslvqa.data.manifest import scan_videos

    if peer.learns_from == "nothing":
        if train is not None:
            note(f"{method} learns from nothing; {train} is not read")
        return None
    if train is None:
        wanted = "a table of rated" if peer.learns_from == "labels" else "a table or folder of pristine"
        raise ConfigError(f"{method} needs --train, {wanted} videos to learn from")
    return scan_videos(train) if train.is_dir() else read(train)


def _measure(
    part: Manifest, peer: Peer, *, labelled: bool, per_second: float | None, workers: int
) -> list[Rated]:
    """Measure the videos of a table, those with labels only or all."""
    from sslvqa.peers import measure_each

    rows = [row for row in part.rows if row.score is not None or not labelled]
    if not rows:
        raise DataError(f"{part.source} has no {'labelled ' if labelled else ''}video")
    measured = measure_each(
        [row.path for row in rows],
        peer,
        per_second=per_second,
        geometries=[row.geometry for row in rows],
        workers=workers,
    )
    found = list(track(measured, total=len(rows)))
    if all(item.error is not None for item in found):
        raise DataError(f"{part.source}: no video can be read; the first: {found[0].error}")
    return list(zip(rows, found, strict=True))


def _write(path: Path, rows: list[ManifestRow], scores: list[float]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "content", "label", "score"))
        for row, score in zip(rows, scores, strict=True):
            writer.writerow((row.path, row.content, row.score, score))
