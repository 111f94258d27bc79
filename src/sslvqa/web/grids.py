"""The quality map in a form that a page can draw over a playing video: a few coarse grids over time."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from sslvqa.maps import render_strip
from sslvqa.sampling import plan_clips
from sslvqa.scoring import measure_local
from sslvqa.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from sslvqa.maps import QualityMap
    from sslvqa.scoring import Scorer
    from sslvqa.video import RawGeometry, Video

__all__ = ["MapGrids", "map_grids"]

_LONGER_SIDE = 64
_STRIP_PANELS = 4
_LEVELS = 255


@dataclass(frozen=True, slots=True)
class MapGrids:
    """Local quality at a few moments of a video, on coarse grids over the whole frame; higher is better."""

    width: int
    """Columns of a grid; its cells divide the frame evenly."""
    height: int
    """Rows of a grid."""
    low: float
    """Score of level 0: about the least of this video."""
    high: float
    """Score of level 255: about the greatest of this video."""
    label: str
    """What the numbers are."""
    times_seconds: tuple[float, ...]
    """Presentation time of each grid, increasing; between them the page interpolates."""
    levels: tuple[str, ...]
    """Base64 of ``height * width`` bytes each, row by row from the top."""
    coverage: float
    """Part of the pixels that a fragment measured, mean over the grids; the others are interpolated."""


def map_grids(
    source: BinaryIO,
    *,
    scorer: Scorer,
    places: int,
    draws: int,
    geometry: RawGeometry | None = None,
    strip: Path | None = None,
    progress: Callable[[float], object] | None = None,
) -> MapGrids:
    """Measure the quality map at ``places`` moments spread evenly over a video.

    Args:
        source: An open video file.
        scorer: The model; the map is that of its regression model, on the scale of ``q_r``.
        places: Moments; fewer for a video shorter than as many clips.
        draws: Most views for each moment; see :func:`sslvqa.scoring.measure_local`.
        geometry: What a headerless file holds.
        strip: A PNG of a few frames and their maps is written here.
        progress: Called with the fraction of the moments that were measured.

    Raises:
        VideoError: The file cannot be used.
    """
    with open_video(source, limits=scorer.limits, geometry=geometry) as video:
        view, count = scorer.card.architecture.geometry, video.info.frame_count
        places = max(1, min(places, count // view.span_frames))
        clips = plan_clips(count, clips=places, length=view.frames, interval=view.interval)
        local = measure_local(video, scorer=scorer, clips=clips, draws=draws, progress=progress)
        maps = tuple(local.maps([clip.middle for clip in clips]))
        times = tuple(float(video.timestamps_seconds[item.frame_index]) for item in maps)
        limits = local.limits()
        if strip is not None:
            _draw_strip(strip, video, maps, limits=limits, label=local.label)
    return _grids(maps, times, limits=limits, label=local.label)


def _grids(
    maps: Sequence[QualityMap], times: tuple[float, ...], *, limits: tuple[float, float], label: str
) -> MapGrids:
    rows, columns = maps[0].values.shape
    factor = min(1.0, _LONGER_SIDE / max(rows, columns))
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    grids = [np.asarray(Image.fromarray(item.values).resize(size, Image.Resampling.BOX)) for item in maps]
    low, high = limits
    levels = [
        np.rint(np.clip((grid - low) / (high - low), 0, 1) * _LEVELS).astype(np.uint8) for grid in grids
    ]
    return MapGrids(
        width=size[0],
        height=size[1],
        low=low,
        high=high,
        label=label,
        times_seconds=times,
        levels=tuple(base64.b64encode(level.tobytes()).decode() for level in levels),
        coverage=float(np.mean([item.coverage.mean() for item in maps])),
    )


def _draw_strip(
    target: Path, video: Video, maps: Sequence[QualityMap], *, limits: tuple[float, float], label: str
) -> None:
    """Draw at most four of the maps, evenly chosen."""
    chosen = [
        maps[index]
        for index in sorted(set(np.linspace(0, len(maps) - 1, _STRIP_PANELS).round().astype(int).tolist()))
    ]
    pictures = {frame.index: frame.rgb() for frame in video.frames([item.frame_index for item in chosen])}
    times = [float(video.timestamps_seconds[item.frame_index]) for item in chosen]
    render_strip(
        target,
        [pictures[item.frame_index] for item in chosen],
        chosen,
        captions=[f"{time:.2f} s" for time in times],
        limits=limits,
        label=label,
    )
