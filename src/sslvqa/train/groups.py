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

__all__ = ["find_groups", "hash_groups"]

_logger = logging.getLogger(__name__)


def find_groups(videos: Path, scratch: Path, *, max_frames: int | None = None) -> tuple[SceneVersions, ...]:
    """The groups in a folder; plain videos are distorted into ``scratch`` first.

    Videos that cannot be distorted are left out with a warning.

    Raises:
        DataError: The folder has neither groups nor a usable video.
    """
    if not videos.is_dir():
        raise DataError(f"no folder {videos}; expected groups made by sslvqa distort, or videos")
    sidecars = sorted({*videos.glob("*/group.json"), *videos.rglob("group.json")})  # the first follows links
    folders = [path.parent for path in sidecars] or _distort_all(videos, scratch, max_frames)
    infos = [read_group(folder) for folder in folders]
    return tuple(map(SceneVersions.of, infos))


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
    """Hash of scenes, numbers of versions and of frames."""
    text = "\n".join(f"{group.scene}\t{len(group.paths)}\t{group.frame_count}" for group in groups)
    return hashlib.sha256(text.encode()).hexdigest()
