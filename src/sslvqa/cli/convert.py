"""``sslvqa models convert``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from sslvqa.cli.output import note, print_json, print_table

__all__ = ["convert"]


def convert(
    checkpoint: Annotated[
        Path, typer.Argument(help="Checkpoint of Video Swin-T (Kinetics), FAST-VQA, ST-VQRL or SSL-VQA.")
    ],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; `train --init` takes it.")],
    architecture: Annotated[
        str,
        typer.Option(
            "--architecture", "-a", help="What it was trained with: swin_t, or mobile for FAST-VQA-M."
        ),
    ] = "swin_t",
    format_: Annotated[
        Literal["table", "json"],
        typer.Option("--format", "-f", help="table prints counts; json says what became of every tensor."),
    ] = "table",
) -> None:
    """Convert a published checkpoint, strictly: every tensor is accounted for, or nothing is written."""
    from sslvqa.hub.convert import convert_checkpoint
    from sslvqa.hub.names import find_architecture

    known = find_architecture(architecture)
    linear = replace(known, backbone=replace(known.backbone, bands=0))  # as published networks are
    report = convert_checkpoint(checkpoint, out, architecture=linear)
    if format_ == "json":
        print_json(
            {"schema": 1, "kept": report.kept, "dropped": report.dropped, "initialised": report.initialised}
        )
    else:
        counts = {"kept": report.kept, "dropped": report.dropped, "initialised": report.initialised}
        print_table(["tensors", "count"], [[name, str(len(items))] for name, items in counts.items()])
    note(f"written to {out}")
