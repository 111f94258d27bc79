"""``sslvqa distil``: one fast network that imitates a model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from sslvqa.cli.options import (
    BackboneRate,
    Chunk,
    MaxSteps,
    Resume,
    TrainDevice,
    TrainPrecision,
    TrainSeed,
    TrainThreads,
    Workers,
)
from sslvqa.cli.stopping import stoppable_run

__all__ = ["distil"]


def distil(
    teacher: Annotated[str | None, typer.Option(help="Shipped name, default, or model directory.")] = None,
    videos: Annotated[str | None, typer.Option(help="Folder or CSV of videos; scores are ignored.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder of the run; the model is OUT/model.")] = None,
    preset: Annotated[Literal["nano_cpu"] | None, typer.Option(help="Recipe to start from.")] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML settings (every run writes its own as OUT/config.toml); options win over it."
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            help="teacher (its regressor; default), scratch, the folder of a pretrain run, or a model."
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(help="CSV of labelled videos that nothing learned from, to fit the interval to."),
    ] = None,
    head_first: Annotated[
        float | None,
        typer.Option(
            help="Share of the run in which only the new head of Q_D learns; 1 leaves Q_R as it is."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Use this many videos.")] = None,
    batch: Annotated[int | None, typer.Option(help="Videos a step; two views of each.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the videos.")] = None,
    max_steps: MaxSteps = None,
    lr: BackboneRate = None,
    head_lr: Annotated[float | None, typer.Option(help="Peak learning rate of the heads.")] = None,
    seed: TrainSeed = None,
    workers: Workers = None,
    threads: TrainThreads = None,
    precision: TrainPrecision = None,
    chunk: Chunk = None,
    device: TrainDevice = None,
    tag: Annotated[str | None, typer.Option(help="The model is named ARCHITECTURE.TAG.")] = None,
    licence: Annotated[
        str | None, typer.Option(help="Of the weights, for the card; default the teacher's.")
    ] = None,
    resume: Resume = False,
) -> None:
    """Learn one network that gives the scores of a model with two; print its directory."""
    with stoppable_run():
        from sslvqa.train import DISTIL_PRESETS, DistilConfig
        from sslvqa.train import distil as run
        from sslvqa.train.settings import resolve_config

        settings = resolve_config(
            DistilConfig,
            preset=None if preset is None else DISTIL_PRESETS[preset]("", "", ""),
            file=config,
            options={
                "teacher": teacher,
                "videos": videos,
                "out": out,
                "init": init,
                "labels": labels,
                "head_first": head_first,
                "limit": limit,
                "batch": batch,
                "epochs": epochs,
                "max_steps": max_steps,
                "optim.lr": lr,
                "optim.head_lr": head_lr,
                "runtime.seed": seed,
                "runtime.workers": workers,
                "runtime.threads": threads,
                "runtime.precision": precision,
                "runtime.chunk": chunk,
                "runtime.device": device,
                "tag": tag,
                "licence": licence,
            },
        )
        sys.stdout.write(f"{run(settings, resume=resume)}\n")
