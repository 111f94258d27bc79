"""Rows of label files: CSV and XLSX by column name, label lists, JSON lists, ``*info.mat``."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from sslvqa.data.cells import is_number, read_cells
from sslvqa.data.databases.base import Label
from sslvqa.data.info import read_info
from sslvqa.data.matlab import numbers, read_mat, words
from sslvqa.errors import DataError, ManifestError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["label_rows", "read_any_list", "read_columns", "read_mat", "score_of", "zip_labels"]


def read_columns(
    path: Path, *, name: Sequence[str], score: Sequence[str], optional: Sequence[str] = ()
) -> list[dict[str, str]]:
    """Read a CSV or XLSX table by its column names (without case, spaces and underscores).

    Args:
        path: A ``.csv`` (commas, semicolons or tabs) or ``.xlsx`` (the first sheet with the columns).
        name: Names that the column of the video may have.
        score: Names that the column of the score may have.
        optional: Further columns, empty where the table has none.

    Returns:
        Rows with the keys ``name``, ``score`` and those of ``optional``; rows without a name are left out.

    Raises:
        ManifestError: Not such a table, or a column is missing.
    """
    sheets = _sheets(path) if path.suffix.lower() == ".xlsx" else [read_cells(path, expected="a header")]
    seen: list[str] = []
    for lines in sheets:
        header = [_key(cell) for cell in lines[0][1]] if lines else []
        seen += [cell for cell in header if cell]
        places = {key: _place(header, names) for key, names in (("name", name), ("score", score))}
        if None in places.values():
            continue
        places |= {key: _place(header, (key,)) for key in optional}
        rows = [
            {key: "" if at is None or at >= len(cells) else cells[at] for key, at in places.items()}
            for _, cells in lines[1:]
        ]
        return [row for row in rows if row["name"]]
    raise ManifestError(
        f"{path.name}: no columns {' or '.join(name)} and {' or '.join(score)} among {', '.join(seen)}; "
        "give the database's own file"
    )


def score_of(row: Mapping[str, str], path: Path) -> float | None:
    """The number of a row's score, None for an empty cell.

    Raises:
        ManifestError: It is no number.
    """
    text = row["score"].strip()
    if not text or text.lower() in {"nan", "na"}:
        return None
    if not is_number(text):
        raise ManifestError(f"{path.name}: the score of '{row['name']}' is '{text}'; expected a number")
    return float(text)


def label_rows(path: Path, *, name: Sequence[str], score: Sequence[str]) -> list[Label]:
    """Read a table of which only name and score count, see :func:`read_columns`."""
    return [Label(row["name"], score_of(row, path)) for row in read_columns(path, name=name, score=score)]


def zip_labels(path: Path, names: object, scores: object) -> list[Label]:
    """Join the two variables of a MATLAB file.

    Raises:
        DataError: Their lengths differ.
    """
    texts, values = words(names), numbers(scores)
    if len(texts) != len(values):
        raise DataError(f"{path}: {len(texts)} names but {len(values)} scores; the file is damaged")
    return [
        Label(text, value if math.isfinite(value) else None)
        for text, value in zip(texts, values, strict=True)
    ]


def read_any_list(path: Path) -> list[Label]:
    """Read a widespread list of labels, whatever the database.

    Lines ``path, duration, fps, MOS`` (``.txt``, ``.csv``), JSON objects with ``filename`` and ``label``, or
    ``*info.mat`` with ``video_names`` and ``scores``.

    Raises:
        ManifestError: It is none of these.
        DataError: A MATLAB or JSON file cannot be read.
    """
    if path.suffix.lower() == ".mat":
        info = read_info(path)
        return [Label(name, score) for name, score in zip(info.names, info.scores, strict=True)]
    if path.suffix.lower() == ".json":
        return list(_json_rows(path))
    labels = []
    for number, cells in read_cells(path, expected="lines 'path, duration, fps, MOS'"):
        if len(cells) != 4 or not all(map(is_number, cells[1:])):
            raise ManifestError(
                f"{path.name}:{number}: expected 'path, duration, fps, MOS', got {', '.join(cells)!r}; "
                "give the database's own label file or such a list"
            )
        labels.append(Label(cells[0], float(cells[3])))
    return labels


def _json_rows(path: Path) -> Iterator[Label]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        for row in rows:
            yield Label(str(row["filename"]), float(row["label"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path}: {error!r}; expected a JSON list of objects with filename and label"
        ) from error


def _sheets(path: Path) -> list[list[tuple[int, list[str]]]]:
    """Rows of every sheet as text, empty rows left out."""
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingExtraError(
            f"{path} needs openpyxl; run: pip install 'sslvqa[databases]', or save it as CSV"
        ) from error
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl passes on whatever zip and XML raise
        raise ManifestError(f"cannot read {path} as XLSX ({error}); save it as CSV") from error
    tables = []
    for sheet in book.worksheets:
        rows = enumerate(([_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)), 1)
        tables.append([(number, cells) for number, cells in rows if any(cells)])
    book.close()
    return tables


def _text(cell: Any) -> str:  # noqa: ANN401 - whatever a spreadsheet holds
    return "" if cell is None else str(cell).strip()


def _key(cell: str) -> str:
    return re.sub(r"[\s_]+", "", cell.lower())


def _place(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(_key(name)) for name in names if _key(name) in header), None)
