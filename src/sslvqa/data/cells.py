"""Text tables as cells: what manifests and votes have in common."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from sslvqa.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["is_number", "raise_problems", "read_cells", "select_lines"]

_LISTED_PROBLEMS = 200


def read_cells(table: Path, *, expected: str) -> list[tuple[int, list[str]]]:
    """Read the lines of a CSV that are not empty as (line number, stripped cells).

    Commas, semicolons or tabs separate cells, whichever the first line has most of. With semicolons a
    decimal comma is read as a point.

    Args:
        table: A UTF-8 text file.
        expected: What the header should hold, for the messages.

    Raises:
        ManifestError: No such file, not text, or nothing in it.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ManifestError(f"no table {table}; expected a CSV file with {expected}") from None
    except (UnicodeDecodeError, OSError) as error:
        raise ManifestError(f"cannot read {table} as a UTF-8 text table ({error}); save it as CSV") from None
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    lines = [(number, cells) for number, cells in lines if any(cells)]
    if not lines:
        raise ManifestError(f"{table.name}:1: the table is empty; expected a header with {expected}")
    if delimiter == ";":  # spreadsheets that separate by semicolons write 3,5 for 3.5
        lines = [(number, [_with_point(cell) for cell in cells]) for number, cells in lines]
    return lines


def select_lines(
    table: Path, lines: Sequence[tuple[int, list[str]]], where: Mapping[str, str]
) -> list[tuple[int, list[str]]]:
    """Return the lines below the header whose cells have the wanted values, all as long as the header.

    Args:
        table: Where the lines come from, for the messages.
        lines: As :func:`read_cells` returns them.
        where: Wanted value by column; the case of column names does not matter.

    Raises:
        ManifestError: There is no such column.
    """
    number, header = lines[0]
    names = [cell.lower() for cell in header]
    for column in where:
        if column.lower() not in names:
            raise ManifestError(
                f"{table.name}:{number}: no column '{column}' to select by; there are: {', '.join(header)}"
            )
    wanted = {names.index(column.lower()): value for column, value in where.items()}
    padded = [(line, cells + [""] * (len(header) - len(cells))) for line, cells in lines[1:]]
    return [
        (line, cells) for line, cells in padded if all(cells[at] == value for at, value in wanted.items())
    ]


def is_number(text: str) -> bool:
    """Whether the text is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def raise_problems(problems: Sequence[str]) -> None:
    """Raise all problems of a table as one error, the first 200 in full.

    Raises:
        ManifestError: If there is any.
    """
    if not problems:
        return
    shown = list(problems[:_LISTED_PROBLEMS])
    if len(problems) > len(shown):
        shown.append(f"… and {len(problems) - len(shown)} more")
    raise ManifestError("\n".join(shown))


def _with_point(cell: str) -> str:
    changed = cell.replace(",", ".")
    return changed if is_number(changed) else cell
