"""The results of random splits in a CSV that grows: a line a split, tied to the data by a hash."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from sslvqa.errors import DataError
from sslvqa.evaluate.protocol import MEASURES
from sslvqa.evaluate.regression import SplitResult

__all__ = ["append_result", "data_hash", "read_results", "splits_hash"]

_COLUMNS = ("split", "sha256", "data_sha256", "c", "gamma", "train", "test", *MEASURES)


def data_hash(features: ArrayLike, labels: ArrayLike, contents: Sequence[str] = ()) -> str:
    """Hash of features, scores and contents, in order, to the last bit."""
    digest = hashlib.sha256()
    for values in (features, labels):
        array = np.ascontiguousarray(values, dtype="<f8")
        digest.update(f"{array.shape}".encode() + array.tobytes())
    digest.update("\x1f".join(contents).encode())
    return digest.hexdigest()


def splits_hash(results: Sequence[SplitResult]) -> str:
    """Hash of the test parts of several splits, in order."""
    return hashlib.sha256("\n".join(result.sha256 for result in results).encode()).hexdigest()


def read_results(path: Path, *, data: str) -> dict[int, SplitResult]:
    """Read the splits that are done, by number; none if there is no such file.

    Args:
        path: The CSV.
        data: :func:`data_hash` of the present data.

    Raises:
        DataError: The file is of other data, or is no such table.
    """
    if not path.is_file():
        return {}
    done = {}
    with path.open(newline="", encoding="utf-8") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            try:
                result = _parse(row)
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(
                    f"{path}:{number}: not a result of a split ({error}); give another file"
                ) from error
            if row["data_sha256"] != data:
                raise DataError(f"{path}:{number}: of other features or scores; give another file")
            done[result.split] = result
    return done


def append_result(path: Path, result: SplitResult, *, data: str) -> None:
    """Add one line; the header comes first in a new file."""
    new = not path.is_file() or path.stat().st_size == 0  # killed before the header was written
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(_COLUMNS)
        numbers = (result.c, result.gamma, result.train, result.test)
        values = (repr(result.measures[name]) for name in MEASURES)
        writer.writerow((result.split, result.sha256, data, *numbers, *values))


def _parse(row: dict[str, str]) -> SplitResult:
    return SplitResult(
        split=int(row["split"]),
        sha256=row["sha256"],
        c=float(row["c"]),
        gamma=float(row["gamma"]),
        train=int(row["train"]),
        test=int(row["test"]),
        measures={name: float(row[name]) for name in MEASURES},
    )
