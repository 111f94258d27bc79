"""Results of runs on disk, each under the hash of everything that decides it.

``runs/KEY/run.json`` says what the run is; ``tests/DATABASE-HASH.csv`` there has label and score of every
video that was tested on. With these two a run is done: its model may be deleted, and the folder may be
carried to another machine, where the same key finds it.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sslvqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from sslvqa.data.manifest import Manifest

__all__ = ["MATHS", "Predictions", "RunFolder", "run_key"]

MATHS = 2
"""Raised with every change of the package after which the same settings and videos give other numbers."""

_COLUMNS = ("video", "content", "label", "score", "error")


@dataclass(frozen=True)
class Predictions:
    """What a run says of the videos of one database."""

    videos: tuple[str, ...]
    contents: tuple[str, ...]
    labels: NDArray[np.float64]
    scores: NDArray[np.float64]
    failed: tuple[str, ...]
    """Videos without a score, which the other fields leave out."""


def run_key(decided_by: Mapping[str, Any]) -> str:
    """Hash of plain values, 16 hexadecimal digits."""
    text = json.dumps({"maths": MATHS, **decided_by}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RunFolder:
    """Where one run is and was."""

    path: Path

    @property
    def model(self) -> Path:
        """The trained model; it is complete when it has a card."""
        return self.path / "model"

    @property
    def is_trained(self) -> bool:
        """Whether there is a model."""
        return (self.model / "card.toml").is_file()

    def is_tested(self, tests: Mapping[str, Manifest]) -> bool:
        """Whether there are predictions of all these databases."""
        return all(self.test_file(name, manifest).is_file() for name, manifest in tests.items())

    def test_file(self, database: str, manifest: Manifest) -> Path:
        """Where the predictions of a database are: another list of videos has another file."""
        slug = re.sub(r"[^a-z0-9]+", "-", database.lower())
        return self.path / "tests" / f"{slug}-{manifest.sha256[:12]}.csv"

    def record(self) -> dict[str, Any]:
        """What is known of the run; empty before it."""
        file = self.path / "run.json"
        return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else {}

    def write_record(self, values: Mapping[str, Any]) -> None:
        """Replace what is known of the run, at once."""
        self.path.mkdir(parents=True, exist_ok=True)
        part = self.path / ".run.json.part"
        part.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
        part.replace(self.path / "run.json")

    def read_predictions(self, database: str, manifest: Manifest) -> Predictions | None:
        """Predictions of a database, or None where there are none yet.

        Raises:
            DataError: The file is not one of ours.
        """
        file = self.test_file(database, manifest)
        if not file.is_file():
            return None
        rows = read_rows(file)
        good = [row for row in rows if not row["error"]]
        return Predictions(
            videos=tuple(row["video"] for row in good),
            contents=tuple(row["content"] for row in good),
            labels=np.asarray([float(row["label"]) for row in good]),
            scores=np.asarray([float(row["score"]) for row in good]),
            failed=tuple(row["video"] for row in rows if row["error"]),
        )


def read_rows(file: Path) -> list[dict[str, str]]:
    """Lines of a file of predictions that are whole.

    Raises:
        DataError: It has other columns.
    """
    with file.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != _COLUMNS:
            raise DataError(f"{file} is no file of predictions; delete it to have it made anew")
        return [row for row in reader if None not in row.values()]


def write_rows(file: Path, rows: Iterable[Mapping[str, object]], *, header: bool) -> None:
    """Append lines, each at once."""
    with file.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, _COLUMNS)
        if header:
            writer.writeheader()
        for row in rows:
            writer.writerow(row)
            stream.flush()
