"""``sslvqa score``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sslvqa.cli.options import Batch, Clips, Compile, Device, Draws, Model, Ray, RayWorkers, Seed, Threads
from sslvqa.cli.output import (
    Format,
    choose_format,
    note,
    open_output,
    progress_bar,
    record_writer,
    track,
)
from sslvqa.cli.scoring import Scoring, open_scoring
from sslvqa.cli.sources import open_sources
from sslvqa.cli.stopping import INTERRUPTED
from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from typing import BinaryIO

    from sslvqa.cli.output import RecordWriter
    from sslvqa.scoring import ScoreKind, ScorerSettings

__all__ = ["score"]


def score(
    files: Annotated[
        list[str], typer.Argument(help="Videos, folders of videos, or -: a y4m video, or paths, on stdin.")
    ],
    *,
    model: Model = "default",
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
        Path | None,
        typer.Option(
            "--map", help="Draw the quality map of the one video: a .png strip, or a .mp4 or .webm overlay."
        ),
    ] = None,
    map_strength: Annotated[
        float, typer.Option(help="How much the map covers the picture, 0 (not at all) to 1.")
    ] = 0.75,
    map_palette: Annotated[
        Literal["red_blue", "red_green", "viridis"],
        typer.Option(help="red_blue and viridis are colour-blind safe."),
    ] = "red_blue",
    map_range: Annotated[
        Literal["auto", "scale"],
        typer.Option(help="Colours span the video's own values, or the whole scale (comparable videos)."),
    ] = "auto",
    map_draws: Annotated[
        int | None,
        typer.Option(help="Views per place of the map.", show_default="all that cover the frame, 512 in all"),
    ] = None,
    clips: Clips = None,
    draws: Draws = None,
    seed: Seed = None,
    combine: Annotated[
        Literal["calibrated", "raw"] | None,
        typer.Option(help="calibrated, or raw: the paper's literal mean.", show_default="the model's"),
    ] = None,
    raw: Annotated[
        str | None,
        typer.Option(
            metavar="WxH[:FORMAT][@FPS]",
            help="The inputs are headerless frames (.yuv, or on stdin), e.g. 1920x1080:yuv420p10le@25.",
        ),
    ] = None,
    stdin_gigabytes: Annotated[
        float, typer.Option(help="The most of a video on stdin, kept in a temporary file.")
    ] = 16.0,
    device: Device = "auto",
    threads: Threads = None,
    backend: Annotated[
        Literal["auto", "torch", "openvino"],
        typer.Option(help="What runs the networks; auto: OpenVINO for large models where installed."),
    ] = "auto",
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "int8"],
        typer.Option(help="Of matrix products; auto: bf16 where the processor has it; int8 needs OpenVINO."),
    ] = "auto",
    batch: Batch = None,
    compile_: Compile = False,
    ray: Ray = None,
    ray_workers: RayWorkers = None,
) -> None:
    """Score videos: one number each, higher is better.

    Exit code 0: all scored; 1: some failed (each has a record with its error); 2: wrong use.
    """
    from sslvqa.video import RawGeometry

    kind = choose_format(format_, output)
    geometry = None if raw is None else RawGeometry.parse(raw)
    settings: ScorerSettings = {
        "clips": clips,
        "draws": draws,
        "seed": seed,
        "device": device,
        "threads": threads,
        "combine": combine,
        "backend": backend,
        "precision": precision,
        "batch": batch,
        "compiled": compile_,
    }
    with open_sources(files, geometry=geometry, stdin_bytes=int(stdin_gigabytes * 1e9)) as paths:
        _check_options(
            paths,
            kind,
            output=output,
            resume=resume,
            picture=map_,
            map_strength=map_strength,
            timeline_seconds=timeline_seconds,
        )
        _check_ray(paths, ray=ray, ray_workers=ray_workers, picture=map_)
        with open_scoring(
            model,
            settings,
            ray=ray,
            ray_workers=ray_workers,
            timeline_seconds=timeline_seconds,
            geometry=geometry,
        ) as scoring:
            kept: set[str] = set()
            if resume and output is not None:
                kept = _keep_finished(output, replace(scoring.kind(), timeline_seconds=timeline_seconds))
            waiting = [path for path in paths if path not in kept]
            with open_output(output, append=resume, stdout=scoring.stdout) as stream:
                writer = record_writer(kind, stream, windows=timeline or timeline_seconds is not None)
                failed = _write_scores(waiting, scoring, writer)
        if map_ is not None and scoring.scorer is not None and not failed:
            from sslvqa.api import quality_map

            with progress_bar("map") as tell:
                quality_map(
                    paths[0],
                    model=scoring.scorer,
                    out=map_,
                    draws=map_draws,
                    strength=map_strength,
                    palette=map_palette,
                    range_=map_range,
                    geometry=geometry,
                    progress=tell,
                )
            note(f"map: {map_}")
    if failed:
        raise typer.Exit(1)


def _write_scores(paths: list[str | BinaryIO], scoring: Scoring, writer: RecordWriter) -> int:
    """Score and write; return how many failed. An interrupt leaves a valid document and exits."""
    from sslvqa.scoring import FailedScore

    failed = 0
    try:
        for result in track(scoring.score_each(paths), total=len(paths)):
            writer.write(result.to_dict())
            failed += isinstance(result, FailedScore)
    except KeyboardInterrupt:
        note("interrupted; the records so far are complete")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        writer.close()
    return failed


def _check_options(
    paths: list[str | BinaryIO],
    kind: Format,
    *,
    output: Path | None,
    resume: bool,
    picture: Path | None,
    map_strength: float,
    timeline_seconds: float | None,
) -> None:
    if resume and (output is None or kind is not Format.NDJSON):
        raise ConfigError("--resume continues an ndjson file; give one with --output scores.ndjson")
    if picture is not None:
        from sslvqa.api import check_map_file

        if len(paths) != 1:
            raise ConfigError(f"--map draws one video, but {len(paths)} are given; give one file")
        check_map_file(picture, source=paths[0])
        if not 0 <= map_strength <= 1:
            raise ConfigError(f"--map-strength is {map_strength}; allowed are numbers from 0 to 1")
    if timeline_seconds is not None:
        from sslvqa.scoring import check_timeline

        check_timeline(timeline_seconds)
    if output is not None and not output.parent.is_dir():
        raise ConfigError(f"--output {output}: there is no folder {output.parent}; create it first")


def _check_ray(
    paths: list[str | BinaryIO], *, ray: str | None, ray_workers: int | None, picture: Path | None
) -> None:
    if ray is None:
        if ray_workers is not None:
            raise ConfigError(f"--ray-workers is {ray_workers}, but --ray is not given; add --ray local")
        return
    if picture is not None:
        raise ConfigError("--map is drawn in this process; give it without --ray")
    if not all(isinstance(path, str) for path in paths):
        raise ConfigError("a video on standard input is scored in this process; give it without --ray")


def _keep_finished(output: Path, kind: ScoreKind) -> set[str]:
    """Rewrite the output with its finished records only, at once, and return their paths."""
    from sslvqa.scoring import scored_records

    records: dict[str, dict[str, Any]] = scored_records(output, kind=kind)
    scratch = output.with_name(output.name + ".part")
    with open_output(scratch) as stream:
        writer = record_writer(Format.NDJSON, stream)
        for record in records.values():
            writer.write(record)
    scratch.replace(output)
    return set(records)
