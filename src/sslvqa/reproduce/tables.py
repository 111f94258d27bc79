"""What the paper's tables are: rows (a way to learn each), amounts of data, databases to be tested on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from sslvqa.errors import ConfigError
from sslvqa.train.train_config import WITH_DISTANCE, WITHOUT_UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TABLES", "Amounts", "Cell", "Protocol", "Row", "Sizes", "Table", "find_tables"]

Protocol = Literal["few", "target", "full"]
"""``few``: some labelled videos and many without labels of one training set, tested on other sets;
``target``: a fifth of a set labelled, another fifth tested on; ``full``: all labels of the training set."""

_HUMAN_SETS = ("LSVQ-test", "LSVQ-1080p", "KoNViD-1k", "LIVE-VQC")


@dataclass(frozen=True)
class Row:
    """One way to learn. What is learned depends on all of it but the label."""

    label: str
    """As the paper prints it, where it does."""
    method: str
    """As ``sslvqa train --method`` takes it."""
    start: str = "statistical"
    """What the backbones start from: ``random``, ``cosine``, ``statistical``, or another name given."""
    changes: tuple[tuple[str, object], ...] = ()
    """Settings that differ from the recipe's, by dotted name."""
    ranks: bool = False
    """Whether the order of levels is learned too, from the groups that self-supervised starts learn from."""

    @property
    def uses_unlabelled(self) -> bool:
        """Whether videos without labels are looked at."""
        return self.method not in WITHOUT_UNLABELLED

    @property
    def uses_pristine(self) -> bool:
        """Whether a distance to pristine videos is learned."""
        return self.method in WITH_DISTANCE


class Amounts(NamedTuple):
    """How many videos a run learns from."""

    labels: int | None
    """None for all."""
    unlabelled: int | None
    """None for all that are left, 0 for none."""


@dataclass(frozen=True)
class Sizes:
    """The amounts of a benchmark."""

    main: Amounts
    labels: tuple[int, ...]
    """Of Figure 3, with the main number of unlabelled videos."""
    unlabelled: tuple[int, ...]
    """Of Figure 3, with the main number of labels."""

    def __post_init__(self) -> None:
        """Check ranges."""
        counts = (self.main.labels, *self.labels), (self.main.unlabelled, *self.unlabelled)
        for name, least, values in zip(("labels", "unlabelled"), (2, 1), counts, strict=True):
            wrong = [value for value in values if value is None or value < least]
            if wrong:
                raise ConfigError(f"a number of {name} is {wrong[0]}; expected {least} or more")

    def changed(
        self,
        *,
        main_labels: int | None = None,
        main_unlabelled: int | None = None,
        labels: tuple[int, ...] | None = None,
        unlabelled: tuple[int, ...] | None = None,
    ) -> Sizes:
        """These sizes with others put in; None keeps what is there."""
        main = Amounts(main_labels or self.main.labels, main_unlabelled or self.main.unlabelled)
        return Sizes(main, labels or self.labels, unlabelled or self.unlabelled)


@dataclass(frozen=True)
class Cell:
    """One row with its amounts: what is learned, once for each draw of the videos."""

    row: Row
    protocol: Protocol
    amounts: Amounts
    target: str | None = None
    """Database that is learned from and tested on (``target`` only)."""

    @property
    def name(self) -> str:
        """For people."""
        labels = "all labels" if self.amounts.labels is None else f"{self.amounts.labels} labels"
        parts = [self.row.label, labels if self.target is None else f"a fifth of {self.target}"]
        if self.amounts.unlabelled != 0:
            parts.append(
                "all others unlabelled"
                if self.amounts.unlabelled is None
                else f"{self.amounts.unlabelled} unlabelled"
            )
        return ", ".join(parts)


@dataclass(frozen=True)
class Table:
    """One table or figure."""

    name: str
    title: str
    rows: tuple[Row, ...]
    databases: tuple[str, ...]
    """Tested on, as the paper names them."""
    number: int | None = None
    """Of the paper's table whose numbers stand beside ours."""
    protocol: Protocol = "few"
    sweep: bool = False
    """Whether the amounts vary, as in Figure 3."""
    measures: tuple[Literal["srocc", "plcc"], ...] = ("srocc",)
    draws: int | None = None
    """Splits of the paper, when they are not those of most tables; a benchmark's own count otherwise."""
    significance: bool = False
    """Whether the rows are compared by tests instead of listed."""
    compares_methods: bool = False
    """Whether a method of one's own belongs in it."""

    def with_methods(self, methods: Iterable[str]) -> Table:
        """The table with rows for methods of one's own (``FILE.py:CLASS``), if it compares methods.

        A row is called as its class, or ``FILE.py:CLASS`` where another row is called so.

        Raises:
            ConfigError: Two methods have the same file name and class.
        """
        if not self.compares_methods:
            return self
        rows = list(self.rows)
        for name in methods:
            short = Path(name).name
            known = {row.label for row in rows}
            label = next((text for text in (short.rsplit(":", 1)[-1], short) if text not in known), None)
            if label is None:
                raise ConfigError(f"--method {name}: there is a {short} already; rename file or class")
            rows.append(Row(label, name))
        return replace(self, rows=tuple(rows))

    def cells(self, sizes: Sizes) -> tuple[Cell, ...]:
        """All that has to be learned, in the order of the table."""
        if self.protocol == "target":
            amounts = Amounts(None, None)
            found = [
                Cell(row, "target", _used(row, amounts), name) for row in self.rows for name in self.databases
            ]
        elif self.protocol == "full":
            found = [Cell(row, "full", Amounts(None, 0)) for row in self.rows]
        else:
            found = [
                Cell(row, "few", _used(row, item)) for row in self.rows for item in self._amounts(sizes, row)
            ]
        return tuple(dict.fromkeys(found))

    def _amounts(self, sizes: Sizes, row: Row) -> Iterable[Amounts]:
        if not self.sweep:
            return (sizes.main,)
        labels = [Amounts(count, sizes.main.unlabelled) for count in sizes.labels]
        unlabelled = [Amounts(sizes.main.labels, count) for count in sizes.unlabelled]
        return [*labels, *(unlabelled if row.uses_unlabelled else ())]


