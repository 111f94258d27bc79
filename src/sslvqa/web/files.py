"""Files that users name or send: names, paths below the allowed folder, uploads."""

from __future__ import annotations

import asyncio
import contextlib
import re
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from sslvqa.data.manifest import VIDEO_SUFFIXES
from sslvqa.errors import ConfigError, VideoLimitError, VideoNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sslvqa.web.queue import JobQueue

__all__ = ["RAW_SUFFIXES", "inside", "list_folder", "safe_name", "save_upload", "videos_below"]

RAW_SUFFIXES = frozenset({".nv12", ".raw", ".rgb", ".yuv"})
"""Headerless files: their frame size has to be told."""

_SUFFIXES = VIDEO_SUFFIXES | RAW_SUFFIXES
_MAX_NAME = 200
_MAX_LISTED = 2000


def safe_name(text: str) -> str:
    """A name to show: the last part of a path, without control characters, at most 200 characters."""
    last = PureWindowsPath(PurePosixPath(text).name).name
    shown = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip()
    if len(shown) > _MAX_NAME:
        suffix = PurePosixPath(shown).suffix[:10]
        shown = shown[: _MAX_NAME - len(suffix)] + suffix
    return shown if re.search(r"[^.\s]", shown) else "video"


def inside(root: Path, given: str) -> Path:
    """The real path of something below ``root``; links are followed first.

    Raises:
        VideoNotFoundError: There is nothing, or it lies outside: both look the same to whoever asks.
    """
    base = root.resolve()
    try:
        path = (base / given).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):  # RuntimeError: a loop of links
        path = None
    if path is None or not path.is_relative_to(base):
        raise VideoNotFoundError(f"{given[:200]!r}: no such file below the server's folder")
    return path


def videos_below(root: Path, given: str) -> list[Path]:
    """One video, or all videos of a folder and its subfolders, sorted; links out of the root are left out.

    Raises:
        ConfigError: A file without a video's ending, or a folder without videos.
        VideoNotFoundError: There is no such file below the root.
    """
    path = inside(root, given)
    if path.is_file():
        if path.suffix.lower() not in _SUFFIXES:
            raise ConfigError(f"{given!r}: not a video by its ending; allowed: {' '.join(sorted(_SUFFIXES))}")
        return [path]
    base = root.resolve()
    found = [item for item in sorted(path.rglob("*")) if item.suffix.lower() in _SUFFIXES and item.is_file()]
    kept = [item for item in found if item.resolve().is_relative_to(base)]
    if not kept:
        raise ConfigError(f"{given!r}: no video in this folder")
    return kept


def list_folder(root: Path, given: str) -> tuple[str, list[str], list[str]]:
    """The path below the root, the folders and the videos in it; hidden ones and links outwards left out.

    Raises:
        VideoNotFoundError: There is no such folder below the root.
    """
    path, base = inside(root, given), root.resolve()
    if not path.is_dir():
        raise VideoNotFoundError(f"{given[:200]!r}: no such folder below the server's folder")
    folders, videos = [], []
    for item in sorted(path.iterdir())[:_MAX_LISTED]:
        with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: a loop of links
            if item.name.startswith(".") or not item.resolve().is_relative_to(base):
                continue
            if item.is_dir():
                folders.append(item.name)
            elif item.suffix.lower() in _SUFFIXES:
                videos.append(item.name)
    shown = path.relative_to(base).as_posix()
    return "" if shown == "." else shown, folders, videos


async def save_upload(
    target: Path, chunks: AsyncIterator[bytes], *, queue: JobQueue, announced: int | None, name: str
) -> int:
    """Write an upload as it arrives, and return its size; on any failure nothing is left.

    Raises:
        VideoLimitError: It is larger than allowed, or pauses too long.
        BusyError: The disk space of the server is used up.
    """
    limit = queue.settings.max_upload_bytes
    written = 0
    try:
        if announced is not None and announced > limit:
            raise _too_large(name, announced, limit)
        with target.open("xb") as file:
            while True:
                try:
                    chunk = await asyncio.wait_for(anext(chunks), queue.settings.upload_idle_seconds)
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    raise VideoLimitError(f"{name}: the upload paused for too long; try again") from None
                if written + len(chunk) > limit:
                    raise _too_large(name, written + len(chunk), limit)
                queue.storage.take(len(chunk))
                written += len(chunk)
                queue.metrics.received(len(chunk))
                await asyncio.to_thread(file.write, chunk)
    except BaseException:
        queue.storage.free(written)
        target.unlink(missing_ok=True)
        raise
    return written


def _too_large(name: str, count: int, limit: int) -> VideoLimitError:
    return VideoLimitError(
        f"{name}: {count} bytes or more; allowed are {limit}; give a smaller file, or start the server "
        "with a larger --max-upload-mb"
    )
