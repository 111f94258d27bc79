"""What all stages know: the recipe, the folders, and how much time is left."""

from __future__ import annotations

import math
import sys
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Literal

import carry
from recipes import Recipe, runtime_of

from sslvqa.cli.main import app
from sslvqa.errors import DataError
from sslvqa.train import Interrupted, RuntimeConfig

RESERVE_MINUTES = 0.75
"""Kept at the end of a piece for a checkpoint and for handing over."""


@dataclass(frozen=True)
class Job:
    """One size in one folder, for some minutes."""

    recipe: Recipe
    clips: Path
    out: Path
    size: str
    sources: Path = carry.SOURCES
    workers: int = 2
    ends_at: float = math.inf
    """Of ``time.monotonic()``."""
    compiled: Literal["auto", "on", "off"] = "auto"
    cache: Path | None = None
    """Folder of decoded frames."""

    @property
    def data(self) -> Path:
        """Scenes, shared by sizes with scenes of this length."""
        return self.out / f"data-{self.recipe.frames}"

    @property
    def run(self) -> Path:
        """What belongs to this size."""
        return self.out / self.size

    def runtime(self, stop_minutes: float | None = None) -> RuntimeConfig:
        """How a stage computes."""
        return runtime_of(self.workers, stop_minutes, compiled=self.compiled, cache=self.cache)

    def release(self, name: str) -> Path:
        """The folder of the float16 model of a run."""
        return self.run / name / "release"

    def minutes_left(self) -> float | None:
        """For a stage that stops by itself; None without a limit.

        Raises:
            Interrupted: There are none.
        """
        if math.isinf(self.ends_at):
            return None
        left = (self.ends_at - time.monotonic()) / 60 - RESERVE_MINUTES
        if left <= 0:
            raise Interrupted("the time is over; the same command goes on")
        return left


def sslvqa(*arguments: object) -> str:
    """Run a command of the package in this process; what it prints. Its progress goes to stderr."""
    words = [str(argument) for argument in arguments]
    sys.stderr.write(f"$ sslvqa {' '.join(words)}\n")
    with redirect_stdout(StringIO()) as printed:
        code = app(words, standalone_mode=False)
    if code:
        raise DataError(f"sslvqa {words[0]} failed in part: see above, mend that, run it again")
    return printed.getvalue()
