"""Files with a row of features for each video, and the table of their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.data.cells import is_number, raise_problems, read_cells
from sslvqa.data.matlab import read_mat
from sslvqa.errors import DataError, ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["ScoreTable", "read_feature_matrix", "read_score_table"]

_SCORES = ("score", "mos", "label", "rating")


@dataclass(frozen=True)
class ScoreTable:
    """Scores of videos in the order of their features."""

    names: tuple[str, ...]
    """First column of the table."""
    scores: tuple[float, ...]
    contents: tuple[str, ...]
    """The name where the table has no content column."""


def read_feature_matrix(path: Path) -> NDArray[np.float64]:
    """Read features, ``(videos, features)``.

    Args:
        path: A ``.mat`` file with one matrix (MATLAB of any version), a ``.npy`` file, or a CSV of numbers
            with or without a header; one row a video.

    Raises:
        DataError: There is no such file, or it does not hold one matrix of numbers.
        MissingExtraError: A MATLAB file of version 7.3 without ``h5py``.
    """
    ending = path.suffix.lower()
    if ending == ".mat":
        matrices = {
            name: value
            for name, value in read_mat(path).items()
            if isinstance(value, np.ndarray) and value.ndim == 2 and np.issubdtype(value.dtype, np.number)
        }
        if len(matrices) != 1:
            raise DataError(f"{path}: holds {len(matrices)} matrices ({', '.join(matrices)}); expected one")
        return np.asarray(next(iter(matrices.values())), dtype=np.float64)
    try:
        if ending == ".npy":
            found = np.load(path, allow_pickle=False)
        else:
            lines = [cells for _, cells in read_cells(path, expected="numbers")]
            body = lines if all(map(_is_value, lines[0])) else lines[1:]
            found = np.array([[float(cell) for cell in cells] for cells in body])
        return np.atleast_2d(np.asarray(found, dtype=np.float64))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no matrix of numbers ({error}); one row a video is expected") from error


def read_score_table(
    path: Path, *, score_column: str | None = None, content_column: str | None = None
) -> ScoreTable:
    """Read a CSV with a header: the first column names the video, one is its score.

    Args:
        path: The table.
        score_column: Name of the score column; default ``score``, ``mos``, ``label`` or ``rating``.
        content_column: Name of the column that says what is shown; default ``content`` if there is one.

    Raises:
        ManifestError: With every bad line by number.
    """
    lines = read_cells(path, expected="a name and a score")
    header = [cell.lower() for cell in lines[0][1]]
    score = _place(header, _SCORES if score_column is None else (score_column.lower(),))
    content = _place(header, ("content" if content_column is None else content_column.lower(),))
    if score is None or (content is None and content_column is not None):
        wanted = (score_column or " or ".join(_SCORES)) if score is None else content_column
        raise ManifestError(f"{path.name}:1: no column {wanted}; it has {', '.join(header)}")
    problems, names, scores, contents = [], [], [], []
    for number, cells in lines[1:]:
        if score >= len(cells) or not is_number(cells[score]):
            problems.append(f"{path.name}:{number}: no score; each row of features needs one")
            continue
        names.append(cells[0])
        scores.append(float(cells[score]))
        contents.append(cells[content] if content is not None and content < len(cells) else cells[0])
    raise_problems(problems)
    return ScoreTable(tuple(names), tuple(scores), tuple(contents))


def _place(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _is_value(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
