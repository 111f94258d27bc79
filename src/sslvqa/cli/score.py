"""``sslvqa score``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sslvqa.cli.output import Format, choose_format, note, open_output, record_writer, track
from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from sslvqa.cli.output import RecordWriter
    from sslvqa.scoring import Scorer

__all__ = ["expand_files", "score"]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def score(
    files: Annotated[
        list[str], typer.Argument(help="Videos, folders of videos, or - to read paths from stdin.")
    ],
    *,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Shipped name (see: sslvqa models list) or model directory.")
    ] = "default",
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", "-f", help="Default: by the ending of --output; table on a terminal, else ndjson."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default stdout.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the scores that an ndjson --output has; score the others.")
    ] = False,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Also print the timeline: a row for each clip or window.")
    ] = False,
    timeline_seconds: Annotated[
        float | None,
        typer.Option(help="Timeline of windows of this many seconds.", show_default="the score's clips"),
    ] = None,
    map_: Annotated[
        Path | None, typer.Option("--map", help="Draw the quality map of the one video: .png strip or .mp4.")
    ] = None,
    clips: Annotated[
        int | None, typer.Option(help="Clips spread over the video.", show_default="the model's, usually 4")
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(help="Draws of fragment places per clip.", show_default="the model's, usually 1"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the draws.", show_default="the model's, 0")
    ] = None,
    combine: Annotated[
        Literal["calibrated", "raw"] | None,
        typer.Option(help="calibrated, or raw: the paper's literal mean.", show_default="the model's"),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads.", show_default="torch's")] = None,
) -> None:
    """Score videos: one number each, higher is better.

    Exit code 0: all scored; 1: some failed (each has a record with its error); 2: wrong use.
    """
    from sslvqa.scoring import Scorer

    kind = choose_format(format_, output)
    paths = expand_files(files)
    _check_options(paths, kind, output=output, resume=resume, picture=map_, timeline_seconds=timeline_seconds)
    scorer = Scorer(
        model,
        clips=clips,
        draws=draws,
        seed=seed,
        device=device,
        threads=threads,
        combine=combine,
    )
    kept = _keep_finished(output, scorer) if resume and output is not None else set()
    waiting = [path for path in paths if path not in kept]
    with open_output(output, append=resume) as stream:
        writer = record_writer(kind, stream, windows=timeline or timeline_seconds is not None)
        failed = _write_scores(waiting, scorer, writer, timeline_seconds=timeline_seconds)
    if map_ is not None and not failed:
        from sslvqa.api import quality_map

        quality_map(paths[0], model=scorer, out=map_)
        note(f"map: {map_}")
    if failed:
        raise typer.Exit(1)


def _write_scores(
    paths: list[str], scorer: Scorer, writer: RecordWriter, *, timeline_seconds: float | None
) -> int:
    """Score and write; return how many failed. An interrupt leaves a valid document and exits."""
    from sslvqa.scoring import FailedScore, score_each

    failed = 0
    try:
        results = score_each(paths, scorer=scorer, timeline_seconds=timeline_seconds)
        for result in track(results, total=len(paths)):
            writer.write(result.to_dict())
            failed += isinstance(result, FailedScore)
    except KeyboardInterrupt:
        note("interrupted; the records so far are complete")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        writer.close()
    return failed


def expand_files(files: list[str]) -> list[str]:
    """Return file paths: stdin lines for ``-``, the videos of folders, each path once."""
    from sslvqa.data.manifest import scan_videos

    paths: list[str] = []
    for item in files:
        if item == "-":
            paths += [line.strip() for line in sys.stdin if line.strip()]
        elif Path(item).is_dir():
            paths += [str(row.path) for row in scan_videos(item).rows]
        else:
            paths.append(item)
    return list(dict.fromkeys(paths))


def _check_options(
    paths: list[str],
    kind: Format,
    *,
    output: Path | None,
    resume: bool,
    picture: Path | None,
    timeline_seconds: float | None,
) -> None:
    if resume and (output is None or kind is not Format.NDJSON):
        raise ConfigError("--resume continues an ndjson file; give one with --output scores.ndjson")
    if picture is not None:
        from sslvqa.api import check_map_file

        check_map_file(picture)
        if len(paths) != 1:
            raise ConfigError(f"--map draws one video, but {len(paths)} are given; give one file")
    if timeline_seconds is not None and not timeline_seconds > 0:
        raise ConfigError(
            f"--timeline-seconds is {timeline_seconds}; windows have a positive length in seconds, e.g. 1.0"
        )
    if output is not None and not output.parent.is_dir():
        raise ConfigError(f"--output {output}: there is no folder {output.parent}; create it first")


def _keep_finished(output: Path, scorer: Scorer) -> set[str]:
    """Rewrite the output with its finished records only, at once, and return their paths."""
    from sslvqa.scoring import scored_records

    records: dict[str, dict[str, Any]] = scored_records(output, scorer=scorer)
    scratch = output.with_name(output.name + ".part")
    with open_output(scratch) as stream:
        writer = record_writer(Format.NDJSON, stream)
        for record in records.values():
            writer.write(record)
    scratch.replace(output)
    return set(records)
