"""The quality map in a form that a page can draw over a playing video: a few coarse grids over time."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from sslvqa.maps import project_maps, render_strip, score_limits
from sslvqa.sampling import plan_views, read_views
from sslvqa.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from sslvqa.maps import QualityMap
    from sslvqa.sampling import ViewPlan
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
    """Score of level 0, the least of this video."""
    high: float
    """Score of level 255, the greatest of this video."""
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
        draws: Draws of the fragment places for each moment.
        geometry: What a headerless file holds.
        strip: A PNG of a few frames and their maps, in the colour-blind-safe palette, is written here.
        progress: Called with the fraction of the views that the model has seen.

    Raises:
        VideoError: The file cannot be used.
    """
    with open_video(source, limits=scorer.limits, geometry=geometry) as video:
        info = video.info
        plans = plan_views(
            info.height_px,
            info.width_px,
            info.frame_count,
            geometry=scorer.card.architecture.geometry,
            clips=max(1, min(places, info.frame_count // scorer.card.architecture.geometry.span_frames)),
            draws=draws,
            generator=torch.Generator().manual_seed(scorer.seed),
        )
        tokens = _token_scores(scorer, read_views(video, plans), progress)
        middles = [_middle(plan) for plan in plans[::draws]]
        maps = tuple(project_maps(tokens, plans, frames=middles))
        times = tuple(float(video.timestamps_seconds[index]) for index in middles)
        label = f"local Q_R ({scorer.card.scale.label})"
        if strip is not None:
            _draw_strip(strip, video, maps, limits=score_limits([tokens]), label=label)
    return _grids(maps, times, label)


def _token_scores(
    scorer: Scorer, views: torch.Tensor, progress: Callable[[float], object] | None
) -> NDArray[np.float64]:
    parts = []
    for start in range(0, len(views), 4):
        parts.append(scorer.token_scores(views[start : start + 4]))
        if progress is not None:
            progress(min(start + 4, len(views)) / len(views))
    return np.concatenate(parts)


def _middle(plan: ViewPlan) -> int:
    indices = sorted(plan.clip.indices)
    return indices[len(indices) // 2]


def _grids(maps: Sequence[QualityMap], times: tuple[float, ...], label: str) -> MapGrids:
    rows, columns = maps[0].values.shape
    factor = min(1.0, _LONGER_SIDE / max(rows, columns))
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    grids = [np.asarray(Image.fromarray(item.values).resize(size, Image.Resampling.BOX)) for item in maps]
    low, high = score_limits(grids)
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
        palette="viridis",
        label=label,
    )
