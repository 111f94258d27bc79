"""The one table format: a list of videos, some of them with a human score."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sslvqa.data.cells import is_number, raise_problems, read_cells
from sslvqa.errors import ConfigError, DataError, ManifestError
from sslvqa.video.raw import RawGeometry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "VIDEO_SUFFIXES",
    "Manifest",
    "ManifestRow",
    "read_manifest",
    "relative_name",
    "scan_videos",
    "write_manifest",
]

VIDEO_SUFFIXES = frozenset(
    {
        ".264",
        ".265",
        ".3gp",
        ".asf",
        ".avi",
        ".flv",
        ".gif",
        ".h264",
        ".h265",
        ".hevc",
        ".m2ts",
        ".m4v",
        ".mkv",
    }
    | {".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"}
)
"""File name endings that :func:`scan_videos` takes for videos."""

_PATH_NAMES = ("path", "video", "filename", "file", "file_name", "video_name", "name")
_SCORE_NAMES = ("score", "mos", "label", "rating")
_OPTIONAL = ("split", "scene", "geometry")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One video of a manifest."""

    path: Path
    """Where the file is."""
    name: str
    """The path as the table gives it."""
    score: float | None = None
    """Human score on the table's own scale, higher is better; None for an unlabelled video."""
    content: str = ""
    """What is shown (the name if the table does not say): one content is never on two sides of a split."""
    split: str | None = None
    """A named part given by the table, e.g. ``calibration``."""
    scene: str | None = None
    """The group of distorted versions the video belongs to."""
    geometry: RawGeometry | None = None
    """What a headerless file (.yuv) holds."""


@dataclass(frozen=True)
class Manifest:
    """A table of videos."""

    rows: tuple[ManifestRow, ...]
    source: Path
    """The file or folder that was read."""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rows)

    @property
    def sha256(self) -> str:
        """Hash of names, scores, contents, splits, scenes and geometries, in order; not of videos' bytes."""
        digest = hashlib.sha256()
        for row in self.rows:
            raw = () if row.geometry is None else (str(row.geometry),)
            cells = (row.name, repr(row.score), row.content, row.split or "", row.scene or "", *raw)
            digest.update("\x1f".join(cells).encode() + b"\n")
        return digest.hexdigest()

    @property
    def labelled(self) -> Manifest:
        """The rows with a score."""
        return self.select(row for row in self.rows if row.score is not None)

    @property
    def unlabelled(self) -> Manifest:
        """The rows without a score."""
        return self.select(row for row in self.rows if row.score is None)

    @property
    def scores(self) -> tuple[float, ...]:
        """The scores of the labelled rows, in order."""
        return tuple(row.score for row in self.rows if row.score is not None)

    @property
    def contents(self) -> tuple[str, ...]:
        """The distinct contents, in order of appearance."""
        return tuple(dict.fromkeys(row.content for row in self.rows))

    def select(self, rows: Iterable[ManifestRow]) -> Manifest:
        """The same source with other rows."""
        return replace(self, rows=tuple(rows))


def read_manifest(
    path: Path | str,
    *,
    root: Path | str | None = None,
    path_column: str | None = None,
    score_column: str | None = None,
    check_files: bool = True,
) -> Manifest:
    """Read a table of videos: CSV with a header, or a label list ``path, duration, fps, MOS`` without one.

    Commas, semicolons or tabs separate cells. Columns: a path (``path``, ``video``, ``filename``, ``file``)
    and a score (``score``, ``mos``, ``label``, ``rating``); optional ``content``, ``split``, ``scene`` and,
    for headerless files, ``geometry`` (``1920x1080:yuv420p@30``). An empty score is an unlabelled video; any
    scale will do.

    Args:
        path: The table.
        root: Folder that relative video paths start from; the table's own folder by default.
        path_column: Name of the path column when it is none of the usual ones.
        score_column: Name of the score column when it is none of the usual ones.
        check_files: Report videos that do not exist.

    Raises:
        ManifestError: With every bad line of the table, by number.
    """
    table = Path(path)
    lines = read_cells(table, expected="the columns path and score")
    columns, body = _find_columns(table, lines, path_column, score_column)
    base = table.parent if root is None else Path(root)
    problems: list[str] = []
    rows: list[ManifestRow] = []
    first_line: dict[Path, int] = {}
    for number, cells in body:
        row = _parse_row(cells, columns, base, f"{table.name}:{number}", problems)
        if row is None:
            continue
        before = first_line.setdefault(row.path, number)
        if before != number:
            problems.append(
                f"{table.name}:{number}: '{row.name}' is listed twice (first on line {before}); keep one line"
            )
        elif check_files and not row.path.is_file():
            problems.append(
                f"{table.name}:{number}: no file {row.path}; correct the path or give the folder with --root"
            )
        rows.append(row)
    if not rows and not problems:
        problems.append(
            f"{table.name}:1: the table lists no video; expected one line a video below the header"
        )
    raise_problems(problems)
    return Manifest(rows=tuple(rows), source=table)


