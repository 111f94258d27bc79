"""``sslvqa data``: make data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["open_bench"]


def open_bench(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of source clips.")],
    out: Annotated[Path, typer.Option(help="Folder of the set; an unfinished one is continued.")],
    sources: Annotated[
        Path | None,
        typer.Option(help="A corrected sources.csv (file,content,split,scale,start_frame): the choice."),
    ] = None,
    frames: Annotated[int, typer.Option(help="Frames of each scene.")] = 48,
    segments: Annotated[int, typer.Option(help="Most scenes of one source.")] = 1,
    versions: Annotated[
        int, typer.Option(help="Extended distortions of each scene, besides reference and the paper's 12.")
    ] = 24,
    samples: Annotated[int, typer.Option(help="Frames of each version that VMAF is computed on.")] = 10,
    min_bits_per_pixel: Annotated[
        float, typer.Option(help="Least bits per pixel, after shrinking, of a clip taken for pristine.")
    ] = 0.12,
    min_side: Annotated[int, typer.Option(help="Smallest shorter side of a scene, px.")] = 224,
    without: Annotated[
        str,
        typer.Option(help="Families to leave out of the draw, with commas: contrast,underexposure."),
    ] = "",
    unseen: Annotated[
        bool,
        typer.Option(
            "--unseen",
            help="A set only to test on: the split test, with kinds of distortion that no other set has.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the drawn distortions and of the split.")] = 0,
    workers: Annotated[int, typer.Option(help="Worker processes, one thread each.")] = 1,
) -> None:
    """Make a VMAF-labelled set: of each scene the reference, the paper's 12 and drawn versions."""
    from sslvqa.cli.output import note
    from sslvqa.data.open_bench import BenchSettings, build_open_bench

    settings = BenchSettings(
        frames=frames,
        segments=segments,
        versions=versions,
        samples=samples,
        min_bits_per_pixel=min_bits_per_pixel,
        min_side_px=min_side,
        without=tuple(name.strip() for name in without.split(",") if name.strip()),
        unseen=unseen,
        seed=seed,
    )
    failed = 0
    for report in build_open_bench(directory, out, settings, sources=sources, workers=workers):
        failed += report.error is not None
        sys.stdout.write(json.dumps(report.to_json()) + "\n")
        sys.stdout.flush()
        spent = f"{report.build_seconds} s to make, {report.label_seconds} s to label"
        note(f"{report.scene or report.source}: {report.error or f'{report.versions} versions, {spent}'}")
    raise typer.Exit(1 if failed else 0)
