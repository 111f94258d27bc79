"""Score the files of a folder as they arrive, each once, also over restarts."""

from __future__ import annotations

import json
import os
import stat
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sslvqa.data.manifest import VIDEO_SUFFIXES
from sslvqa.errors import ConfigError
from sslvqa.locks import try_lock
from sslvqa.scoring import FailedScore, VideoScore, check_timeline, score_each

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from sslvqa.scoring import Scorer

__all__ = ["LEDGER", "watch_folder"]

LEDGER = ".sslvqa-ledger.ndjson"
"""Name of the default ledger, in the watched folder."""

_NOT_OF_THE_FILE = frozenset({"ConfigError", "ModelError", "UnknownModelError", "WeightsError"})
"""Types of failures that the settings or the model are to blame for; another start may mend them."""


class _State(NamedTuple):
    """What tells whether a file is still being written, or is another one than before."""

    size_bytes: int
    mtime_ns: int


def watch_folder(
    folder: Path,
    *,
    scorer: Scorer,
    stop: threading.Event,
    ledger: Path | None = None,
    settle_seconds: float = 5.0,
    timeline_seconds: float | None = None,
) -> Iterator[VideoScore | FailedScore]:
    """Score videos below a folder when they are complete; wait for more until told to stop.

    A file is complete when its size and modification time have not changed for ``settle_seconds``. The
    folder is listed every half of that time, which also works on network file systems, and the process sleeps
    in between. A scored or failed file enters the ledger when the next result is asked for, that is, when the
    caller is done with this one; it is scored again only if it changes or the model does. A failure of the
    settings or of the model does not enter the ledger: the next watcher tries the file again.

    Args:
        folder: Watched with its subfolders.
        scorer: What scores.
        stop: Set it (from a signal handler or another thread) to end after the current file.
        ledger: An ndjson file of what was done, by absolute path; default :data:`LEDGER` in the folder.
        settle_seconds: See above.
        timeline_seconds: As in :meth:`~sslvqa.scoring.Scorer.score`.

    Raises:
        ConfigError: There is no such folder, ``settle_seconds`` or ``timeline_seconds`` is not positive, or
            another process watches with the same ledger.
    """
    if not folder.is_dir():
        raise ConfigError(f"watch: there is no folder {folder}; create it first")
    if not settle_seconds > 0:
        raise ConfigError(f"settle_seconds is {settle_seconds}; give a positive number of seconds")
    check_timeline(timeline_seconds)
    book = folder / LEDGER if ledger is None else ledger
    changed: dict[Path, tuple[_State, float]] = {}
    with _own(book):
        done = _read_ledger(book, scorer.card.weights_sha256)
        while not stop.is_set():
            for path, state in _complete(folder, done, changed, settle_seconds):
                if stop.is_set():
                    return
                (result,) = score_each([path], scorer=scorer, timeline_seconds=timeline_seconds)
                yield result
                done[_key(path)] = state
                if not (isinstance(result, FailedScore) and result.error_type in _NOT_OF_THE_FILE):
                    _append(book, path, state, scorer.card.weights_sha256)
            stop.wait(settle_seconds / 2)


@contextmanager
def _own(book: Path) -> Iterator[None]:
    """Keep others from the ledger: two watchers would score every file twice."""
    lock = try_lock(book.with_name(book.name + ".lock"))
    if lock is None:
        raise ConfigError(
            f"{book} is in use by another sslvqa watch; stop that one, or give another --ledger"
        )
    try:
        yield
    finally:
        lock.release()


def _complete(
    folder: Path,
    done: dict[str, _State],
    changed: dict[Path, tuple[_State, float]],
    settle_seconds: float,
) -> list[tuple[Path, _State]]:
    """Files to score now, by name; ``changed`` remembers since when every waiting file looks as it does."""
    now = time.monotonic()
    waiting = {path: state for path, state in _list(folder) if done.get(_key(path)) != state}
    for path in set(changed) - set(waiting):
        del changed[path]
    for path, state in waiting.items():
        if path not in changed or changed[path][0] != state:
            changed[path] = (state, now)
    return [
        (path, state)
        for path, state in sorted(waiting.items())
        if state.size_bytes and now - changed[path][1] >= settle_seconds
    ]


def _list(folder: Path) -> Iterator[tuple[Path, _State]]:
    for parent, _, names in os.walk(folder):  # which passes over a folder that goes away meanwhile
        for path in (Path(parent, name) for name in names):
            if path.suffix.lower() not in VIDEO_SUFFIXES:
                continue
            try:
                status = path.stat()
            except OSError:  # gone between the listing and here
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, _State(status.st_size, status.st_mtime_ns)


def _key(path: str | Path) -> str:
    """A file's name in the ledger, the same from whichever folder the watcher was started."""
    return os.path.abspath(path)  # noqa: PTH100 - without "..", and without asking the file system


def _read_ledger(book: Path, weights_sha256: str) -> dict[str, _State]:
    """What this model has done; a line cut short by a crash counts as not done."""
    done: dict[str, _State] = {}
    for line in book.read_text(encoding="utf-8").split("\n") if book.is_file() else []:
        try:
            entry = json.loads(line)
            state = _State(entry["size_bytes"], entry["mtime_ns"])
            if entry["weights_sha256"] == weights_sha256:
                done[_key(entry["path"])] = state  # once they were as the folder was given
        except (json.JSONDecodeError, KeyError, TypeError):
            continue
    return done


def _append(book: Path, path: Path, state: _State, weights_sha256: str) -> None:
    entry = {"path": _key(path), **state._asdict(), "weights_sha256": weights_sha256}
    with book.open("a+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size:
            stream.seek(size - 1)
            if stream.read(1) != b"\n":  # a line cut short by a crash
                stream.write(b"\n")
        stream.write(json.dumps(entry).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
