"""A video that arrives on a pipe: its bytes go to an unnamed temporary file, as many as allowed."""

from __future__ import annotations

import io
import tempfile
from typing import IO

from sslvqa.errors import ConfigError, VideoLimitError

__all__ = ["StreamFile", "is_y4m", "spool_stream"]

_Y4M = b"YUV4MPEG2"
_PART_BYTES = 1 << 20


class StreamFile(io.BufferedRandom):
    """The bytes of a stream in a temporary file that vanishes when it is closed."""

    name = "-"
    """Stands for the stream in results and messages."""


def is_y4m(stream: io.BufferedReader) -> bool:
    """Whether a stream begins like a YUV4MPEG2 video; nothing is consumed. Waits for the first bytes."""
    return stream.peek(len(_Y4M)).startswith(_Y4M)


def spool_stream(stream: IO[bytes], *, max_bytes: int) -> StreamFile:
    """Copy a stream to a temporary file, to be scored like every other file.

    Memory is one part of 1 MiB; the file lies where ``tempfile`` puts it (``TMPDIR``).

    Args:
        stream: Read to its end.
        max_bytes: The most that it may hold.

    Raises:
        ConfigError: ``max_bytes`` is not positive.
        VideoLimitError: It holds more; nothing stays on the disk.
    """
    if max_bytes < 1:
        raise ConfigError(f"max_bytes is {max_bytes}; a stream holds at least 1 byte")
    file = StreamFile(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - handed out open
    used = 0
    while part := stream.read(_PART_BYTES):
        used += len(part)
        if used > max_bytes:
            file.close()
            raise VideoLimitError(
                f"-: the stream is longer than {max_bytes} bytes; send less of it, or allow more "
                "(--stdin-gigabytes)"
            )
        file.write(part)
    file.seek(0)
    return file
