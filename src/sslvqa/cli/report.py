"""``sslvqa report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sslvqa.cli.checks import check_folder, require_extra
from sslvqa.cli.options import Device, Threads
from sslvqa.cli.output import note, track
from sslvqa.errors import SslvqaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sslvqa.scoring import Combine, FailedScore, Scorer, VideoScore

__all__ = ["report"]

_RESULTS = {".json", ".ndjson", ".jsonl"}


def report(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES|RESULTS...", help="Videos and folders, or .json/.ndjson results of sslvqa score."
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("report.html"),
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="Scores videos, draws maps.", show_default="default, or the results' own"
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Video quality report",
    moments: Annotated[int, typer.Option(min=0, help="How many worst and best moments to picture.")] = 3,
    timeline_seconds: Annotated[
        float, typer.Option(help="Windows of this many seconds for videos scored here, 120 at most.")
    ] = 1.0,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Write one self-contained HTML page about scored videos; results are not scored again.

    Exit code 0: all scored; 1: some failed (the page says why); 2: wrong use.
    """
    from sslvqa.cli.sources import expand
    from sslvqa.report import read_results, write_report
    from sslvqa.scoring import FailedScore, Scorer, score_each

    require_extra("report", "report")
    check_folder("--out", out)
    tables = [Path(item) for item in inputs if Path(item).suffix.lower() in _RESULTS]
    paths = expand([item for item in inputs if Path(item).suffix.lower() not in _RESULTS])
    results: list[VideoScore | FailedScore] = [item for table in tables for item in read_results(table)]
    scorer = Scorer(model or "default", device=device, threads=threads) if paths or model else None
    if scorer is not None:
        scoring = score_each(paths, scorer=scorer, timeline_seconds=timeline_seconds)
        results += track(scoring, total=len(paths))
    find = _scorers(scorer, device=device, threads=threads)
    write_report(out, results, scorer_of=find, title=title, moments=moments)
    note(f"report: {out}")
    if any(isinstance(item, FailedScore) for item in results):
        raise typer.Exit(1)


def _scorers(
    scorer: Scorer | None, *, device: str, threads: int | None
) -> Callable[[VideoScore], Scorer | None]:
    """Find the model of a result, by the checksum of its weights; a shipped one is loaded when needed."""
    from sslvqa.scoring import Scorer

    known: dict[tuple[str, str], Scorer | None] = {}
    given = [] if scorer is None else [scorer]

    def find(result: VideoScore) -> Scorer | None:
        source = result.provenance
        key = (source.weights_sha256, source.combine)
        if key not in known:
            candidates = list(given)
            try:
                combine: Combine = "raw" if source.combine == "raw" else "calibrated"
                candidates.append(Scorer(source.model, device=device, threads=threads, combine=combine))
            except SslvqaError:
                pass
            same = (c for c in candidates if (c.card.weights_sha256, c.combine) == key)
            known[key] = next(same, None)
        return known[key]

    return find
