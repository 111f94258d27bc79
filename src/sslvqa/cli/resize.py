"""``sslvqa models resize``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sslvqa.cli.output import note

__all__ = ["resize"]


def resize(
    model: Annotated[str, typer.Argument(help="Shipped name, default, or model directory.")],
    *,
    architecture: Annotated[
        str, typer.Option("--architecture", "-a", help="Of the same widths and depths, e.g. swin_t_bands.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; `train --init` takes it.")],
) -> None:
    """Make a start for training with larger views and windows from a trained model."""
    from sslvqa.hub.names import find_architecture
    from sslvqa.hub.resize import resize_model

    wanted = resize_model(model, out, architecture=find_architecture(architecture))
    view = wanted.geometry
    note(f"{out}: views of {view.frames} frames, {view.size_px} px, windows of {wanted.backbone.window}")
