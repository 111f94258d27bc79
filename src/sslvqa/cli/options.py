"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = [
    "BackboneRate",
    "Batch",
    "Chunk",
    "Clips",
    "Compile",
    "Coverage",
    "Device",
    "Draws",
    "MaxSteps",
    "Model",
    "PathColumn",
    "Predictions",
    "Ray",
    "RayWorkers",
    "Resamples",
    "Resume",
    "Root",
    "ScoreColumn",
    "Seed",
    "TableOrJson",
    "Threads",
    "TrainDevice",
    "TrainPrecision",
    "TrainSeed",
    "TrainThreads",
    "Workers",
]

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
Batch = Annotated[
    int | None,
    typer.Option(
        help="Views that the networks take at once, of several files.",
        show_default="32 on a GPU, a file's own on a CPU",
    ),
]
Compile = Annotated[
    bool,
    typer.Option("--compile", help="Compile the networks for a GPU: some minutes, for thousands of files."),
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Score on Ray: local (this machine), auto (the cluster it is in), or a cluster's address.",
        show_default="off",
    ),
]
RayWorkers = Annotated[
    int | None, typer.Option(help="Processes on Ray.", show_default="one for each CPU, or GPU")
]
TableOrJson = Annotated[
    Literal["table", "json"] | None,
    typer.Option("--format", "-f", help="Of the report.", show_default="table on a terminal, else json"),
]

# of a test on rated videos
Root = Annotated[Path | None, typer.Option(help="Folder of relative paths.", show_default="each table's")]
PathColumn = Annotated[
    str | None, typer.Option(help="Name of the path column.", show_default="path, video, file ...")
]
ScoreColumn = Annotated[
    str | None, typer.Option(help="Name of the label column.", show_default="score, mos ...")
]
Predictions = Annotated[
    Path | None, typer.Option(help="CSV to write: label and score of every video.", show_default="off")
]
Coverage = Annotated[float, typer.Option(help="Of the bootstrap intervals, 0..1.")]
Resamples = Annotated[int, typer.Option(help="Bootstrap draws by content; 0 for no intervals.")]

# of training; what is not given comes from the preset or the settings file
Workers = Annotated[int | None, typer.Option(help="Processes that read videos.")]
TrainThreads = Annotated[int | None, typer.Option(help="CPU threads of the computation.")]
TrainSeed = Annotated[int | None, typer.Option(help="Same seed, same result.")]
MaxSteps = Annotated[int | None, typer.Option(help="Stop after this many steps.")]
Chunk = Annotated[int | None, typer.Option(help="Views that keep activations at once; 0 for all.")]
TrainPrecision = Annotated[
    Literal["auto", "fp32", "bf16"] | None,
    typer.Option(help="Of the networks in training; auto: bf16 where the device has it."),
]
TrainDevice = Annotated[str | None, typer.Option(help="auto, cpu or cuda.")]
Resume = Annotated[bool, typer.Option(help="Continue the run in OUT; the result is the same.")]
BackboneRate = Annotated[float | None, typer.Option(help="Peak learning rate of the backbone.")]
