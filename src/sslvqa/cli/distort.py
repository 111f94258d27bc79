"""``sslvqa distort``: groups of distorted versions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sslvqa.distort.many import GroupResult

__all__ = ["distort"]


def distort(
    videos: Annotated[
        list[str],
        typer.Argument(metavar="VIDEO...", help="Videos, folders of videos, or - for paths from stdin."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the groups; an unfinished one is continued.")],
    bank: Annotated[
        Literal["paper", "extended", "both", "ordered"],
        typer.Option(
            help="The paper's 12, a seeded draw from the extended bank, or both; ordered: every level of "
            "exposure, contrast and shake, for train --groups."
        ),
    ] = "paper",
    versions: Annotated[int, typer.Option(help="Distortions drawn from the extended bank.")] = 24,
    frames: Annotated[int, typer.Option(help="Frames of each scene; 0 takes the whole video.")] = 48,
    segments: Annotated[int, typer.Option(help="Most scenes of one video.")] = 1,
    scale: Annotated[
        Literal["auto", "1", "2", "3"],
        typer.Option(help="Shrink each side by this factor first; auto brings the shorter side near 360 px."),
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of the extended draw.")] = 0,
    workers: Annotated[int, typer.Option(help="Worker processes, one thread each.")] = 1,
    output_format: Annotated[
        Literal["auto", "table", "ndjson"],
        typer.Option("--format", help="Of stdout; auto is a table on a terminal, else ndjson."),
    ] = "auto",
) -> None:
    """Make groups of distorted versions of videos, aligned frame by frame, each with a group.json."""
    from sslvqa.cli.sources import expand
    from sslvqa.distort.many import distort_many

    results = distort_many(
        [Path(name) for name in expand(videos)],
        out,
        bank=bank,
        versions=versions,
        frames=frames or None,
        segments=segments,
        scale=None if scale == "auto" else int(scale),
        seed=seed,
        workers=workers,
    )
    table = output_format == "table" or (output_format == "auto" and sys.stdout.isatty())
    raise typer.Exit(1 if _print(results, table=table) else 0)


def _print(results: Iterable[GroupResult], *, table: bool) -> int:
    """Write results as they come (a table at the end) and return how many failed."""
    from sslvqa.cli.output import note, print_table

    rows: list[list[str]] = []
    failed = 0
    for result in results:
        failed += result.error is not None
        note(f"{result.scene or result.source}: {result.error or f'{result.seconds:.1f} s'}")
        if not table:
            sys.stdout.write(json.dumps(result.to_json()) + "\n")
            sys.stdout.flush()
        size = "failed" if result.error else f"{result.width_px}x{result.height_px}"
        rows.append(
            [
                result.scene or result.source,
                size,
                f"{result.versions}",
                f"{result.frames}",
                f"{result.seconds}",
            ]
        )
    if table:
        print_table(["scene", "size", "versions", "frames", "seconds"], rows)
    return failed
