"""Groups of versions of one scene, as the two stages take them."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from sslvqa.data.datasets import SceneVersions
from sslvqa.data.manifest import scan_videos
from sslvqa.distort import build_group, read_group
from sslvqa.errors import DataError, VideoError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["find_groups", "find_or_make_groups", "hash_groups"]

_logger = logging.getLogger(__name__)


def find_groups(folder: Path) -> tuple[SceneVersions, ...]:
    """The groups in a folder.

    Raises:
        DataError: There are none, or one is damaged.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; expected groups made by sslvqa distort")
    groups = _read_all(folder)
    if not groups:
        raise DataError(f"{folder}: no groups in it; make some with: sslvqa distort VIDEO --out {folder}")
    return groups


def find_or_make_groups(videos: Path, scratch: Path, *, max_frames: int | None) -> tuple[SceneVersions, ...]:
    """The groups in a folder; plain videos are distorted into ``scratch`` first.

    Videos that cannot be distorted are left out with a warning.

    Raises:
        DataError: The folder has neither groups nor a usable video.
    """
    if not videos.is_dir():
        raise DataError(f"no folder {videos}; expected groups made by sslvqa distort, or videos")
    found = _read_all(videos)
    if found:
        return found
    made = _distort_all(videos, scratch, max_frames)
    return tuple(SceneVersions.of(read_group(folder)) for folder in made)


def _read_all(folder: Path) -> tuple[SceneVersions, ...]:
    sidecars = sorted({*folder.glob("*/group.json"), *folder.rglob("group.json")})  # the first follows links
    return tuple(SceneVersions.of(read_group(path.parent)) for path in sidecars)


def _distort_all(videos: Path, scratch: Path, max_frames: int | None) -> list[Path]:
    folders, failed = [], []
    for row in scan_videos(videos).rows:
        target = scratch / row.name.replace("/", "__")
        try:
            build_group(row.path, target, max_frames=max_frames)
            folders.append(target)
        except VideoError as error:
            failed.append(str(error))
    if failed:
        _logger.warning("left out %d videos:\n  %s", len(failed), "\n  ".join(failed))
    if not folders:
        raise DataError(f"none of the {len(failed)} videos in {videos} can be distorted; see the warnings")
    return folders


def hash_groups(groups: tuple[SceneVersions, ...]) -> str:
    """Hash of scenes, number, kinds and levels of their versions, and numbers of frames."""
    lines = (f"{group.scene}\t{len(group.paths)}\t{group.kinds}\t{group.frame_count}" for group in groups)
    text = "\n".join(lines)
    return hashlib.sha256(text.encode()).hexdigest()
