"""Open a video: one protocol, whatever holds the frames."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self, runtime_checkable

from sslvqa.errors import UnreadableVideoError
from sslvqa.video.guard import Limits, open_source
from sslvqa.video.pyav import PyavVideo
from sslvqa.video.raw import RawGeometry, RawVideo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    from sslvqa.video.frames import Planes, VideoInfo

__all__ = ["Video", "open_video", "probe"]

_HEADERLESS = frozenset({".yuv", ".rgb", ".raw", ".nv12"})
_MOST_THREADS = 8
_NO_LIMITS_GIVEN = Limits()


@runtime_checkable
class Video(Protocol):
    """An open video; also a context manager that closes it.

    Attributes:
        info: What is known of it.
        timestamps_seconds: Presentation time of every frame, float64 ``(frame_count,)``, increasing. As the
            container has them: the first one need not be 0.
        warnings: What was wrong with the file but could be lived with.
        frames_decoded: Frames decoded by :meth:`frames` so far, skipped-over ones included.
    """

    info: VideoInfo
    timestamps_seconds: NDArray[np.float64]
    warnings: list[str]
    frames_decoded: int

    @property
    def pixels_converted(self) -> int:
        """Pixels converted to RGB so far."""
        ...

    def frames(self, indices: Sequence[int]) -> Iterator[Planes]:
        """Yield the frames of these numbers, each once, in increasing order.

        Only what is needed is decoded: from the key frame before a wanted frame if that is nearer than going
        on, and not beyond the last one. One decoded frame is held at a time. Another frame stands in for one
        that cannot be decoded: its ``source_index`` is not its ``index``.
        """
        ...

    def close(self) -> None:
        """Release the decoder and the file."""
        ...

    def __enter__(self) -> Self:
        """Return the video itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the video."""
        ...


def open_video(
    source: str | Path | BinaryIO,
    *,
    limits: Limits = _NO_LIMITS_GIVEN,
    geometry: RawGeometry | None = None,
    threads: int | None = None,
) -> Video:
    """Open a video file and index its frames (all packets are read, one frame is decoded).

    Args:
        source: Path, or a seekable binary file, which stays open.
        limits: The most that the video may cost.
        geometry: What a headerless file (.yuv) holds; None for files with a header.
        threads: Decoding threads; None takes one per core, at most 8.

    Returns:
        The open video; close it, or use it in a ``with`` statement.

    Raises:
        VideoNotFoundError: There is no such file.
        UnreadableVideoError: It holds no video that can be decoded; the message names file and cause.
        VideoLimitError: It exceeds a limit.
    """
    file, name, owned = open_source(source, limits=limits)
    if geometry is not None:
        return RawVideo(file, name=name, owned=owned, limits=limits, geometry=geometry)
    if PurePath(name).suffix.lower() in _HEADERLESS:
        if owned:
            file.close()
        raise UnreadableVideoError(
            f"{name}: a headerless file; its frame size is needed; "
            "pass geometry=RawGeometry(width_px=, height_px=, fps=, pixel_format=)"
        )
    count = min(os.cpu_count() or 1, _MOST_THREADS) if threads is None else threads
    return PyavVideo(file, name=name, owned=owned, limits=limits, threads=count)


def probe(
    source: str | Path | BinaryIO, *, limits: Limits = _NO_LIMITS_GIVEN, geometry: RawGeometry | None = None
) -> VideoInfo:
    """Facts of a video: the header's claims and what was counted. Raises as :func:`open_video`."""
    with open_video(source, limits=limits, geometry=geometry) as video:
        return video.info
