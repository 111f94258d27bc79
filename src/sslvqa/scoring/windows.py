"""Which views a score needs: clips over the whole video, and windows of a timeline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.errors import ConfigError
from sslvqa.sampling.fragments import FragmentPlan, plan_fragments
from sslvqa.sampling.qcs import ViewPlan
from sslvqa.sampling.temporal import ClipPlan, plan_clips

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from sslvqa.sampling.geometry import ViewGeometry
    from sslvqa.video.frames import VideoInfo

__all__ = ["Window", "check_timeline", "clip_span", "plan_windows"]

_SHORTEST = 0.125
"""Part of a window that still is one of its own; fewer frames would be a number without meaning."""


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch ``[start, end)`` of the timeline and the view that stands for it."""

    start_seconds: float
    end_seconds: float
    plan: ViewPlan


def check_timeline(seconds: float | None) -> None:
    """Refuse a length of windows that no video can have; None asks for no windows.

    What scores many files calls this before the first one: the setting concerns all of them.

    Raises:
        ConfigError: The length is not positive, or not finite.
    """
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise ConfigError(
            f"timeline_seconds is {seconds}; windows have a finite, positive length in seconds, e.g. 1.0"
        )


def plan_windows(
    info: VideoInfo,
    timestamps_seconds: NDArray[np.float64],
    *,
    seconds: float,
    geometry: ViewGeometry,
    generator: torch.Generator,
    max_windows: int = 120,
) -> tuple[Window, ...]:
    """Cut the video in windows and plan one view in the middle of each.

    Args:
        info: Facts of the video.
        timestamps_seconds: Time of every frame, increasing.
        seconds: Length of a window; the last one may be shorter, and takes in a rest below an eighth of it.
            A window shorter than a clip wraps around.
        geometry: Shape of a view.
        generator: Source of the fragment offsets.
        max_windows: When more would be needed, windows are made longer.

    Raises:
        ConfigError: ``seconds`` is not positive and finite, or ``max_windows`` is below 1.
    """
    check_timeline(seconds)
    if max_windows < 1:
        raise ConfigError(f"max_windows is {max_windows}; a timeline has at least 1 window, e.g. 120")
    begin = float(timestamps_seconds[0])
    end = max(begin + info.duration_seconds, float(timestamps_seconds[-1]))
    step = max(seconds, (end - begin) / max_windows)
    count = max(1, int(np.ceil((end - begin) / step - _SHORTEST)))
    edges = [min(begin + index * step, end) for index in range(count)] + [end]
    return tuple(
        Window(
            start,
            stop,
            ViewPlan(
                _clip_between(timestamps_seconds, start, stop, geometry),
                _fragments(info, geometry, generator),
            ),
        )
        for start, stop in pairwise(edges)
    )


def clip_span(
    clip: ClipPlan, timestamps_seconds: NDArray[np.float64], info: VideoInfo
) -> tuple[float, float]:
    """Return start and end, in seconds, of the frames of a clip; the last frame lasts one mean frame time."""
    frame_seconds = info.duration_seconds / max(info.frame_count, 1)
    start, last = (float(timestamps_seconds[index]) for index in (min(clip.indices), max(clip.indices)))
    return start, last + frame_seconds


def _clip_between(
    timestamps: NDArray[np.float64], start: float, stop: float, geometry: ViewGeometry
) -> ClipPlan:
    first, end = np.searchsorted(timestamps, [start - 1e-6, stop - 1e-6])
    first = min(int(first), timestamps.size - 1)
    inside = max(int(end) - first, 1)
    clip = plan_clips(inside, clips=1, length=geometry.frames, interval=geometry.interval)[0]
    return ClipPlan(tuple(first + index for index in clip.indices))


def _fragments(info: VideoInfo, geometry: ViewGeometry, generator: torch.Generator) -> FragmentPlan:
    return plan_fragments(
        info.height_px, info.width_px, grid=geometry.grid, size=geometry.fragment_px, generator=generator
    )
