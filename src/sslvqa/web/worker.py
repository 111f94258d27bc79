"""The process that decodes and scores: killable, limited, and spoken to in lines of JSON.

The server writes one line for the settings and then one for each task; this process answers with lines:
``{"progress": 0.4, "stage": "reading"}`` while it works, then ``{"result": {...}}`` or
``{"error": "...", "error_type": "..."}``. It ends when its standard input does. A file that crashes or takes
over a decoder reaches this process only; the server believes nothing that it cannot check.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sslvqa.errors import SslvqaError
from sslvqa.video.guard import Limits
from sslvqa.video.raw import RawGeometry
from sslvqa.video.worker import limit_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

    from sslvqa.scoring import Scorer

__all__ = ["COMMAND", "MAX_FILE_BYTES", "main"]

COMMAND = (sys.executable, "-P", "-c", "from sslvqa.web.worker import main; main()")
"""How the server starts this process."""

MAX_FILE_BYTES = 1 << 30
"""Largest file (a preview) that a worker may write."""

_REPORT_SECONDS = 0.15
_READ_SHARE = 0.6
"""Part of the progress bar that reading takes; the rest is the model's."""


class _WatchedFile(io.FileIO):
    """A file that tells how much of it was read and goes by the name that the user knows."""

    def __init__(self, path: str, name: str, watch: Callable[[float], None]) -> None:
        super().__init__(path, "rb")
        self.name = name
        self._watch, self._seen = watch, 0
        self._expected = 2 * max(os.fstat(self.fileno()).st_size, 1)  # indexed once, decoded once

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as every file does, and report."""
        data = super().read(-1 if size is None else size)
        self._seen += len(data)
        self._watch(min(self._seen / self._expected, 1.0))
        return data


class _Reporter:
    """Writes progress, not more often than anyone can see."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._last, self._stage = stream, 0.0, ""

    def send(self, message: Mapping[str, Any]) -> None:
        """Write one line."""
        self._stream.write(json.dumps(message, allow_nan=False).encode() + b"\n")
        self._stream.flush()

    def progress(self, fraction: float, stage: str) -> None:
        """Write how far the task is, in [0, 1]."""
        now = time.monotonic()
        if stage != self._stage or now - self._last > _REPORT_SECONDS:
            self._last, self._stage = now, stage
            self.send({"progress": round(fraction, 4), "stage": stage})


