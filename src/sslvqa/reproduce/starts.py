"""What runs start from: random weights, backbones learned here once without labels, or weights given."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sslvqa.errors import ConfigError
from sslvqa.hub import load_card
from sslvqa.reproduce.recipe import decisive
from sslvqa.train import pretrain
from sslvqa.train.checkpoint import drop_checkpoints
from sslvqa.train.start import BACKBONE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sslvqa.data.datasets import SceneVersions
    from sslvqa.reproduce.bench import Bench
    from sslvqa.reproduce.recipe import Recipe

__all__ = ["RANDOM", "Starts", "file_sha256"]

RANDOM = "random"
"""The start that needs nothing."""


class Starts:
    """The starts of a benchmark, in ``folder/NAME`` where they are learned here.

    Args:
        folder: Of the starts that are learned.
        bench: Gives the scenes to learn from.
        recipe: How.
        given: Names to folders of finished ``pretrain`` runs, or models.

    Raises:
        ConfigError: A given start is not there.
    """

    def __init__(self, folder: Path, *, bench: Bench, recipe: Recipe, given: Mapping[str, str]) -> None:
        self.folder = folder
        self.bench = bench
        self.recipe = recipe
        self.given = {name: (init, _given_sha256(name, init)) for name, init in given.items()}
        self._learned: dict[str, str] = {}

    def sha256(self, name: str) -> str | None:
        """Hash of the weights; empty for random ones, None when they are still to be learned."""
        if name == RANDOM:
            return ""
        if name in self.given:
            return self.given[name][1]
        if name not in self._learned:
            file = self._file(name)
            if not file.is_file():
                return None
            self._learned[name] = file_sha256(file)
        return self._learned[name]

    def init(self, name: str) -> str:
        """What ``TrainConfig.init`` is to be."""
        if name == RANDOM:
            return "scratch"
        return self.given[name][0] if name in self.given else str(self._file(name).parent)

    def why_impossible(self, name: str) -> str | None:
        """Why a start cannot be had, or None."""
        if name == RANDOM or name in self.given:
            return None
        try:
            self._file(name)
        except ConfigError as error:
            return str(error)
        return None

    def learn(self, name: str, *, stop_minutes: float | None = None) -> Path:
        """Learn a start, or go on with it, and return its folder.

        Raises:
            DataError: There are no scenes to learn from.
            Interrupted: The time is over, or the process was asked to stop.
        """
        out = self._file(name).parent
        groups = self.groups()
        config = self.recipe.pretrain_config(name, out, bench=self.bench)
        runtime = replace(config.runtime, stop_minutes=stop_minutes)
        pretrain(replace(config, runtime=runtime), resume=True, groups=groups)
        drop_checkpoints(out)
        return out

    def groups(self) -> tuple[SceneVersions, ...]:
        """Scenes with distorted versions, made when they are first asked for.

        Raises:
            DataError: There are none.
        """
        return self.bench.groups(self.folder / "groups")

    def _file(self, name: str) -> Path:
        """A folder for each recipe: other settings learn another start."""
        settings = decisive(self.recipe.pretrain_config(name, self.folder, bench=self.bench))
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        return self.folder / f"{name}-{digest[:12]}" / BACKBONE_FILE


def _given_sha256(name: str, init: str) -> str:
    file = Path(init)
    file = file / BACKBONE_FILE if (file / BACKBONE_FILE).is_file() else file
    if file.is_file():
        return file_sha256(file)
    if Path(init).is_dir() and not (Path(init) / "card.toml").is_file():
        raise ConfigError(
            f"start {name}={init}: no {BACKBONE_FILE} and no card.toml; expected a finished pretrain run "
            "or a model"
        )
    return load_card(init).weights_sha256


def file_sha256(file: Path | str) -> str:
    """Hash of the bytes of a file."""
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
