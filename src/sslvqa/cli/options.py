"""Options that several commands share, each declared once."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Clips", "Device", "Draws", "Model", "Seed", "Threads"]

Model = Annotated[
    str, typer.Option("--model", "-m", help="Shipped name (see: sslvqa models list) or model directory.")
]
Clips = Annotated[
    int | None, typer.Option(help="Clips spread over the video.", show_default="the model's, usually 4")
]
Draws = Annotated[
    int | None, typer.Option(help="Draws of fragment places per clip.", show_default="the model's, usually 1")
]
Seed = Annotated[int | None, typer.Option(help="Seed of the draws.", show_default="the model's, 0")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Threads = Annotated[
    int | None, typer.Option(help="CPU threads.", show_default="what decoder and network take")
]
