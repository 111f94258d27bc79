"""The one place that formats results: table, json, ndjson, csv. Results go to stdout, all else to stderr."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, TextIO, TypeVar

from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "Format",
    "RecordWriter",
    "as_table",
    "choose_format",
    "note",
    "open_output",
    "print_json",
    "print_table",
    "progress_bar",
    "record_writer",
    "track",
]


_Item = TypeVar("_Item")


class Format(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


_ENDINGS = {".json": Format.JSON, ".csv": Format.CSV, ".txt": Format.TABLE}


def choose_format(wanted: Format | None, output: Path | None) -> Format:
    """Return what is asked; else by the file's ending; else a table on a terminal and ndjson elsewhere."""
    if wanted is not None:
        return wanted
    if output is not None:
        return _ENDINGS.get(output.suffix.lower(), Format.NDJSON)
    return Format.TABLE if sys.stdout.isatty() else Format.NDJSON


def as_table(wanted: Literal["table", "json"] | None) -> bool:
    """Whether a report is a table and not one JSON document: what is asked, else a table on a terminal."""
    return wanted == "table" or (wanted is None and sys.stdout.isatty())


def note(message: str) -> None:
    """Tell the user something that is not the result."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def track(items: Iterable[_Item], *, total: int, label: str = "scoring") -> Iterator[_Item]:
    """Pass items through and show their progress on stderr, when that is a terminal."""
    if total < 2 or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track as show

    yield from show(items, description=label, total=total, console=Console(stderr=True), transient=True)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float], None]]:
    """Give a function that takes the fraction done, shown on stderr when that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _fraction: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(label, total=1.0)
        yield lambda fraction: shown.update(task, completed=fraction)


@contextmanager
def open_output(path: Path | None, *, append: bool = False, stdout: TextIO | None = None) -> Iterator[TextIO]:
    """Open the output file, or hand out stdout; ``stdout`` is what stands for it, if not ``sys.stdout``.

    Raises:
        ConfigError: The file cannot be written.
    """
    if path is None:
        yield sys.stdout if stdout is None else stdout
        return
    try:
        stream = path.open("a" if append else "w", encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigError(
            f"cannot write {path} ({error.strerror}); create its folder, or give another"
        ) from error
    with stream:
        yield stream


def print_json(value: Mapping[str, Any]) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.write(json.dumps(value, allow_nan=False, indent=2) + "\n")


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    stream: TextIO | None = None,
    text: Collection[str] = (),
) -> None:
    """Write an aligned table; the first column and those named in ``text`` are to the left, others right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        side: Literal["left", "right"] = "left" if index == 0 or name in text else "right"
        table.add_column(name, justify=side, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    out = sys.stdout if stream is None else stream
    Console(file=out, width=None if out.isatty() else 160).print(table)


class RecordWriter(Protocol):
    """Takes scores and failures in their JSON form; the document is valid once :meth:`close` was called."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record."""

    def close(self) -> None:
        """Finish the document."""


def record_writer(kind: Format, stream: TextIO, *, windows: bool = False) -> RecordWriter:
    """Return a writer of score records.

    Args:
        kind: The format.
        stream: Where to write.
        windows: A CSV has one row for each window of the timeline instead of one for each video; a table
            of videos is followed by one of the windows.
    """
    if kind is Format.NDJSON:
        return _NdjsonWriter(stream)
    if kind is Format.JSON:
        return _JsonWriter(stream)
    return _CsvWriter(stream, windows) if kind is Format.CSV else _TableWriter(stream, windows)


class _NdjsonWriter:
    """A line each, in ASCII: names of files need not be UTF-8, and may hold what else ends a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, record: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(record, allow_nan=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        self._stream.flush()


class _JsonWriter:
    """A JSON array, opened at once and closed by :meth:`close`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._before = stream, "[\n"

    def write(self, record: Mapping[str, Any]) -> None:
        text = json.dumps(record, allow_nan=False, indent=2)
        self._stream.write(self._before + text)
        self._before = ",\n"

    def close(self) -> None:
        self._stream.write("[]\n" if self._before == "[\n" else "\n]\n")
        self._stream.flush()


class _CsvWriter:
    def __init__(self, stream: TextIO, windows: bool) -> None:
        from sslvqa.scoring.rows import RowWriter

        self._rows, self._stream = RowWriter(stream, windows=windows), stream

    def write(self, record: Mapping[str, Any]) -> None:
        self._rows.write(record)
        self._stream.flush()

    def close(self) -> None:
        self._stream.flush()


class _TableWriter:
    """A table of videos and, with ``windows``, the table of their timelines below it."""

    def __init__(self, stream: TextIO, windows: bool) -> None:
        self._stream, self._windows = stream, windows
        self._videos: list[list[str]] = []
        self._timelines: list[list[str]] = []

    def write(self, record: Mapping[str, Any]) -> None:
        from sslvqa.scoring.rows import video_row, window_rows

        row = video_row(record)
        if "error" in record:
            self._videos.append([row["path"], "failed", *[""] * (len(_TABLE_VIDEOS) - 2)])
            note(f"{row['path']}: {row['error']}")
            return
        self._videos.append(_video_cells(row))
        self._timelines += [_window_cells(row) for row in window_rows(record)]
        for warning in record["warnings"]:
            note(f"{row['path']}: warning: {warning}")

    def close(self) -> None:
        print_table(_TABLE_VIDEOS, self._videos, stream=self._stream)
        if self._windows:
            print_table(_TABLE_WINDOWS, self._timelines, stream=self._stream)


_TABLE_VIDEOS = ("path", "score", "interval", "worst moment", "spread", "q_r", "q_d", "seconds", "size")
_TABLE_WINDOWS = ("path", "start", "end", "score", "interval", "q_r", "q_d")


def _video_cells(row: Mapping[str, Any]) -> list[str]:
    numbers = [_digits(row[key]) for key in ("spread", "q_r", "q_d", "duration_seconds")]
    worst = f"{_digits(row['worst_score'])} at {row['worst_start_seconds']:.1f} s"
    size = f"{row['width_px']}x{row['height_px']}"
    return [row["path"], _digits(row["score"]), _range(row), worst, *numbers, size]


def _window_cells(row: Mapping[str, Any]) -> list[str]:
    before, after = ("start_seconds", "end_seconds", "score"), ("q_r", "q_d")
    numbers, rest = ([_digits(row[key]) for key in keys] for keys in (before, after))
    return [row["path"], *numbers, _range(row), *rest]


def _range(row: Mapping[str, Any]) -> str:
    """The interval of a row, if it has one."""
    return f"{_digits(row['low'])}..{_digits(row['high'])}" if "low" in row else "–"


def _digits(value: float | None) -> str:
    """Two decimals on ordinary scales, four significant digits on small ones; a dash for none."""
    if value is None:
        return "–"
    return f"{value:.2f}" if abs(value) >= 1 or value == 0 else f"{value:.4g}"
