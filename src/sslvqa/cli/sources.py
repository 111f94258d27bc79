"""What a command is given to score: files, folders, lists of paths, or a video on standard input."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sslvqa.video import RawGeometry

__all__ = ["expand", "open_sources"]


@contextmanager
def open_sources(
    items: list[str], *, geometry: RawGeometry | None, stdin_bytes: int
) -> Iterator[list[str | BinaryIO]]:
    """Give what to score; ``-`` is a video when y4m or (with a geometry) raw frames arrive on stdin.

    Raises:
        VideoLimitError: The video on stdin is larger than ``stdin_bytes``.
    """
    stream = getattr(sys.stdin, "buffer", None) if "-" in items else None
    if stream is None:
        yield [*expand(items)]
        return
    from sslvqa.video import is_y4m, spool_stream

    if geometry is None and not is_y4m(stream):
        yield [*expand(items)]
        return
    others = expand([item for item in items if item != "-"])
    with spool_stream(stream, max_bytes=stdin_bytes) as file:
        yield [*others, file]


def expand(items: list[str]) -> list[str]:
    """Return file paths: stdin lines for ``-``, the videos of folders, each path once."""
    from sslvqa.data.manifest import scan_videos

    paths: list[str] = []
    for item in items:
        if item == "-":
            paths += [line.strip() for line in sys.stdin if line.strip()]
        elif Path(item).is_dir():
            paths += [str(row.path) for row in scan_videos(item).rows]
        else:
            paths.append(item)
    return list(dict.fromkeys(paths))
