"""One job: a video on its way to a score and, on demand, a quality map and a preview."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from sslvqa.errors import UnreadableVideoError

if TYPE_CHECKING:
    from pathlib import Path

    from sslvqa.video import RawGeometry

__all__ = ["PRODUCTS", "Extra", "ExtraKind", "ExtraState", "Job", "State", "TaskKind"]

State = Literal["queued", "running", "done", "failed", "cancelled"]
ExtraKind = Literal["map", "map_video", "preview"]
ExtraState = Literal["none", "waiting", "running", "ready", "failed", "gone"]
TaskKind = Literal["score", "map", "map_video", "preview"]

PRODUCTS: dict[ExtraKind, str] = {"map": "map.png", "map_video": "map.mp4", "preview": "preview.mp4"}
"""The file that each extra leaves in the job's folder."""


@dataclass
class Extra:
    """A quality map, a video of it, or a preview of a job."""

    state: ExtraState = "none"
    options: dict[str, Any] = field(default_factory=dict)
    """How it is wanted."""
    progress: float = 0.0
    error: str | None = None
    result: dict[str, Any] | None = None


@dataclass
class Job:
    """One video."""

    id: str
    name: str
    """What the user calls it; never a path of the server."""
    source: Path
    folder: Path
    """Where its upload, map and preview lie."""
    uploaded: bool
    size_bytes: int
    model: str
    """Which of the server's models scores it."""
    geometry: RawGeometry | None = None
    ticket: str = ""
    """By which its uploader knows it before the upload is answered."""
    state: State = "queued"
    stage: str = ""
    progress: float = 0.0
    created: float = field(default_factory=time.time)
    ended: float | None = None
    used: float = field(default_factory=time.monotonic)
    """When its last task ended or its media was last asked for."""
    result: dict[str, Any] | None = None
    """Of the score: ``VideoScore.to_dict()``."""
    error: str | None = None
    error_type: str | None = None
    extras: dict[ExtraKind, Extra] = field(default_factory=lambda: {kind: Extra() for kind in PRODUCTS})

    @property
    def has_media(self) -> bool:
        """Whether the video itself is still there."""
        return self.source.is_file()

    def size_of(self, name: str) -> int:
        """Bytes of a file in its folder; 0 when there is none."""
        path = self.folder / name
        return path.stat().st_size if path.is_file() else 0

    def booked_bytes(self) -> int:
        """Bytes in its folder that count: of the upload and of what is ready, not of what is being made."""
        ready = [PRODUCTS[kind] for kind, extra in self.extras.items() if extra.state == "ready"]
        return sum(map(self.size_of, ("upload", *ready)))

    def drop_product(self, kind: ExtraKind) -> int:
        """Delete the file of an extra and return how many bytes it had."""
        size = self.size_of(PRODUCTS[kind])
        (self.folder / PRODUCTS[kind]).unlink(missing_ok=True)
        return size

    def forget_media(self) -> None:
        """Delete its folder: the upload and everything made of its pictures."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for kind, extra in self.extras.items():
            if kind != "map" and extra.state == "ready":  # the grids of a map are no file
                self.extras[kind] = Extra("gone")

    def task(self, kind: TaskKind) -> dict[str, Any]:
        """What a worker is told.

        Raises:
            UnreadableVideoError: The video is no longer there.
        """
        if not self.has_media:
            raise UnreadableVideoError(f"{self.name}: the video is no longer on the server; add it again")
        self.folder.mkdir(mode=0o700, exist_ok=True)
        return {
            "kind": kind,
            "name": self.name,
            "source": str(self.source),
            "folder": str(self.folder),
            "geometry": None if self.geometry is None else asdict(self.geometry),
            "options": {} if kind == "score" else self.extras[kind].options,
        }

    # --- how its tasks go

    def begin(self, kind: TaskKind) -> None:
        """A worker has taken it."""
        if kind == "score":
            self.state, self.stage = "running", "starting"
        else:
            self.extras[kind].state = "running"

    def advance(self, kind: TaskKind, fraction: float, stage: str) -> None:
        """A worker tells how far it is, in [0, 1]."""
        if kind == "score":
            self.progress, self.stage = fraction, stage
        else:
            self.extras[kind].progress = fraction

    def finish(self, kind: TaskKind, result: dict[str, Any]) -> bool:
        """A worker is done; False when nobody waits for it any more."""
        if kind != "score":
            if self.extras[kind].state != "running":
                return False
            self.extras[kind] = replace(self.extras[kind], state="ready", progress=1.0, result=result)
        elif self.state != "running":
            return False
        else:
            self._end("done")
            self.progress, self.result = 1.0, result
        return True

    def fail(self, kind: TaskKind, text: str, error_type: str) -> bool:
        """A worker failed; False when nobody waits for it any more."""
        if kind != "score":
            if self.extras[kind].state != "running":
                return False
            self.extras[kind] = replace(self.extras[kind], state="failed", error=text)
        elif self.state != "running":
            return False
        else:
            self._end("failed")
            self.error, self.error_type = text, error_type
        return True

    def cancel(self) -> bool:
        """Nobody waits for its tasks any more; True when that ends the score."""
        for extra in self.extras.values():
            if extra.state in {"waiting", "running"}:
                extra.state = "none"
        if self.state not in {"queued", "running"}:
            return False
        self._end("cancelled")
        return True

    def _end(self, state: State) -> None:
        self.state, self.stage, self.ended = state, "", time.time()
