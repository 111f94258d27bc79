"""Read what ``sslvqa score`` wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sslvqa.errors import ConfigError, DataError
from sslvqa.scoring import SCHEMA, FailedScore, VideoScore

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_results"]


def read_results(path: Path) -> tuple[VideoScore | FailedScore, ...]:
    """Read a results file: a JSON array, one JSON record, or ndjson.

    Args:
        path: Output of ``sslvqa score --format json`` or ``ndjson``.

    Returns:
        Its records, in order.

    Raises:
        DataError: Not such a file; the message names the file and the record.
    """
    try:
        text = path.read_text(encoding="utf-8")
        records = _records(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(
            f"{path}: no results of sslvqa score ({error}); give its json or ndjson output"
        ) from error
    if not text.strip():
        raise DataError(f"{path}: the file is empty; give the json or ndjson output of sslvqa score")
    return tuple(_result(record, where=f"{path}: record {n}") for n, record in enumerate(records, start=1))


def _records(text: str) -> list[Any]:
    """The values of a JSON document or of JSON lines."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    return document if isinstance(document, list) else [document]


def _result(record: Any, *, where: str) -> VideoScore | FailedScore:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise DataError(f"{where}: not a score of schema {SCHEMA}; give the output of sslvqa score")
    try:
        if "error" in record:
            return FailedScore(str(record["path"]), str(record["error"]), str(record["error_type"]))
        return VideoScore.from_dict(record)
    except (ConfigError, DataError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{where}: not a complete score ({error}); score the file again") from error