def write_manifest(path: Path | str, rows: Iterable[ManifestRow]) -> Path:
    """Write rows as a CSV that :func:`read_manifest` reads back; paths below its folder become relative."""
    out = Path(path)
    items = tuple(rows)
    optional = tuple(name for name in _OPTIONAL if any(getattr(row, name) is not None for row in items))
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "score", "content", *optional))
        for row in items:
            score = "" if row.score is None else repr(row.score)
            extra = (str(getattr(row, name) or "") for name in optional)
            writer.writerow((relative_name(row.path, out.parent), score, row.content, *extra))
    return out


def scan_videos(directory: Path | str) -> Manifest:
    """List the videos of a folder and its subfolders, sorted by path, as unlabelled rows.

    Raises:
        DataError: If there is no such folder or no file in it has a video's ending.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; expected a folder of videos")
    files = sorted(
        item for item in folder.rglob("*") if item.suffix.lower() in VIDEO_SUFFIXES and item.is_file()
    )
    if not files:
        raise DataError(
            f"no video in {folder}; expected files ending in one of {' '.join(sorted(VIDEO_SUFFIXES))}"
        )
    names = [item.relative_to(folder).as_posix() for item in files]
    return Manifest(
        rows=tuple(
            ManifestRow(path=file, name=name, content=name) for file, name in zip(files, names, strict=True)
        ),
        source=folder,
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    path: int
    score: int | None
    content: int | None = None
    split: int | None = None
    scene: int | None = None
    geometry: int | None = None


def _find_columns(
    table: Path, lines: Sequence[tuple[int, list[str]]], path_column: str | None, score_column: str | None
) -> tuple[_Columns, Sequence[tuple[int, list[str]]]]:
    number, first = lines[0]
    if path_column is None and len(first) == 4 and all(map(is_number, first[1:])):
        return _Columns(path=0, score=3), lines
    header = [cell.lower() for cell in first]
    repeated = [name for name, count in Counter(header).items() if count > 1 and name]
    if repeated:
        raise ManifestError(
            f"{table.name}:{number}: column '{repeated[0]}' appears twice; rename one of the two"
        )

    def find(wanted: str | None, names: Sequence[str], option: str) -> int | None:
        for name in names if wanted is None else (wanted.lower(),):
            if name in header:
                return header.index(name)
        if wanted is not None:
            columns = ", ".join(first)
            raise ManifestError(
                f"{table.name}:{number}: no column '{wanted}'; {option} must name one of: {columns}"
            )
        return None

    path = find(path_column, _PATH_NAMES, "--path-column")
    if path is None:
        raise ManifestError(
            f"{table.name}:{number}: no path column among '{', '.join(first)}'; expected one of "
            f"{', '.join(_PATH_NAMES)}, or name it with --path-column"
        )
    score = find(score_column, _SCORE_NAMES, "--score-column")
    others = {name: find(None, (name,), "") for name in ("content", *_OPTIONAL)}
    return _Columns(path=path, score=score, **others), lines[1:]


def _parse_row(
    cells: Sequence[str], columns: _Columns, base: Path, where: str, problems: list[str]
) -> ManifestRow | None:
    """One row, or None and a line in ``problems``."""

    def cell(column: int | None) -> str:
        return "" if column is None or column >= len(cells) else cells[column]

    name, text = cell(columns.path), cell(columns.score)
    if not name:
        problems.append(f"{where}: the path is empty; expected a video file")
        return None
    if text and not is_number(text):
        problems.append(
            f"{where}: score is '{text}'; expected a number, or an empty cell for an unlabelled video"
        )
        return None
    try:
        geometry = RawGeometry.parse(raw) if (raw := cell(columns.geometry)) else None
    except ConfigError as error:
        problems.append(f"{where}: {error}")
        return None
    scene = cell(columns.scene) or None
    return ManifestRow(
        path=base / name,
        name=name,
        score=float(text) if text else None,
        content=cell(columns.content) or scene or name,
        split=cell(columns.split) or None,
        scene=scene,
        geometry=geometry,
    )


def relative_name(path: Path, folder: Path) -> str:
    """Return the name under which a table in ``folder`` lists a file: relative if it is below the folder."""
    absolute, base = path.resolve(), folder.resolve()
    return absolute.relative_to(base).as_posix() if absolute.is_relative_to(base) else str(absolute)
