"""Locks between processes: who works with a file or a folder is found out without waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from pathlib import Path

    from filelock import BaseFileLock

__all__ = ["try_lock"]


def try_lock(path: Path) -> BaseFileLock | None:
    """Take the lock of a lock file, which is made if absent and stays.

    The lock ends with ``release()`` or with the process, however that ends: a file whose lock is free belongs
    to nobody any more.

    Args:
        path: The lock file (``flock`` on Unix); it may be moved while the lock is held.

    Returns:
        The held lock, or None when another process holds it, or another caller in this one.
    """
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
