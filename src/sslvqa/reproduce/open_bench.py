"""The open benchmark: a set made by ``sslvqa data open-bench``, labelled by a measure, not by people."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sslvqa.data.datasets import SceneVersions
from sslvqa.data.manifest import read_manifest
from sslvqa.distort import read_group
from sslvqa.errors import DataError
from sslvqa.reproduce.bench import Draw, take
from sslvqa.reproduce.tables import Amounts, Sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sslvqa.data.manifest import Manifest, ManifestRow
    from sslvqa.reproduce.tables import Cell, Table

__all__ = ["NOT_RATED", "OPEN_SIZES", "OpenBench"]

OPEN_SIZES = Sizes(main=Amounts(50, 600), labels=(25, 50, 100, 200, 400), unlabelled=(150, 300, 600, 900))
"""Of the open benchmark."""

NOT_RATED = ("contrast", "underexposure", "overexposure")
"""Families that VMAF punishes as no viewer would: such versions are only ever used without labels."""

_BESIDE = "KoNViD-1k"


class OpenBench:
    """Labelled and unlabelled versions of the contents of the split ``train``, tested on those of ``test``.

    The pristine corpus is the references of ``train``; contents of other splits are not used.

    Args:
        folder: With ``labels.csv``, ``about.json`` and ``scenes``.
        sizes: Amounts of data.

    Raises:
        DataError: The folder holds no such set.
        ManifestError: Its table is malformed.
    """

    name = "open benchmark"
    slug = "open"
    label = "VMAF"
    draws = 3

    def __init__(self, folder: Path | str, *, sizes: Sizes = OPEN_SIZES) -> None:
        self.folder = Path(folder)
        self.sizes = sizes
        table = self.folder / "labels.csv"
        if not table.is_file():
            raise DataError(
                f"{self.folder} has no labels.csv; expected a folder made by: "
                "sslvqa data open-bench CLIPS --out DIR"
            )
        manifest = read_manifest(table)
        self._all = manifest.select(replace(row, split=None) for row in manifest.rows)
        with table.open(newline="", encoding="utf-8") as stream:
            self._cells = {row["path"]: row for row in csv.DictReader(stream)}

    @cached_property
    def label_kind(self) -> str:
        """What the set says of its labels."""
        about = self.folder / "about.json"
        kind = json.loads(about.read_text("utf-8")).get("label") if about.is_file() else None
        return str(kind or "VMAF of synthetic distortions, not human opinion")

    def databases(self, table: Table) -> Mapping[str, str]:
        """The test contents, beside a database of human scores; none for splits of several databases."""
        return {self.name: _BESIDE} if table.protocol != "target" else {}

    def absent(self, table: Table) -> Mapping[str, str]:
        """Nothing: the set is there."""
        del table
        return {}

    def draw(self, cell: Cell, index: int) -> Draw:
        """Draw versions of the training contents."""
        rated, others = self._part("train", rated=True), self._part("train", rated=False)
        labelled, unlabelled = rated, None
        if cell.protocol == "few":
            labels, count = cell.amounts
            assert labels is not None
            assert count is not None
            kept = take(rated, self._kept_for_labels, seed=index, purpose="labelled")
            labelled = kept.select(kept.rows[:labels])
            names = {row.name for row in kept.rows}
            rest = rated.select(row for row in rated.rows if row.name not in names)
            unlabelled = take(rest, count, seed=index, purpose="unlabelled", then=others) if count else None
        references = (row for row in rated.rows if self._cells[row.name]["distortion"] == "reference")
        pristine = rated.select(references) if cell.row.uses_pristine else None
        return Draw(labelled, unlabelled, pristine, {self.name: self._part("test", rated=True)}, index)

    def groups(self, folder: Path) -> tuple[SceneVersions, ...]:
        """The scenes of the training contents; nothing has to be made."""
        del folder
        names = sorted({cells["scene"] for cells in self._cells.values() if cells["split"] == "train"})
        infos = [read_group(self.folder / "scenes" / name) for name in names]
        return tuple(map(SceneVersions.of, infos))

    @property
    def _kept_for_labels(self) -> int:
        """Videos of which none is ever unlabelled: the most labels of any run."""
        return max((self.sizes.main.labels or 0, *self.sizes.labels))

    def _part(self, split: str, *, rated: bool) -> Manifest:
        """Versions of the contents of a split that count as rated, or the others."""

        def belongs(row: ManifestRow) -> bool:
            cells = self._cells[row.name]
            odd = any(name in cells["distortion"] for name in NOT_RATED)
            return cells["split"] == split and odd != rated

        return self._all.select(row for row in self._all.rows if belongs(row))
