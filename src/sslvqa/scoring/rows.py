"""Score records, flattened to rows of a table or of a CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VIDEO_COLUMNS", "WINDOW_COLUMNS", "RowWriter", "video_row", "window_rows"]

VIDEO_COLUMNS = (
    "path", "score", "low", "high", "coverage", "spread", "disagreement", "q_r", "q_d", "raw_q_r", "raw_q_d",
    "worst_score", "worst_start_seconds", "worst_end_seconds",
    "duration_seconds", "width_px", "height_px", "fps", "model", "warnings", "error", "error_type",
)  # fmt: skip
"""Of a row for each video."""

WINDOW_COLUMNS = (
    "path", "start_seconds", "end_seconds", "score", "low", "high", "q_r", "q_d", "error", "error_type",
)  # fmt: skip
"""Of a row for each window of the timeline."""


class RowWriter:
    """Writes records in their JSON form as CSV, the header first.

    Args:
        stream: Where to write.
        windows: A row for each window of the timeline instead of one for each video.
    """

    def __init__(self, stream: TextIO, *, windows: bool = False) -> None:
        columns = WINDOW_COLUMNS if windows else VIDEO_COLUMNS
        self._windows = windows
        self._writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore")
        self._writer.writeheader()

    def write(self, record: Mapping[str, Any]) -> None:
        """Write one score or failure."""
        self._writer.writerows(window_rows(record) if self._windows else [video_row(record)])


def video_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten a record; a failure keeps its path and error. Texts can be written as UTF-8, see below."""
    row = {key: record[key] for key in VIDEO_COLUMNS if key in record}
    if "error" not in record:
        row |= {key: record["video"][key] for key in ("duration_seconds", "width_px", "height_px", "fps")}
        row |= record["interval"] or {}
        row |= {f"worst_{key}": record["worst"][key] for key in ("score", "start_seconds", "end_seconds")}
        row |= {"model": record["provenance"]["model"], "warnings": " | ".join(record["warnings"])}
    return _writable(row)


def window_rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for each entry of the timeline; a failure is one row."""
    if "error" in record:
        return [_writable(record)]
    return [
        _writable({"path": record["path"], **window, **(window["interval"] or {})})
        for window in record["timeline"]
    ]


def _writable(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with what no UTF-8 file can hold (other bytes, in a file's name) written as an escape."""
    return {
        key: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for key, value in row.items()
    }
