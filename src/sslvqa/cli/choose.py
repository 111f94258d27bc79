"""``sslvqa choose``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sslvqa.cli.checks import check_folder
from sslvqa.cli.options import Clips, Device, Draws, Model, Threads
from sslvqa.cli.output import note, track
from sslvqa.cli.stopping import INTERRUPTED
from sslvqa.errors import DataError

if TYPE_CHECKING:
    from sslvqa.scoring import Scorer

__all__ = ["choose"]


def choose(
    files: Annotated[
        list[str], typer.Argument(metavar="VIDEOS", help="Videos, folders of videos, or - for stdin.")
    ],
    out: Annotated[Path, typer.Option(help="CSV to write: path, rank, doubt ...; the most useful first.")],
    *,
    count: Annotated[int, typer.Option("--n", help="How many videos to choose.")] = 50,
    strategy: Annotated[
        Literal["random", "diverse", "doubt", "both"],
        typer.Option(help="diverse: unlike the rated ones; doubt: the model's; both: their product."),
    ] = "diverse",
    rated: Annotated[
        Path | None,
        typer.Option(help="Table of rated videos: not chosen, and kept away from.", show_default="none"),
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option(help="ndjson of scores and features, continued.", show_default="OUT with .ndjson"),
    ] = None,
    model: Model = "default",
    clips: Clips = None,
    draws: Draws = None,
    seed: Annotated[int, typer.Option(help="Of the random order, which also decides ties.")] = 0,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Choose which videos people should rate next.

    Exit code 0: done; 1: some videos failed and were not candidates; 2: wrong use.
    """
    from sslvqa.cli.sources import expand
    from sslvqa.data.manifest import read_manifest
    from sslvqa.rate import shortlist, write_shortlist

    check_folder("--out", out)
    done = [str(row.path) for row in read_manifest(rated).labelled.rows] if rated else []
    known = {_key(path) for path in done}
    candidates = [path for path in expand(files) if _key(path) not in known]
    if not candidates:
        raise DataError("no video is left to choose from; all that are given are rated already")
    found: dict[str, dict[str, Any]] = {}
    failed = 0
    if strategy != "random":
        from sslvqa.scoring import Scorer

        scorer = Scorer(model, clips=clips, draws=draws, device=device, threads=threads)
        store = out.with_suffix(".ndjson") if records is None else records
        found, failed = _describe([*candidates, *done], scorer, store)
    chosen = shortlist(candidates, done, found, count=count, strategy=strategy, seed=seed)
    write_shortlist(out, chosen)
    note(f"wrote {out}: {len(chosen)} of {len(candidates)} videos, {strategy}")
    if failed:
        raise typer.Exit(1)


def _key(path: str) -> str:
    return str(Path(path).resolve())


def _describe(paths: list[str], scorer: Scorer, store: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """Return the records by path, made or kept from before, and how many videos failed."""
    import json

    from sslvqa.scoring import FailedScore, describe_each, scored_records

    kept = scored_records(store, kind=scorer.kind)
    found = {path: item for path, item in kept.items() if "features" in item}
    waiting = [path for path in dict.fromkeys(paths) if path not in found]
    failed = 0
    with store.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(item) + "\n" for item in found.values())
        stream.flush()
        try:
            for result in track(describe_each(waiting, scorer=scorer), total=len(waiting)):
                record = result.to_dict()
                stream.write(json.dumps(record) + "\n")
                stream.flush()
                if isinstance(result, FailedScore):
                    note(f"{result.path}: {result.error}")
                    failed += 1
                else:
                    found[record["path"]] = record
        except KeyboardInterrupt:
            note(f"interrupted; the same command continues from {store}")
            raise typer.Exit(INTERRUPTED) from None
    return found, failed
