"""The numbers that the paper prints, to stand beside ours.

Source of ``published.csv``: S. Mitra, R. Soundararajan, *Knowledge Guided Semi-Supervised Learning for
Quality Assessment of User Generated Videos*, AAAI 2024 (arXiv 2312.15425), Tables 1-5 and 7. Medians of 3
draws of the labelled videos, in Table 3 of 10 splits.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

__all__ = ["Published", "published_methods", "published_value", "read_published"]


class Published(NamedTuple):
    """Where one number stands in the paper."""

    table: int
    method: str
    database: str
    measure: str
    """``srocc`` or ``plcc``."""


@cache
def read_published() -> dict[Published, float]:
    """All numbers of the paper's tables, in their order."""
    text = files(__package__).joinpath("published.csv").read_text("utf-8")
    return {
        Published(int(row["table"]), row["method"], row["database"], row["metric"].lower()): float(
            row["value"]
        )
        for row in csv.DictReader(text.splitlines())
    }


def published_value(table: int | None, method: str, database: str, measure: str) -> float | None:
    """One number, or None where the paper has none."""
    return None if table is None else read_published().get(Published(table, method, database, measure))


def published_methods(table: int | None) -> tuple[str, ...]:
    """Methods of one of the paper's tables, in its order."""
    return tuple(dict.fromkeys(item.method for item in read_published() if item.table == table))
