"""Scores beside labels: what an evaluation compares."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sslvqa.scoring.batch import score_each
from sslvqa.scoring.result import VideoScore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sslvqa.scoring.scorer import Scorer
    from sslvqa.video.raw import RawGeometry

__all__ = ["RatedScore", "interval_coverage", "score_rated", "write_predictions"]


@dataclass(frozen=True, slots=True)
class RatedScore:
    """One video with its label, and its score or why there is none."""

    path: str
    content: str
    label: float
    group: str
    result: VideoScore | None
    error: str | None = None


def score_rated(
    rows: Iterable[tuple[str | Path, str, float, str]],
    *,
    scorer: Scorer,
    geometries: Mapping[str, RawGeometry] | None = None,
) -> Iterator[RatedScore]:
    """Score videos given as (path, content, label, group), in their order.

    ``geometries`` says by path what headerless files hold.
    """
    items = list(rows)
    results = score_each([item[0] for item in items], scorer=scorer, geometry=geometries)
    for (path, content, label, group), found in zip(items, results, strict=True):
        score, error = (found, None) if isinstance(found, VideoScore) else (None, found.error)
        yield RatedScore(str(path), content, label, group, score, error)


def interval_coverage(rated: Sequence[RatedScore]) -> float | None:
    """Share of labels inside the intervals of their scores; ``None`` without intervals."""
    ranges = [(item.label, item.result.interval) for item in rated if item.result and item.result.interval]
    if not ranges:
        return None
    return sum(interval.low <= label <= interval.high for label, interval in ranges) / len(ranges)


def write_predictions(path: Path, rated: Sequence[RatedScore]) -> None:
    """Write one line a video as CSV: path, content, group, label, score and its parts, error."""
    columns = ["path", "content", "group", "label", "score", "q_r", "q_d", "spread", "low", "high", "error"]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        for item in rated:
            row: dict[str, object] = {
                key: getattr(item, key) for key in ("path", "content", "group", "label")
            }
            if item.result is None:
                row["error"] = item.error
            else:
                row |= {key: getattr(item.result, key) for key in ("score", "q_r", "q_d", "spread")}
                if item.result.interval is not None:
                    row |= {"low": item.result.interval.low, "high": item.result.interval.high}
            writer.writerow(row)
