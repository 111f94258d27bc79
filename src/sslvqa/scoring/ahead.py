"""Reading of the next files while the networks have this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import torch

from sslvqa.scoring.overlap import reading_threads
from sslvqa.scoring.windows import check_timeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from sslvqa.scoring.reading import Reading
    from sslvqa.scoring.scorer import Scorer
    from sslvqa.video.raw import RawGeometry

__all__ = ["Source", "geometry_of", "read_each"]

Source = TypeVar("Source", bound="str | Path | BinaryIO")
"""A file."""

_MOST_READERS = 8
_MOST_READERS_FOR_GPU = 32  # which leaves the cores to the decoders


def read_each(
    sources: Sequence[Source],
    *,
    scorer: Scorer,
    timeline_seconds: float | None = None,
    geometry: RawGeometry | Mapping[str, RawGeometry] | None = None,
) -> Iterator[tuple[Source, Future[Reading]]]:
    """Read files in threads and hand them over in their order, each with its future.

    The CPU threads of the scorer are shared: many files are decoded by one thread each, a single file by all.
    As many files as there are readers wait or are being read beside the one handed over, so memory does not
    grow with their number (with a timeline, which holds many views, one waits). Leaving the iteration drops
    what was not begun. What goes wrong with a file is raised by ``result()`` of its future. ``geometry`` says
    what headerless files hold, for all or by path.

    Raises:
        ConfigError: ``timeline_seconds`` is not positive and finite; before the first file.
    """
    check_timeline(timeline_seconds)
    total = torch.get_num_threads() if scorer.threads is None else scorer.threads
    most = _MOST_READERS if scorer.device.type == "cpu" else _MOST_READERS_FOR_GPU
    readers = max(min(total, len(sources) if timeline_seconds is None else 1, most), 1)
    threads = max(total // readers, 1)

    def read(source: Source) -> Reading:
        own = geometry_of(source, geometry)
        return scorer.read(source, timeline_seconds=timeline_seconds, geometry=own, threads=threads)

    waiting: deque[tuple[Source, Future[Reading]]] = deque()
    with reading_threads(readers) as pool:
        try:
            for source in sources:
                waiting.append((source, pool.submit(read, source)))
                if len(waiting) > readers:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()


def geometry_of(
    source: str | Path | BinaryIO, geometry: RawGeometry | Mapping[str, RawGeometry] | None
) -> RawGeometry | None:
    """What a headerless file holds, from what is said of all files or by path."""
    return geometry.get(str(source)) if isinstance(geometry, Mapping) else geometry
