"""A database's folder and labels → the rows of a manifest, and what is missing."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from sslvqa.data.databases.base import VIDEO_ENDINGS, Label
from sslvqa.data.databases.tables import read_any_list
from sslvqa.data.manifest import Manifest, ManifestRow
from sslvqa.errors import DataError

if TYPE_CHECKING:
    from sslvqa.data.databases.base import Database

__all__ = ["LoadedDatabase", "load_database"]


@dataclass(frozen=True)
class LoadedDatabase:
    """A database as it is on this disk."""

    database: Database
    manifest: Manifest
    """The labelled (or pristine) videos that are there."""
    labels: int
    """Distinct videos that the label file lists."""
    missing: tuple[Label, ...]
    """Listed, but no file."""
    unlisted: tuple[Path, ...]
    """Files that are videos of the database by their name, but listed nowhere."""
    doubles: tuple[str, ...]
    """What is there or listed twice, in words; the first by name is taken."""

    @property
    def sha256(self) -> str:
        """Hash of the videos that are there and of their scores: the same in every folder and layout."""
        keys = (
            row.name if self.database.references else self.database.identity(row.name)
            for row in self.manifest.rows
        )
        lines = sorted(f"{key}\x1f{row.score!r}" for key, row in zip(keys, self.manifest.rows, strict=True))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def count_note(self) -> str:
        """How the number of listed videos compares with the published ones."""
        expected = self.database.videos
        if self.labels == expected:
            return f"{self.labels} videos, as published"
        known = self.database.other_counts.get(self.labels)
        source = f", as in {known}" if known else ", as in no list known to us"
        return f"{self.labels} videos; published are {expected}{source}"


def load_database(
    database: Database, root: Path | str, *, labels: Path | str | None = None
) -> LoadedDatabase:
    """Join the labels of a database with its video files.

    Videos are found anywhere below the folder by their identity, whatever the layout.

    Args:
        database: Which one.
        root: Folder of the videos and, unless ``labels`` is given, of the official label file.
        labels: The official label file, or a widespread list (``path, duration, fps, MOS``; JSON; info.mat).

    Raises:
        DataError: No such folder, or no label file in it.
        ManifestError: The label file is not what its name says.
        MissingExtraError: It needs a package of the extra ``databases``.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; give the folder of {database.title}")
    listed, source = _labels(database, folder, None if labels is None else Path(labels))
    by_key: dict[str, Label] = {}
    repeated: Counter[str] = Counter()
    for label in listed:
        key = label.name if database.references else database.identity(label.name)
        if not key:
            raise DataError(
                f"{source}: '{label.name}' is no name of a video of {database.title}; give its own label file"
            )
        repeated[key] += by_key.setdefault(key, label) is not label
    files, doubles = _index(database, folder)
    doubles += [f"{by_key[key].name} is listed {count + 1} times" for key, count in repeated.items() if count]
    rows = tuple(_row(database, key, label, files[key]) for key, label in by_key.items() if key in files)
    return LoadedDatabase(
        database=database,
        manifest=Manifest(rows=rows, source=source),
        labels=len(by_key),
        missing=tuple(label for key, label in by_key.items() if key not in files),
        unlisted=tuple(path for key, path in files.items() if key not in by_key),
        doubles=tuple(doubles),
    )


def _labels(database: Database, root: Path, given: Path | None) -> tuple[list[Label], Path]:
    """The labels, and the file (for pristine sources the folder) that they are from."""
    if database.references:
        if given is not None:
            raise DataError(f"{database.title} are pristine videos; they have no labels: leave {given} out")
        return [Label(key) for key in database.references], root
    if given is not None:
        for file in database.label_files:
            if fnmatch(given.name.lower(), file.pattern.lower()):
                return file.read(given), given
        return read_any_list(given), given
    below = sorted(path for path in root.rglob("*") if path.is_file())
    for file in database.label_files:
        for path in below:
            if fnmatch(path.name.lower(), file.pattern.lower()):
                return file.read(path), path
    names = ", ".join(dict.fromkeys(file.pattern for file in database.label_files))
    raise DataError(
        f"no label file of {database.title} in {root}; put one of {names} there, or give a list of labels"
    )


def _index(database: Database, root: Path) -> tuple[dict[str, Path], list[str]]:
    """Video files below the folder by key, and which keys have several."""
    found: dict[str, Path] = {}
    doubles = []
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in VIDEO_ENDINGS or not path.is_file():
            continue
        key = database.identity(path.relative_to(root).as_posix())
        if not key:
            continue
        first = found.setdefault(key, path)
        if first is not path:
            doubles.append(f"{path} has the name of {first}, which is taken")
    return found, doubles


def _row(database: Database, key: str, label: Label, path: Path) -> ManifestRow:
    return ManifestRow(
        path=path,
        name=label.name,
        score=label.score,
        content=key if database.references else database.content_of(label.name),
        split=database.split,
        geometry=database.geometry(key) if path.suffix.lower() == ".yuv" else None,
    )
