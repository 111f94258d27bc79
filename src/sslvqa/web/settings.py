"""What the server may do and how much one user may cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sslvqa.errors import ConfigError

__all__ = ["LOOPBACK", "ServeSettings"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names under which only this machine reaches the server."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Settings of one server.

    Attributes:
        model: ``default``, a shipped name or a model directory.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        threads: CPU threads of one worker; None leaves torch's.
        workers: Worker processes; each scores one video at a time.
        folder: Server-side folder whose videos may be scored; None allows uploads only.
        teach: Folder of studies, ratings and training runs made from the page; None offers no teaching.
        pristine: Folder or table of pristine videos, which training needs; None allows no training.
        token: What a client must present; None lets everybody in and is for loopback only.
        hosts: Names that a request's ``Host`` may have; empty allows any (with a token).
        timeline_seconds: Length of a window of the timeline.
        max_windows: Longer videos get longer windows.
        map_places: Quality maps spread over one video.
        map_draws: Most views for each map; 24 cover every pixel of 1280x720.
        max_upload_bytes: Largest file.
        max_duration_seconds: Longest video.
        max_side_px: Longest side of a frame.
        max_waiting: Most tasks that wait; further ones are refused with status 503.
        max_jobs: Most jobs kept; the oldest finished ones give way.
        max_disk_bytes: Most bytes of uploads, previews and maps together.
        max_memory_bytes: Most private memory of a worker process; None sets no limit (needed for CUDA).
        task_seconds: Longest time for one score, map or preview, and for loading a model.
        upload_idle_seconds: Longest silence of an upload.
        keep_seconds: How long an upload and its preview stay after the last task, to be played.
        tasks_per_worker: A worker process is replaced after so many tasks; 1 isolates every file.
        preview_seconds: Length of a preview.
        preview_side_px: Longer side of a preview.
    """

    model: str | Path = "default"
    device: str = "auto"
    threads: int | None = None
    workers: int = 1
    folder: Path | None = None
    teach: Path | None = None
    pristine: Path | None = None
    token: str | None = None
    hosts: tuple[str, ...] = LOOPBACK
    timeline_seconds: float = 1.0
    max_windows: int = 120
    map_places: int = 6
    map_draws: int = 24
    max_upload_bytes: int = 4 << 30
    max_duration_seconds: float = 3600.0
    max_side_px: int = 8192
    max_waiting: int = 500
    max_jobs: int = 2000
    max_disk_bytes: int = 20 << 30
    max_memory_bytes: int | None = 4 << 30
    task_seconds: float = 900.0
    upload_idle_seconds: float = 60.0
    keep_seconds: float = 3600.0
    tasks_per_worker: int = 100
    preview_seconds: float = 600.0
    preview_side_px: int = 960

    def __post_init__(self) -> None:
        """Check the values."""
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, int | float) and not (value > 0 or (name == "keep_seconds" and value == 0)):
                raise ConfigError(f"{name} is {value!r}; it must be positive")
        if self.folder is not None and not self.folder.is_dir():
            raise ConfigError(f"folder is {self.folder}; there is no such folder; create it first")
        if self.teach is not None and self.folder is None:
            raise ConfigError("teaching needs a folder of videos to choose from; pass folder (--folder) too")
        if self.pristine is not None and not self.pristine.exists():
            raise ConfigError(f"pristine is {self.pristine}; there is no such folder or table")
        if self.token is not None and len(self.token) < 16:
            raise ConfigError("the token is shorter than 16 characters; take a long random one")
        if self.token is None and not set(self.hosts) <= set(LOOPBACK):
            raise ConfigError("a server that others can reach needs a token; pass one")
        if self.token is None and not self.hosts:
            raise ConfigError("without a token only loopback hosts are allowed; pass a token")
