"""From video files to what a comparator keeps of them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import starmap
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple

from sslvqa.errors import ConfigError, VideoError
from sslvqa.peers.frames import Spread, luma_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sslvqa.peers.base import Peer
    from sslvqa.peers.frames import FramePolicy
    from sslvqa.video import RawGeometry

    _Job = tuple[str | Path, Peer, FramePolicy, RawGeometry | None]

__all__ = ["Measured", "choose_frames", "measure_each"]


class Measured(NamedTuple):
    """One video: what is kept of it, or why it could not be read."""

    value: Any
    error: str | None = None


def choose_frames(peer: Peer, per_second: float | None) -> FramePolicy:
    """What a comparator looks at: as it says or, if it looks at single frames, so many a second.

    Raises:
        ConfigError: The number is out of range, or the comparator needs consecutive frames.
    """
    if per_second is None:
        return peer.looks_at
    if not per_second > 0:
        raise ConfigError(f"per_second is {per_second}; it must be positive")
    if not isinstance(peer.looks_at, Spread):
        raise ConfigError(
            f"per_second is {per_second}, but {type(peer).__name__} looks at consecutive frames; leave it out"
        )
    return Spread(per_second)


def measure_each(
    paths: Sequence[str | Path],
    peer: Peer,
    *,
    per_second: float | None = None,
    geometries: Sequence[RawGeometry | None] | None = None,
    workers: int = 1,
) -> Iterator[Measured]:
    """Measure videos in their order; one that cannot be read does not end the others.

    Args:
        paths: Of the videos.
        peer: Measures them.
        per_second: See :func:`choose_frames`.
        geometries: Of headerless files.
        workers: Processes.

    Raises:
        ConfigError: A number is out of range.
    """
    if workers < 1:
        raise ConfigError(f"workers is {workers}; it must be positive")
    looks_at = choose_frames(peer, per_second)
    geometries = [None] * len(paths) if geometries is None else geometries
    jobs = [(path, peer, looks_at, geometry) for path, geometry in zip(paths, geometries, strict=True)]
    if workers == 1:
        yield from starmap(_measure, jobs)
        return
    while jobs:
        done = 0
        for measured in _until_a_worker_dies(jobs, workers):
            yield measured
            done += 1
        jobs = jobs[done:]
        if jobs:  # the next one or a later one; alone it shows
            yield next(_until_a_worker_dies(jobs[:1], 1), Measured(None, f"{jobs[0][0]}: its worker died"))
            jobs = jobs[1:]


def _until_a_worker_dies(jobs: Sequence[_Job], workers: int) -> Iterator[Measured]:
    """Measure videos in processes; the first ones in their order, if a process dies."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_measure, *job) for job in jobs]
        try:
            for future in futures:
                yield future.result()
        except BrokenProcessPool:
            return
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _measure(path: str | Path, peer: Peer, looks_at: FramePolicy, geometry: RawGeometry | None) -> Measured:
    try:
        return Measured(peer.measure(luma_frames(path, looks_at=looks_at, geometry=geometry)))
    except VideoError as error:
        return Measured(None, str(error))
