"""How runs are trained: one recipe for all rows of a table, so that they differ in nothing else."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sslvqa.errors import ConfigError
from sslvqa.train import PRETRAIN_PRESETS, TRAIN_PRESETS, HeadConfig, PretrainConfig, TrainConfig
from sslvqa.train.build import settled
from sslvqa.train.settings import resolve_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sslvqa.reproduce.bench import Bench, Draw
    from sslvqa.reproduce.tables import Row

__all__ = ["Recipe", "decisive"]

_SELF_SUPERVISED = ("statistical", "cosine")


@dataclass(frozen=True)
class Recipe:
    """Settings that all runs share."""

    architecture: str = "swin_t"
    preset: str = "paper"
    """Of both stages, see :data:`sslvqa.train.TRAIN_PRESETS`."""
    steps: int | None = None
    """Optimisation steps of every run, however many labels it has; absent for the preset's epochs."""
    pretrain_steps: int | None = None
    """Of self-supervised learning; absent for the preset's epochs."""
    file: Path | None = None
    """TOML settings over the preset of the second stage."""
    options: tuple[tuple[str, object], ...] = ()
    """Settings of both stages by dotted name, over all else; of ``runtime`` as a rule."""

    def __post_init__(self) -> None:
        """Check the names and ranges."""
        if self.preset not in TRAIN_PRESETS:
            raise ConfigError(f"preset is '{self.preset}'; expected {', '.join(TRAIN_PRESETS)}")
        for name in ("steps", "pretrain_steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}; expected 1 or more")

    def pretrain_config(self, start: str, out: Path, *, bench: Bench) -> PretrainConfig:
        """Settings that a self-supervised start is learned with.

        Raises:
            ConfigError: There is no such start to be learned.
        """
        if start not in _SELF_SUPERVISED:
            raise ConfigError(
                f"start '{start}' cannot be learned here; give it: --start {start}=FOLDER_OF_A_RUN_OR_MODEL"
            )
        options = {
            **dict(self.options),
            "architecture": self.architecture,
            "loss": start,
            "videos": f"{bench.name}: scenes",
            "out": str(out),
            "max_steps": self.pretrain_steps,
            "epochs": self.pretrain_steps,
        }
        return resolve_config(PretrainConfig, preset=PRETRAIN_PRESETS[self.preset]("", ""), options=options)

    def train_config(self, row: Row, draw: Draw, init: str, out: Path, *, bench: Bench) -> TrainConfig:
        """Settings of one run: the recipe, then what the row changes.

        Raises:
            ConfigError: A setting that does not exist or is out of range.
        """
        preset = TRAIN_PRESETS[self.preset]("", "", "")
        options: dict[str, object] = {
            **dict(self.options),
            "architecture": self.architecture,
            "method": row.method,
            "labels": f"{bench.name}: labelled",
            "pristine": None if draw.pristine is None else f"{bench.name}: pristine",
            "unlabelled": None if draw.unlabelled is None else f"{bench.name}: unlabelled",
            "groups": f"{bench.name}: scenes" if row.ranks else None,
            "init": init,
            "out": str(out),
            "max_steps": self.steps,
            "epochs": self.steps,
            "validate_epochs": 0,
            "runtime.seed": draw.seed,
            "output.tag": f"{row.method.rsplit(':', 1)[-1].replace('_', '-')}-{draw.seed}",
            "output.label": bench.label,
            "output.label_kind": bench.label_kind,
            **dict(row.changes),
        }
        return resolve_config(TrainConfig, preset=preset, file=self.file, options=options)


def decisive(config: PretrainConfig | TrainConfig) -> Mapping[str, Any]:
    """Settings that decide the result: no folders, no labels for people, nothing of where it runs."""
    values = dataclasses.asdict(config)
    for name in ("labels", "pristine", "unlabelled", "groups", "videos", "init", "out", "validate_epochs"):
        values.pop(name, None)
    for name in ("tag", "label", "label_kind", "licence", "description", "coverage"):
        values.get("output", {}).pop(name, None)
    if "method" in values:
        values["method"] = Path(values["method"]).name
    if values.get("head") == dataclasses.asdict(HeadConfig()):
        del values["head"]  # a head that does not learn alone decides nothing
    runtime = settled(config.runtime)
    values["runtime"] = {"seed": runtime.seed, "precision": runtime.precision}
    return values
