"""The list of videos to rate next, from what a model says of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sslvqa.data.manifest import relative_name
from sslvqa.errors import DataError
from sslvqa.rate.choose import choose_next, doubt_ranks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sslvqa.rate.choose import Strategy

__all__ = ["SHORTLIST_COLUMNS", "shortlist", "write_shortlist"]

SHORTLIST_COLUMNS = ("path", "rank", "doubt", "predicted", "disagreement", "spread", "interval_width")
"""The model's own score is ``predicted``, so that nobody trains on the list as if it held labels."""

_SIGNS = ("disagreement", "spread", "interval_width")


def shortlist(
    candidates: Sequence[str],
    rated: Sequence[str],
    records: Mapping[str, Mapping[str, Any]],
    *,
    count: int,
    strategy: Strategy,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Choose the videos that people should rate next.

    Args:
        candidates: Paths to choose from; but for ``random``, those without a record are left out.
        rated: Paths of rated videos, to be kept away from where they have a record.
        records: By path, scores with features as :func:`sslvqa.scoring.describe` makes them, as plain values.
        count: How many; all of them if there are fewer.
        strategy: See :func:`choose_next`.
        seed: Of the random order, which also decides ties.

    Returns:
        Rows of :data:`SHORTLIST_COLUMNS`, the most useful first; without records path and rank alone.

    Raises:
        DataError: No candidate has a record.
    """
    usable = list(candidates) if strategy == "random" else [path for path in candidates if path in records]
    if not usable:
        raise DataError("none of the videos could be scored; nothing can be chosen")
    rows = [_signs(records[path]) if path in records else {} for path in usable]
    doubt = doubt_ranks([[row.get(name, 0.0) for name in _SIGNS] for row in rows])
    width = len(next(iter(records.values()))["features"]) if records else 1
    features = [records[path]["features"] if path in records else [0.0] * width for path in usable]
    away = [records[path]["features"] for path in rated if path in records]
    order = choose_next(
        features,
        doubt,
        count=count,
        strategy=strategy,
        rated=np.reshape(away, (len(away), width)),
        seed=seed,
    )
    return [
        {"path": usable[index], "rank": rank, **{k: f"{v:.6g}" for k, v in rows[index].items()}}
        | ({"doubt": f"{doubt[index]:.4f}"} if records else {})
        for rank, index in enumerate(order, start=1)
    ]


def write_shortlist(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table that ``sslvqa rate init --videos`` takes; paths as a table beside them has them."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, SHORTLIST_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows({**row, "path": relative_name(Path(row["path"]), path.parent)} for row in rows)


def _signs(record: Mapping[str, Any]) -> dict[str, float]:
    """What a record says of the model's doubt."""
    interval = record["interval"]
    width = interval["high"] - interval["low"] if interval else 0.0
    signs = {
        "predicted": record["score"],
        "disagreement": record["disagreement"],
        "spread": record["spread"],
        "interval_width": width,
    }
    return {name: value for name, value in signs.items() if value is not None}  # no Q_D, no disagreement