def main() -> None:
    """Entry point: serve the tasks on standard input until it ends."""
    reporter = _Reporter(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    lines = _read_lines()
    settings = json.loads(lines.get())
    try:
        scorer = _prepare(settings)
    except Exception as error:  # the server has to know why there is no worker
        reporter.send(_failure(error))
        return
    reporter.send({"ready": True})
    while True:
        task = json.loads(lines.get())
        try:
            reporter.send({"result": _TASKS[task["kind"]](scorer, task, settings, reporter)})
        except MemoryError:
            cause = f"needed more than the allowed {settings['max_memory_bytes']} bytes of memory"
            reporter.send({"error": f"{task['name']}: {cause}", "error_type": "VideoLimitError"})
        except Exception as error:  # whatever happens to one file is that file's record
            reporter.send(_failure(error))


def _read_lines() -> queue.SimpleQueue[bytes]:
    """Read standard input in a thread, so that the process ends with its parent even while it works."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def pump() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=pump, daemon=True).start()
    return lines


def _failure(error: Exception) -> dict[str, str]:
    name = type(error).__name__
    text = str(error) if isinstance(error, SslvqaError) else f"{name}: {error}"
    return {"error": text or name, "error_type": name}


def _prepare(settings: Mapping[str, Any]) -> Scorer:
    """Load the model, then take away what scoring does not need."""
    from sslvqa.scoring import Scorer

    limits = Limits(
        max_side_px=settings["max_side_px"],
        max_duration_seconds=settings["max_duration_seconds"],
        max_bytes=settings["max_upload_bytes"],
        timeout_seconds=settings["task_seconds"],
    )
    scorer = Scorer(settings["model"], device=settings["device"], threads=settings["threads"], limits=limits)
    if settings["max_memory_bytes"] is not None:
        limit_memory(settings["max_memory_bytes"])
    _limit_files()
    return scorer


def _limit_files() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))


def _open(task: Mapping[str, Any], reporter: _Reporter, *, share: float) -> _WatchedFile:
    return _WatchedFile(
        task["source"], task["name"], lambda fraction: reporter.progress(share * fraction, "reading")
    )


def _geometry(task: Mapping[str, Any]) -> RawGeometry | None:
    return None if task["geometry"] is None else RawGeometry(**task["geometry"])


def _score(
    scorer: Scorer, task: Mapping[str, Any], settings: Mapping[str, Any], reporter: _Reporter
) -> dict[str, Any]:
    def viewed(done: int, total: int) -> None:
        reporter.progress(_READ_SHARE + (1 - _READ_SHARE) * done / total, "scoring")

    with _open(task, reporter, share=_READ_SHARE) as file:
        result = scorer.score(
            file,
            timeline_seconds=settings["timeline_seconds"],
            max_windows=settings["max_windows"],
            geometry=_geometry(task),
            progress=viewed,
        )
    return result.to_dict()


def _describe(
    scorer: Scorer,
    task: Mapping[str, Any],
    settings: Mapping[str, Any],  # noqa: ARG001 - every task is called alike
    reporter: _Reporter,
) -> dict[str, Any]:
    from sslvqa.scoring import describe

    with _open(task, reporter, share=_READ_SHARE) as file:
        return describe(scorer.read(file), scorer=scorer).to_dict()


def _map(
    scorer: Scorer, task: Mapping[str, Any], settings: Mapping[str, Any], reporter: _Reporter
) -> dict[str, Any]:
    from sslvqa.web.grids import map_grids

    with _open(task, reporter, share=_READ_SHARE) as file:
        grids = map_grids(
            file,
            scorer=scorer,
            places=settings["map_places"],
            draws=settings["map_draws"],
            geometry=_geometry(task),
            strip=Path(task["folder"]) / "map.png",
            progress=lambda fraction: reporter.progress(
                _READ_SHARE + (1 - _READ_SHARE) * fraction, "measuring"
            ),
        )
    return dataclasses.asdict(grids)


def _map_video(
    scorer: Scorer,
    task: Mapping[str, Any],
    settings: Mapping[str, Any],
    reporter: _Reporter,
) -> dict[str, Any]:
    from sslvqa.api import quality_map

    style: dict[str, Any] = task["options"]
    with _open(task, reporter, share=0.0) as file:
        quality_map(
            file,
            model=scorer,
            out=Path(task["folder"]) / "map.mp4",
            draws=settings["map_draws"],
            strength=style["strength"],
            palette=style["palette"],
            range_=style["range"],
            geometry=_geometry(task),
            progress=lambda fraction: reporter.progress(fraction, "drawing"),
        )
    return style


def _preview(
    scorer: Scorer, task: Mapping[str, Any], settings: Mapping[str, Any], reporter: _Reporter
) -> dict[str, Any]:
    from sslvqa.web.preview import write_preview

    with _open(task, reporter, share=0.0) as file:
        made = write_preview(
            Path(task["folder"]) / "preview.mp4",
            file,
            limits=scorer.limits,
            geometry=_geometry(task),
            max_seconds=settings["preview_seconds"],
            max_side_px=settings["preview_side_px"],
            progress=lambda fraction: reporter.progress(fraction, "converting"),
        )
    return dataclasses.asdict(made)


_TASKS: dict[str, Callable[[Scorer, Mapping[str, Any], Mapping[str, Any], _Reporter], dict[str, Any]]] = {
    "score": _score,
    "describe": _describe,
    "map": _map,
    "map_video": _map_video,
    "preview": _preview,
}
