"""The paper's own protocols, on the databases that the user has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from sslvqa.data.databases import DATABASES, find_database
from sslvqa.data.databases.load import load_database
from sslvqa.data.datasets import SceneVersions
from sslvqa.data.manifest import Manifest, read_manifest
from sslvqa.data.protocols import fifth_splits, paper_draws
from sslvqa.distort import build_group
from sslvqa.errors import DataError, SslvqaError, VideoError
from sslvqa.reproduce.bench import Draw, take
from sslvqa.reproduce.tables import Amounts, Sizes

if TYPE_CHECKING:
    from sslvqa.reproduce.tables import Cell, Table

__all__ = ["PAPER_SIZES", "DatabaseFolders", "PaperBench"]

PAPER_SIZES = Sizes(
    main=Amounts(500, 1500), labels=(100, 200, 300, 400, 500), unlabelled=(500, 1000, 1500, 2000, 2500)
)
"""Of the paper."""

_logger = logging.getLogger(__name__)

_TRAIN = "lsvq-train"
_PRISTINE = tuple(name for name, database in DATABASES.items() if database.references)
_TESTS = ("LSVQ-test", "LSVQ-1080p", "KoNViD-1k", "LIVE-VQC")
_SCENES = 200
_GROUP_FRAMES = 64


@dataclass(frozen=True)
class DatabaseFolders:
    """Finds databases on the disk."""

    roots: Sequence[Path] = ()
    """Folders with a folder for each database, by its name; ``lsvq`` may hold all parts of LSVQ."""
    named: Mapping[str, Path] = field(default_factory=dict)
    """Databases by name: a folder with its official files, or a manifest made by ``sslvqa data make``."""

    def __post_init__(self) -> None:
        """Refuse names that no database has."""
        for name in self.named:
            find_database(name)

    def __call__(self, name: str) -> Manifest:
        """Load a database.

        Raises:
            DataError: It is not there.
            ManifestError: Its label file is malformed.
        """
        place = self.named.get(name)
        if place is not None and place.is_file():
            return read_manifest(place)
        folders = [root / folder for root in self.roots for folder in (name, name.split("-", 1)[0])]
        found = place or next((folder for folder in folders if folder.is_dir()), None)
        if found is None:
            where = ", ".join(map(str, self.roots)) or "the named folders"
            raise DataError(
                f"{name} is not in {where}: no folder of that name; its owners publish it at "
                f"{find_database(name).owners} (see: sslvqa data list)"
            )
        loaded = load_database(find_database(name), found)
        if not loaded.manifest.rows:
            raise DataError(f"{found}: none of the videos of {name} is there")
        if loaded.missing:
            _logger.warning(
                "%s: %d of %d listed videos are missing", name, len(loaded.missing), loaded.labels
            )
        return loaded.manifest


class PaperBench:
    """LSVQ to learn from, five sources of pristine videos, and the databases to be tested on.

    Args:
        load: Gives a database by the name that ``sslvqa data list`` has.
        sizes: Amounts of data.
    """

    name = "paper's databases"
    slug = "paper"
    label = "MOS"
    label_kind = "human opinion, on the scale of the database that was learned from"
    draws = 3

    def __init__(self, load: Callable[[str], Manifest], *, sizes: Sizes = PAPER_SIZES) -> None:
        self.sizes = sizes
        self._load = cache(load)

    def databases(self, table: Table) -> Mapping[str, str]:
        """The paper's, beside themselves."""
        return {name: name for name in table.databases}

    def absent(self, table: Table) -> Mapping[str, str]:
        """Databases that cannot be loaded, with what to do."""
        wanted = [*map(str.lower, table.databases), *_PRISTINE]
        wanted += [] if table.protocol == "target" else [_TRAIN]
        reasons = {name: self._why_absent(name) for name in wanted}
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def draw(self, cell: Cell, index: int) -> Draw:
        """Draw as section 8 of the method says; unlabelled in ``target`` are the remaining 60 %."""
        if cell.target is not None:
            split = next(fifth_splits(self._load(cell.target.lower()), draws=1, seed=index)).parts
            unlabelled = split["unlabelled"] if cell.row.uses_unlabelled else None
            return Draw(
                split["labelled"], unlabelled, self._corpus(cell), {cell.target: split["test"]}, index
            )
        train = self._load(_TRAIN).labelled
        labelled, other = (train, None) if cell.protocol == "full" else self._few(train, cell, index)
        tests = {name: self._load(name.lower()) for name in _TESTS if self._why_absent(name.lower()) is None}
        if not tests:
            raise DataError(f"none of {', '.join(_TESTS)} is there to be tested on; see: sslvqa data list")
        return Draw(labelled, other, self._corpus(cell), tests, index)

    def groups(self, folder: Path) -> tuple[SceneVersions, ...]:
        """Versions of 200 videos of LSVQ's training part, made in ``folder``; finished ones are kept."""
        train = self._load(_TRAIN)
        chosen = take(train, min(_SCENES, len(train)), seed=0, purpose="scenes")
        infos = []
        for row in chosen.rows:
            try:
                target = folder / row.name.replace("/", "__")
                infos.append(build_group(row.path, target, max_frames=_GROUP_FRAMES))
            except VideoError as error:
                _logger.warning("left out: %s", error)
        return tuple(map(SceneVersions.of, infos))

    def _few(self, train: Manifest, cell: Cell, index: int) -> tuple[Manifest, Manifest | None]:
        main = self.sizes.main
        assert main.labels is not None
        assert main.unlabelled is not None
        labels, count = cell.amounts
        assert labels is not None
        assert count is not None
        draws = paper_draws(train, labelled=main.labels, unlabelled=main.unlabelled, draws=index + 1)
        parts = next(islice(draws, index, None)).parts
        contents = {row.content for part in parts.values() for row in part.rows}
        rest = train.select(row for row in train.rows if row.content not in contents)
        labelled = take(parts["labelled"], labels, seed=index, purpose="labelled")
        if not count:
            return labelled, None
        return labelled, take(parts["unlabelled"], count, seed=index, purpose="unlabelled", then=rest)

    def _corpus(self, cell: Cell) -> Manifest | None:
        """All pristine videos that are there, for a method that needs them."""
        if not cell.row.uses_pristine:
            return None
        found = [self._load(name) for name in _PRISTINE if self._why_absent(name) is None]
        if not found:
            raise DataError(
                f"none of the pristine sources {', '.join(_PRISTINE)} is there; see: sslvqa data list"
            )
        return found[0].select(row for part in found for row in part.rows)

    def _why_absent(self, name: str) -> str | None:
        try:
            self._load(name)
        except SslvqaError as error:  # a malformed label file or a missing extra is no better than none
            return str(error)
        return None
