"""The private temporary folder of a service: made, filled up to a limit, and gone at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sslvqa.errors import ConfigError
from sslvqa.locks import try_lock
from sslvqa.web.events import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Storage", "remove_stale_folders"]

_PREFIX = "sslvqa-serve-"
_LOCK = "lock"


class Storage:
    """Where uploads, maps and previews lie, and how many bytes of them there may be."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.used_bytes = 0

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Make the folder, and delete it at the end; folders of services that were killed go first.

        A living service holds the lock in its folder; it takes the lock before the folder gets its name.
        """
        remove_stale_folders()
        made = Path(tempfile.mkdtemp(prefix="sslvqa-new-"))
        lock = try_lock(made / _LOCK)
        if lock is None:
            raise ConfigError(f"{made}: the folder made just now is locked by another process; start again")
        self.directory = made.rename(made.with_name(f"{_PREFIX}{secrets.token_hex(6)}"))
        try:
            yield
        finally:
            lock.release()
            shutil.rmtree(self.directory, ignore_errors=True)

    def take(self, count: int) -> None:
        """Book bytes.

        Raises:
            BusyError: There would be more than allowed.
        """
        if self.used_bytes + count > self.max_bytes:
            raise BusyError("the server's disk space for videos is used up; remove videos or try again later")
        self.used_bytes += count

    def free(self, count: int) -> None:
        """Give booked bytes back."""
        self.used_bytes -= count

    def folder_to_come(self) -> Path:
        """A folder for a new job, not made yet; its name is the job's id."""
        return self.directory / secrets.token_hex(8)

    def new_folder(self) -> Path:
        """Make the folder of a job to come; its name is the job's id."""
        folder = self.folder_to_come()
        folder.mkdir(mode=0o700)
        return folder


def remove_stale_folders() -> None:
    """Delete this user's folders whose lock is free: their services were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if folder.is_symlink() or not _is_ours(folder) or not (folder / _LOCK).is_file():
                continue
            lock = try_lock(folder / _LOCK)
        except OSError:  # another service deletes it at this moment
            continue
        if lock is not None:
            lock.release()
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