def _used(row: Row, amounts: Amounts) -> Amounts:
    return amounts if row.uses_unlabelled else Amounts(amounts.labels, 0)


SUPERVISED = Row("Supervised", "supervised")
HEAD_ALONE = Row("Head alone (ours)", "supervised", changes=(("fit_head", True), ("max_steps", 1)))
"""The head fitted in closed form to the start's features: what fine-tuning, of any kind, has to beat."""
MEAN_TEACHER = Row("Mean Teacher", "mean_teacher")
META_PSEUDO_LABELS = Row("Meta Pseudo Label", "meta_pseudo_labels")
FIXMATCH = Row("FixMatch", "fixmatch")
MIXMATCH = Row("MixMatch", "mixmatch")
SSL_VQA = Row("SSL-VQA", "ssl_vqa")
RANKED = Row("SSL-VQA with known levels (ours)", "ssl_vqa", ranks=True)
MINUS = Row("SSL-VQA-", "ssl_vqa_minus")
MINUS_NO_CONSISTENCY = Row(
    "SSL-VQA- without consistency", "ssl_vqa_minus", changes=(("loss.consistency", False),)
)
_SEMI_SUPERVISED = (MEAN_TEACHER, META_PSEUDO_LABELS, FIXMATCH, MIXMATCH, SSL_VQA)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "table1",
            "Table 1: few labels, no other videos",
            (SUPERVISED, MINUS_NO_CONSISTENCY, MINUS),
            _HUMAN_SETS,
            number=1,
            measures=("srocc", "plcc"),
        ),
        Table(
            "table2",
            "Table 2: few labels and videos without labels",
            (HEAD_ALONE, SUPERVISED, MINUS, *_SEMI_SUPERVISED, RANKED),
            _HUMAN_SETS,
            number=2,
            compares_methods=True,
            measures=("srocc", "plcc"),
        ),
        Table(
            "table3",
            "Table 3: a fifth of the database labelled",
            (SUPERVISED, *_SEMI_SUPERVISED),
            ("KoNViD-1k", "LIVE-VQC", "LIVE-Qualcomm", "YouTube-UGC"),
            number=3,
            protocol="target",
            compares_methods=True,
            measures=("srocc", "plcc"),
            draws=10,
        ),
        Table(
            "table4",
            "Table 4: what the backbones start from",
            (
                Row("random", "ssl_vqa", "random"),
                Row("Video Swin-T, Kinetics", "ssl_vqa", "kinetics"),
                Row("ST-VQRL, similarity loss", "ssl_vqa", "cosine"),
                Row("ST-VQRL, statistical loss", "ssl_vqa", "statistical"),
            ),
            ("KoNViD-1k", "LIVE-VQC"),
            number=4,
        ),
        Table(
            "table5",
            "Table 5: without parts of the loss",
            (
                Row("without consistency loss", "ssl_vqa", changes=(("loss.consistency", False),)),
                Row("without knowledge-transfer loss", "ssl_vqa", changes=(("loss.transfer", False),)),
                SSL_VQA,
            ),
            ("KoNViD-1k", "LIVE-VQC"),
            number=5,
        ),
        Table(
            "table7",
            "Table 7: all labels of the training set",
            (SUPERVISED, MINUS),
            _HUMAN_SETS,
            number=7,
            protocol="full",
            draws=1,
        ),
        Table(
            "figure3",
            "Figure 3: number of labels and of videos without labels",
            (HEAD_ALONE, SUPERVISED, MINUS, SSL_VQA),
            ("KoNViD-1k", "LIVE-VQC"),
            sweep=True,
            compares_methods=True,
        ),
        Table(
            "significance",
            "Tables 6 and 8: which method is better, by tests over the draws",
            (HEAD_ALONE, SUPERVISED, MINUS_NO_CONSISTENCY, MINUS, *_SEMI_SUPERVISED),
            _HUMAN_SETS,
            significance=True,
            compares_methods=True,
        ),
    )
}
"""By the name that the command takes."""


def find_tables(names: Iterable[str]) -> tuple[Table, ...]:
    """Tables by name; ``all`` for every one.

    Raises:
        ConfigError: No such table.
    """
    wanted = list(names)
    unknown = [name for name in wanted if name not in TABLES and name != "all"]
    if unknown:
        raise ConfigError(f"no table '{unknown[0]}'; expected {', '.join(TABLES)} or all")
    return tuple(table for name, table in TABLES.items() if name in wanted or "all" in wanted)
