"""Checkpoints of a run: complete or absent, never half."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Progress", "drop_checkpoints", "find_checkpoint", "load_checkpoint", "save_checkpoint"]

_PREFIX = "checkpoint-"


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    step: int
    """Optimisation steps done."""
    fingerprint: str
    """Hash of settings and data; a run only resumes with the same."""


def save_checkpoint(
    run: Path, method: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
) -> Path:
    """Write ``run/checkpoint-STEP`` (weights, optimizer, progress), then drop older ones."""
    target = run / f"{_PREFIX}{progress.step:08d}"
    scratch = run / f".{target.name}.part"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    state = {name: value.detach().cpu().contiguous().clone() for name, value in method.state_dict().items()}
    save_file(state, scratch / "weights.safetensors")
    torch.save(optimizer.state_dict(), scratch / "optimizer.pt")
    (scratch / "progress.json").write_text(json.dumps(vars(progress)), encoding="utf-8")
    if target.exists():
        shutil.rmtree(target)
    scratch.rename(target)
    drop_checkpoints(run, but=target)
    return target


def drop_checkpoints(run: Path, *, but: Path | None = None) -> None:
    """Delete the checkpoints of a run, all of them or all but one."""
    for old in run.glob(f"{_PREFIX}*"):
        if old != but:
            shutil.rmtree(old)


def find_checkpoint(run: Path) -> Path | None:
    """The newest complete checkpoint of a run."""
    return max(run.glob(f"{_PREFIX}*"), default=None)


def load_checkpoint(
    path: Path, method: nn.Module, optimizer: torch.optim.Optimizer, *, fingerprint: str
) -> Progress:
    """Restore weights and optimizer in place.

    Raises:
        ConfigError: The checkpoint is of a run with other settings or data.
    """
    values: dict[str, Any] = json.loads((path / "progress.json").read_text(encoding="utf-8"))
    progress = Progress(**values)
    if progress.fingerprint != fingerprint:
        raise ConfigError(
            f"{path} was made with other settings or data; resume with the same ones (config.toml), "
            "or choose another --out"
        )
    method.load_state_dict(load_file(path / "weights.safetensors"))
    state = torch.load(path / "optimizer.pt", map_location="cpu", weights_only=True)
    for group, own in zip(state["param_groups"], optimizer.param_groups, strict=True):
        group["fused"] = own["fused"]  # as this device has it, not the one before
    optimizer.load_state_dict(state)
    return progress
