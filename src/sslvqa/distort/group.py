"""A group: one scene as reference and distorted versions, aligned frame by frame, in one folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from sslvqa.errors import DataError

__all__ = ["SIDECAR", "GroupInfo", "VersionInfo", "group_from_record", "read_group"]

SIDECAR = "group.json"
"""File that says what is finished in a group's folder."""


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One file of a group."""

    id: int
    """0 is the reference; else :attr:`Distortion.id`."""
    name: str
    family: str
    level: int
    file: str
    """File name inside the group's folder."""
    frames: int
    bytes: int
    sha256: str
    seconds: float
    """Time it took to make."""
    parameters: dict[str, Any]
    """Operations and encoder, as :meth:`Distortion.parameters` gives them."""


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """One scene; frame ``i`` of every version shows what frame ``i`` of the reference shows."""

    directory: Path
    scene: str
    source: dict[str, Any]
    """File, its sha256, and the part of it that was used."""
    width_px: int
    height_px: int
    fps: Fraction
    frames: int
    """Frames that all versions have."""
    tools: dict[str, str]
    """Versions of PyAV and of the FFmpeg libraries."""
    versions: tuple[VersionInfo, ...]
    """The reference first, then by id."""

    def path(self, version: VersionInfo) -> Path:
        """Where a version lies."""
        return self.directory / version.file

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, the reference first."""
        return tuple(self.path(version) for version in self.versions)

    @property
    def seconds(self) -> float:
        """Time all versions took to make, over all runs."""
        return sum(version.seconds for version in self.versions)


def read_group(directory: Path | str) -> GroupInfo:
    """Read the sidecar of a group.

    Raises:
        DataError: There is no readable ``group.json`` with a finished reference in the folder.
    """
    directory = Path(directory)
    try:
        return group_from_record(directory, json.loads((directory / SIDECAR).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{directory}: no group of versions ({error}); make one with: sslvqa distort VIDEO --out DIR"
        ) from error


def group_from_record(directory: Path, record: dict[str, Any]) -> GroupInfo:
    """Make sense of a sidecar's content.

    Raises:
        ValueError: The reference is not finished.
        KeyError: A field is missing.
        TypeError: A version has other fields than :class:`VersionInfo`.
    """
    versions = sorted((VersionInfo(**item) for item in record["versions"]), key=lambda item: item.id)
    if not versions or versions[0].id != 0:
        raise ValueError("the reference is not finished")
    return GroupInfo(
        directory=directory,
        scene=str(record["scene"]),
        source=dict(record["source"]),
        width_px=int(record["width_px"]),
        height_px=int(record["height_px"]),
        fps=Fraction(record["fps"]),
        frames=min(version.frames for version in versions),
        tools=dict(record["tools"]),
        versions=tuple(versions),
    )
