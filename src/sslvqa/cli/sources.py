"""What a command is given to score: files, folders, lists of paths, or a video on standard input."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from sslvqa.video import RawGeometry

__all__ = ["expand", "parse_geometry", "read_sources"]

_GEOMETRY = re.compile(r"(\d+)x(\d+)(?::([a-z0-9]+))?(?:@([0-9.]+)(?:/([0-9.]+))?)?")


def read_sources(items: list[str], *, geometry: RawGeometry | None, stdin_bytes: int) -> list[str | BinaryIO]:
    """Return what to score; ``-`` is a video when y4m or (with a geometry) raw frames arrive on stdin.

    Raises:
        VideoLimitError: The video on stdin is larger than ``stdin_bytes``.
    """
    if "-" in items:
        from sslvqa.video import is_y4m, spool_stream

        stream = getattr(sys.stdin, "buffer", None)
        if stream is not None and (geometry is not None or is_y4m(stream)):
            others = expand([item for item in items if item != "-"])
            return [*others, spool_stream(stream, max_bytes=stdin_bytes)]
    return [*expand(items)]


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


def parse_geometry(text: str | None) -> RawGeometry | None:
    """Read ``WIDTHxHEIGHT[:PIXEL_FORMAT][@FPS]``, e.g. ``1920x1080:yuv420p10le@30000/1001``.

    Raises:
        ConfigError: It has another form, or names no pixel format.
    """
    if text is None:
        return None
    from sslvqa.video import RawGeometry

    found = _GEOMETRY.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"--raw is {text!r}; give WIDTHxHEIGHT[:PIXEL_FORMAT][@FPS], e.g. 1920x1080:yuv420p@25"
        )
    width, height, pixels, fps, divisor = found.groups()
    try:
        rate = float(fps or 25) / float(divisor or 1)
    except (ValueError, ZeroDivisionError) as error:
        raise ConfigError(f"--raw is {text!r}; {fps}/{divisor} is no frame rate") from error
    return RawGeometry(int(width), int(height), fps=rate, pixel_format=pixels or "yuv420p")
