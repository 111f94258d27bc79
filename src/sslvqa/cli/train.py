"""``sslvqa pretrain`` and ``sslvqa train``: learn from one's own videos."""

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

__all__ = ["pretrain", "train"]

Preset = Literal["paper", "released", "nano_cpu"]

_CONFIG_HELP = "TOML settings (every run writes its own as OUT/config.toml); options win over it."
_INIT_HELP = "scratch, the folder of a pretrain run, or a model."


def pretrain(
    videos: Annotated[
        str | None,
        typer.Option(help="Folder of groups made by sslvqa distort, or of plain videos (distorted first)."),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder of the run.")] = None,
    preset: Annotated[Preset | None, typer.Option(help="Recipe to start from; default paper.")] = None,
    config: Annotated[Path | None, typer.Option(help=_CONFIG_HELP)] = None,
    loss: Annotated[Literal["statistical", "cosine"] | None, typer.Option(help="Kind of likeness.")] = None,
    init: Annotated[str | None, typer.Option(help=_INIT_HELP)] = None,
    architecture: Annotated[
        str | None, typer.Option(help="nano, mobile or swin_t; with --init scratch.")
    ] = None,
    versions: Annotated[
        int | None, typer.Option(help="Versions of a scene in a batch, source included.")
    ] = None,
    scenes_per_batch: Annotated[int | None, typer.Option(help="Scenes a step.")] = None,
    accumulate: Annotated[
        int | None, typer.Option(help="Parts a step is computed in, to save memory.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the scenes.")] = None,
    max_steps: MaxSteps = None,
    lr: BackboneRate = None,
    seed: TrainSeed = None,
    workers: Workers = None,
    threads: TrainThreads = None,
    precision: TrainPrecision = None,
    chunk: Chunk = None,
    device: TrainDevice = None,
    resume: Resume = False,
) -> None:
    """Learn a backbone from videos without scores (ST-VQRL); print the run folder."""
    with stoppable_run():
        from sslvqa.train import PRETRAIN_PRESETS, PretrainConfig
        from sslvqa.train import pretrain as run
        from sslvqa.train.settings import resolve_config

        settings = resolve_config(
            PretrainConfig,
            preset=None if preset is None else PRETRAIN_PRESETS[preset]("", ""),
            file=config,
            options={
                "videos": videos,
                "out": out,
                "loss": loss,
                "init": init,
                "architecture": architecture,
                "versions": versions,
                "scenes_per_batch": scenes_per_batch,
                "accumulate": accumulate,
                "epochs": epochs,
                "max_steps": max_steps,
                "optim.lr": lr,
                "runtime.seed": seed,
                "runtime.workers": workers,
                "runtime.threads": threads,
                "runtime.precision": precision,
                "runtime.chunk": chunk,
                "runtime.device": device,
            },
        )
        sys.stdout.write(f"{run(settings, resume=resume)}\n")


def train(
    labels: Annotated[str | None, typer.Option(help="CSV with a path and a score for each video.")] = None,
    pristine: Annotated[
        str | None, typer.Option(help="Folder or CSV of pristine videos; for ssl_vqa and ssl_vqa_minus.")
    ] = None,
    unlabelled: Annotated[str | None, typer.Option(help="Folder or CSV of videos without scores.")] = None,
    groups: Annotated[
        str | None,
        typer.Option(help="Folder of groups made by sslvqa distort: learn the order of their levels too."),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder of the run; the model is OUT/model.")] = None,
    preset: Annotated[
        Preset | None, typer.Option(help="Recipe to start from.", show_default="each setting's own default")
    ] = None,
    config: Annotated[Path | None, typer.Option(help=_CONFIG_HELP)] = None,
    init: Annotated[str | None, typer.Option(help=_INIT_HELP)] = None,
    architecture: Annotated[
        str | None, typer.Option(help="nano, mobile or swin_t; with --init scratch.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="ssl_vqa, ssl_vqa_minus, supervised, mean_teacher, fixmatch, mixmatch, meta_pseudo_labels, "
            "or FILE.py:CLASS for one's own. ssl_vqa_minus and supervised learn from labelled videos only; "
            "all but ssl_vqa* have one network and no Q_D; default: the file's, else ssl_vqa, or "
            "ssl_vqa_minus without --unlabelled."
        ),
    ] = None,
    root: Annotated[str | None, typer.Option(help="Folder that the table's paths start from.")] = None,
    path_column: Annotated[str | None, typer.Option(help="Name of the path column.")] = None,
    score_column: Annotated[str | None, typer.Option(help="Name of the score column.")] = None,
    skip_bad: Annotated[bool, typer.Option(help="Leave out labelled videos that cannot be read.")] = False,
    labels_limit: Annotated[
        int | None, typer.Option(help="Use this many labelled videos; marked held-out ones come on top.")
    ] = None,
    unlabelled_limit: Annotated[int | None, typer.Option(help="Use this many unlabelled videos.")] = None,
    labelled_batch: Annotated[int | None, typer.Option(help="Labelled videos a step.")] = None,
    unlabelled_batch: Annotated[int | None, typer.Option(help="Unlabelled videos a step.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the labelled videos.")] = None,
    max_steps: MaxSteps = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate of the backbones.")] = None,
    head_lr: Annotated[float | None, typer.Option(help="Peak learning rate of the head.")] = None,
    consistency: Annotated[
        bool | None, typer.Option("--consistency/--no-consistency", help="Use L_c (Table 5).")
    ] = None,
    transfer: Annotated[
        bool | None, typer.Option("--transfer/--no-transfer", help="Use L_u (Table 5).")
    ] = None,
    seed: TrainSeed = None,
    workers: Workers = None,
    threads: TrainThreads = None,
    precision: TrainPrecision = None,
    chunk: Chunk = None,
    device: TrainDevice = None,
    tag: Annotated[str | None, typer.Option(help="The model is named ARCHITECTURE.TAG.")] = None,
    label: Annotated[str | None, typer.Option(help="Name of the scores, e.g. MOS or VMAF.")] = None,
    label_kind: Annotated[
        str | None, typer.Option(help="What the scores are, for the card; default human opinion.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Of the weights, for the card.")] = None,
    resume: Resume = False,
) -> None:
    """Learn a quality model from few scores and many videos (SSL-VQA or a baseline); print its directory."""
    with stoppable_run():
        from sslvqa.train import TRAIN_PRESETS, TrainConfig
        from sslvqa.train import train as run
        from sslvqa.train.settings import read_toml, resolve_config

        named = {} if config is None else read_toml(config)
        if method is None and "method" not in named:
            plenty = unlabelled is not None or "unlabelled" in named
            method = "ssl_vqa" if plenty else "ssl_vqa_minus"
        settings = resolve_config(
            TrainConfig,
            preset=None if preset is None else TRAIN_PRESETS[preset]("", "", ""),
            file=config,
            options={
                "labels": labels,
                "pristine": pristine,
                "unlabelled": unlabelled,
                "groups": groups,
                "out": out,
                "init": init,
                "architecture": architecture,
                "method": method,
                "labels_table.root": root,
                "labels_table.path_column": path_column,
                "labels_table.score_column": score_column,
                "labels_table.skip_bad": skip_bad or None,
                "labels_table.limit": labels_limit,
                "labels_table.unlabelled_limit": unlabelled_limit,
                "labelled_batch": labelled_batch,
                "unlabelled_batch": unlabelled_batch,
                "epochs": epochs,
                "max_steps": max_steps,
                "optim.lr": lr,
                "optim.head_lr": head_lr,
                "loss.consistency": consistency,
                "loss.transfer": transfer,
                "runtime.seed": seed,
                "runtime.workers": workers,
                "runtime.threads": threads,
                "runtime.precision": precision,
                "runtime.chunk": chunk,
                "runtime.device": device,
                "output.tag": tag,
                "output.label": label,
                "output.label_kind": label_kind,
                "output.licence": licence,
            },
        )
        sys.stdout.write(f"{run(settings, resume=resume)}\n")
