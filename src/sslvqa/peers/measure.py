"""From video files to what a comparator keeps of them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from itertools import repeat
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sslvqa.errors import ConfigError, VideoError
from sslvqa.video import open_video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sslvqa.peers.base import Peer
    from sslvqa.video import RawGeometry

__all__ = ["Measured", "luma_frames", "measure_each"]

_RED, _GREEN, _BLUE = 0.2989, 0.5870, 0.1140


class Measured(NamedTuple):
    """One video: what is kept of it, or why it could not be read."""

    value: Any
    error: str | None = None


def luma_frames(
    path: str | Path, *, per_second: float, geometry: RawGeometry | None = None
) -> Iterator[NDArray[np.float64]]:
    """Yield whole numbers 0..255 ``(H, W)``, the luminance of frames spread evenly, one at least.

    Luminance is that of the RGB picture, rounded, as the published methods take it.

    Raises:
        VideoError: The file cannot be used.
    """
    with open_video(path, geometry=geometry, threads=1) as video:
        info = video.info
        count = min(max(round(info.duration_seconds * per_second), 1), info.frame_count)
        places = ((np.arange(count) + 0.5) * info.frame_count / count).astype(int)
        for planes in video.frames(places.tolist()):
            red, green, blue = planes.rgb().astype(np.float64)
            yield np.rint(_RED * red + _GREEN * green + _BLUE * blue)


def measure_each(
    paths: Sequence[str | Path],
    peer: Peer,
    *,
    per_second: float = 1.0,
    geometries: Sequence[RawGeometry | None] | None = None,
    workers: int = 1,
) -> Iterator[Measured]:
    """Measure videos in their order; one that cannot be read does not end the others.

    Args:
        paths: Of the videos.
        peer: Measures them.
        per_second: Frames looked at for a second of video; one at least of each video.
        geometries: Of headerless files.
        workers: Processes.

    Raises:
        ConfigError: A number is out of range.
    """
    if workers < 1 or not per_second > 0:
        raise ConfigError(f"workers is {workers}, per_second is {per_second}; both must be positive")
    geometries = [None] * len(paths) if geometries is None else geometries
    spawn = get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn) if workers > 1 else nullcontext()
    with pool as running:
        each = map if running is None else running.map
        yield from each(_measure, paths, repeat(peer), repeat(per_second), geometries)


def _measure(path: str | Path, peer: Peer, per_second: float, geometry: RawGeometry | None) -> Measured:
    try:
        return Measured(peer.measure(luma_frames(path, per_second=per_second, geometry=geometry)))
    except VideoError as error:
        return Measured(None, str(error))
