"""Training runs: a process of their own each, which ends with a checkpoint when it is told to, or alone.

A run is the folder ``run-NN``: ``labels.csv`` and ``unlabelled.csv`` (as they were at its start),
``settings.toml``, ``log.txt``, and ``out/``, which is that of ``sslvqa train``: ``out/metrics.jsonl`` has a
line a step, ``out/model`` is the model.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sslvqa.data.manifest import ManifestRow, write_manifest
from sslvqa.errors import ConfigError, DataError
from sslvqa.hub.card import CARD_FILE
from sslvqa.train import TRAIN_PRESETS, TrainConfig, write_config
from sslvqa.train.settings import resolve_config

if TYPE_CHECKING:
    from sslvqa.hub import ModelCard
    from sslvqa.web.settings import ServeSettings
    from sslvqa.web.teach.folder import TeachFolder

__all__ = ["RunFacts", "RunState", "list_runs", "prepare_run", "run_folder"]

RunState = Literal["running", "stopped", "failed", "done"]
_SHOWN_LOSSES = 200
_KINDS = ("absolute category rating", "pair comparison (Bradley-Terry, in logits)")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """How a run goes."""

    name: str
    state: RunState
    step: int
    """Steps done."""
    steps: int | None
    """Of the whole run; None before the first."""
    losses: tuple[float, ...]
    """At most 200 means of as many stretches of the run."""
    error: str | None


def run_folder(teach: TeachFolder, name: str) -> Path:
    """The folder of a run.

    Raises:
        DataError: There is none of this name.
    """
    found = [path for path in teach.path.glob("run-*") if path.name == name and path.is_dir()]
    if not found:
        raise DataError(f"there is no training run {name!r}")
    return found[0]


def list_runs(teach: TeachFolder, *, running: str | None) -> list[RunFacts]:
    """All runs, oldest first; ``running`` is the one that has a process."""
    folders = sorted(path for path in teach.path.glob("run-*") if path.is_dir())
    return [_facts(path, running=path.name == running) for path in folders]


def prepare_run(
    teach: TeachFolder, settings: ServeSettings, card: ModelCard, *, init: str, epochs: int | None = None
) -> str:
    """Write down what a new run learns from, and return its name.

    It starts from ``init``, takes the recipe ``nano_cpu`` for the nano architecture and ``paper`` for the
    others, and all videos without a rating as unlabelled ones.

    Args:
        teach: Its ``ratings.csv`` are the labels.
        settings: Pristine videos, device, threads.
        card: Of the model to start from.
        init: That model's name or directory.
        epochs: Passes over the labelled videos; None leaves them to the settings.

    Raises:
        DataError: There are no ratings yet.
        ConfigError: No pristine videos are known, or ``train.toml`` has other keys or values than it may.
    """
    if settings.pristine is None:
        raise ConfigError("training needs pristine videos; start the server with --pristine FOLDER")
    rated, report = teach.ratings(), teach.report()
    if not rated or report is None:
        raise DataError("there are no ratings yet; compute them from the votes first")
    folder = teach.path / teach.next_name("run")
    folder.mkdir()
    try:
        shutil.copyfile(teach.path / "ratings.csv", folder / "labels.csv")
        fresh = [name for name in teach.videos() if name not in rated]
        rows = [ManifestRow(teach.root / name, name, content=name) for name in fresh]
        if rows:
            write_manifest(folder / "unlabelled.csv", rows)
        low, high = report["scale"]
        pairs = teach.method() == "pair"
        custom = teach.path / "train.toml"
        config = resolve_config(
            TrainConfig,
            preset=TRAIN_PRESETS["nano_cpu" if card.architecture.name == "nano" else "paper"]("", "", ""),
            file=custom if custom.is_file() else None,
            options={
                "labels": str(folder / "labels.csv"),
                "labels_table.root": str(teach.path),
                "unlabelled": str(folder / "unlabelled.csv") if rows else None,
                "method": "ssl_vqa" if rows else "ssl_vqa_minus",
                "pristine": str(settings.pristine.resolve()),
                "init": init,
                "out": str(folder / "out"),
                "epochs": epochs,
                "runtime.device": settings.device,
                "runtime.threads": settings.threads,
                "output.tag": f"taught{int(folder.name.removeprefix('run-'))}",
                "output.label": "preference" if pairs else "MOS",
                "output.label_kind": f"human opinion by {_KINDS[pairs]}, collected by sslvqa",
                "output.minimum": float(low),
                "output.maximum": float(high),
            },
        )
        write_config(folder / "settings.toml", config)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return folder.name


def _facts(folder: Path, *, running: bool) -> RunFacts:
    step, steps, losses = _progress(folder / "out" / "metrics.jsonl")
    error = None if running else _error(folder / "log.txt")
    state: RunState = "stopped"
    if running:
        state = "running"
    elif (folder / "out" / "model" / CARD_FILE).is_file():
        state, error = "done", None
    elif error is not None:
        state = "failed"
    return RunFacts(folder.name, state, step, steps, losses, error)


def _progress(metrics: Path) -> tuple[int, int | None, tuple[float, ...]]:
    """Steps done, steps of the run, and how the loss went."""
    if not metrics.is_file():
        return 0, None, ()
    lines = [line for line in metrics.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    records = [record for record in map(json.loads, lines) if "loss" in record]
    if not records:
        return 0, None, ()
    last, size = records[-1], max(1, -(-len(records) // _SHOWN_LOSSES))
    losses = [record["loss"] for record in records]
    stretches = [losses[start : start + size] for start in range(0, len(losses), size)]
    return last["step"] + 1, last.get("steps"), tuple(round(sum(x) / len(x), 5) for x in stretches)


def _error(log: Path) -> str | None:
    """What the process said last, if that was an error."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    return lines[-1].removeprefix("error: ")[:1000] if lines and lines[-1].startswith("error: ") else None
