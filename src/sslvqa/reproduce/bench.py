"""Where the videos of a table come from: what any benchmark gives, and the parts they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sslvqa.data.datasets import derive_seed
from sslvqa.data.splits import ContentSplit
from sslvqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sslvqa.data.datasets import SceneVersions
    from sslvqa.data.manifest import Manifest
    from sslvqa.reproduce.tables import Cell, Sizes, Table

__all__ = ["Bench", "Draw", "take"]


@dataclass(frozen=True)
class Draw:
    """The videos of one run."""

    labelled: Manifest
    unlabelled: Manifest | None
    """Their scores, if they have any, are not looked at."""
    pristine: Manifest | None
    """For methods with Q_D."""
    tests: Mapping[str, Manifest]
    """By database; rows of contents that no other part has."""
    seed: int

    def __post_init__(self) -> None:
        """Check that nothing that is tested on is learned from."""
        parts = (self.labelled, self.unlabelled, self.pristine)
        known = {(part.source, row.content) for part in parts if part is not None for row in part.rows}
        for name, test in self.tests.items():
            leaks = sorted(row.content for row in test.rows if (test.source, row.content) in known)
            if leaks:
                raise DataError(
                    f"{name}: content '{leaks[0]}' is learned from and tested on; correct the split"
                )

    @property
    def sha256(self) -> str:
        """Hash of the split: who is labelled, unlabelled and tested on."""
        parts = {"labelled": self.labelled, **self.tests}
        if self.unlabelled is not None:
            parts["unlabelled"] = self.unlabelled
        return ContentSplit(parts, self.seed).sha256


class Bench(Protocol):
    """A benchmark: databases, and how runs draw from them."""

    name: str
    """Under which results are published."""
    slug: str
    """The same in file names."""
    label: str
    """What a score is, e.g. MOS."""
    draws: int
    """Of the labelled videos, where a table does not say otherwise."""
    sizes: Sizes

    @property
    def label_kind(self) -> str:
        """What the labels are, for the cards of models and the tables."""
        ...

    def databases(self, table: Table) -> Mapping[str, str]:
        """What a table is tested on: our database to the one of the paper that it stands beside.

        Empty for a table that the benchmark cannot have.
        """
        ...

    def absent(self, table: Table) -> Mapping[str, str]:
        """Databases that a table needs and that are not there, each with what to do."""
        ...

    def draw(self, cell: Cell, index: int) -> Draw:
        """The videos of one run, tested on every database that is there.

        Raises:
            DataError: A database that is learned from is absent or too small.
        """
        ...

    def groups(self, folder: Path) -> tuple[SceneVersions, ...]:
        """Scenes with distorted versions for self-supervised learning; made in ``folder`` where they are not.

        Raises:
            DataError: There are none.
        """
        ...


def take(part: Manifest, count: int, *, seed: int, purpose: str, then: Manifest | None = None) -> Manifest:
    """Draw videos: fewer are always among more of them.

    Args:
        part: To draw from.
        count: How many.
        seed: Of the draw.
        purpose: Draws for different ones are independent.
        then: To draw from when ``part`` is used up.

    Raises:
        DataError: There are not so many.
    """
    more = () if then is None else then.rows
    if count > len(part) + len(more):
        raise DataError(
            f"{part.source}: {count} {purpose} videos are wanted, but there are {len(part) + len(more)}; "
            "ask for fewer"
        )
    generator = np.random.default_rng(derive_seed(seed, purpose))
    first, second = (generator.permutation(size).tolist() for size in (len(part), len(more)))
    rows = [*(part.rows[place] for place in first), *(more[place] for place in second)]
    return part.select(rows[:count])
