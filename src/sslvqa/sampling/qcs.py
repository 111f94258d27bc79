"""Quality-consistent sampling: the pair of views T', T'' of a video, and the views of a score."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import torch

from sslvqa.errors import ConfigError
from sslvqa.sampling.fragments import FragmentPlan, Region, cut_fragments, plan_fragments
from sslvqa.sampling.temporal import ClipPlan, plan_clips

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Generator, Tensor

    from sslvqa.sampling.geometry import ViewGeometry
    from sslvqa.video.reader import Video

__all__ = ["PairPreset", "ViewPlan", "plan_view_pair", "plan_views", "read_views"]

PairPreset = Literal["paper", "released_stage1", "released_stage2"]
"""How the two views of a pair differ; see :func:`plan_view_pair`."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """Everything that decides which pixels a view shows; the file itself is not part of it."""

    clip: ClipPlan
    """Which frames."""
    fragments: FragmentPlan
    """Which pixels of them."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the view, (3, T, S, S)."""
        return 3, len(self.clip.indices), self.fragments.view_px, self.fragments.view_px


def plan_view_pair(
    height: int,
    width: int,
    frame_count: int,
    *,
    geometry: ViewGeometry,
    preset: PairPreset = "paper",
    generator: Generator,
) -> tuple[ViewPlan, ViewPlan]:
    """Plan two views of one video that have the same quality.

    ``paper``: one random clip, two independent draws of the offsets. ``released_stage1``: one draw of the
    offsets, two clips that start in the first and the second half of the admissible starts; where both clips
    coincide (a short video), the offsets are drawn independently instead, which is logged.
    ``released_stage2``: one clip, offsets in the first half of each cell and in the second half (with the
    fall-back of :func:`~sslvqa.sampling.fragments.plan_fragments`).

    All versions of a scene share one pair of plans: their views show the same content.

    Args:
        height: Height of the frame in px, as displayed.
        width: Width of the frame in px, as displayed.
        frame_count: Frames in the video; for versions of a scene, the least of their counts.
        geometry: Shape of the views.
        preset: How the views differ.
        generator: Source of all choices.

    Returns:
        The plans of T' and T''.

    Raises:
        ConfigError: If the preset is unknown or a number is below 1.
    """
    regions: dict[PairPreset, tuple[Region, Region]] = {
        "paper": ("cell", "cell"),
        "released_stage1": ("cell", "cell"),
        "released_stage2": ("first_half", "second_half"),
    }
    if preset not in regions:
        raise ConfigError(f"preset is {preset!r}; allowed are {', '.join(regions)}")
    count = 2 if preset == "released_stage1" else 1
    clips = plan_clips(
        frame_count, clips=count, length=geometry.frames, interval=geometry.interval, generator=generator
    )
    first, second = (
        plan_fragments(
            height, width, grid=geometry.grid, size=geometry.fragment_px, generator=generator, region=region
        )
        for region in regions[preset]
    )
    if preset == "released_stage1":
        if clips[0] == clips[1]:
            _log_coinciding_clips(frame_count)
        else:
            second = first
    return ViewPlan(clips[0], first), ViewPlan(clips[-1], second)


def plan_views(
    height: int,
    width: int,
    frame_count: int,
    *,
    geometry: ViewGeometry,
    clips: int,
    draws: int = 1,
    generator: Generator,
) -> tuple[ViewPlan, ...]:
    """Plan the views of a score: centred clips, each with several draws of the offsets.

    Args:
        height: Height of the frame in px, as displayed.
        width: Width of the frame in px, as displayed.
        frame_count: Frames in the video.
        geometry: Shape of the views.
        clips: Clips spread evenly over the video; they do not depend on the generator.
        draws: Draws of the offsets for each clip.
        generator: Source of the offsets.

    Returns:
        ``clips * draws`` plans: all draws of the first clip, then of the second, and so on.

    Raises:
        ConfigError: If a number is below 1.
    """
    if draws < 1:
        raise ConfigError(f"draws is {draws}; a score needs at least 1 draw for each clip")
    centred = plan_clips(frame_count, clips=clips, length=geometry.frames, interval=geometry.interval)
    return tuple(
        ViewPlan(
            clip,
            plan_fragments(height, width, grid=geometry.grid, size=geometry.fragment_px, generator=generator),
        )
        for clip in centred
        for _ in range(draws)
    )


def read_views(
    video: Video,
    plans: Sequence[ViewPlan],
    *,
    pinned: bool = False,
    arrived: Callable[[Tensor, int], object] | None = None,
) -> Tensor:
    """Read all planned views in one pass over the video.

    Every needed frame is decoded once, in increasing order, and fills its places in all views as it arrives;
    memory is the views and one frame.

    Args:
        video: An open video.
        plans: Views of one shape.
        pinned: Whether the views lie in page-locked memory, from which a GPU copies faster.
        arrived: Called with all views and the number of one as soon as that is whole.

    Returns:
        uint8 RGB ``(n, 3, T, S, S)``, in the order of ``plans``.

    Raises:
        ConfigError: If there are no plans or their shapes differ.
        DataError: If the frames are not of the planned size.
    """
    shapes = {plan.shape for plan in plans}
    if len(shapes) != 1:
        raise ConfigError(
            f"{len(plans)} view plans of shapes {sorted(shapes)}; give at least one, all of one shape"
        )
    views = torch.empty((len(plans), *shapes.pop()), dtype=torch.uint8, pin_memory=pinned)
    pixels = views.numpy()  # torch would wake all cores for each small copy
    missing = [len(plan.clip.indices) for plan in plans]
    places = _places_by_frame(plans)
    for frame in video.frames(sorted(places)):
        for fragments, targets in places[frame.index].items():
            cut = cut_fragments(frame, fragments)
            for view, time in targets:
                pixels[view, :, time] = cut
                missing[view] -= 1
                if missing[view] == 0 and arrived is not None:
                    arrived(views, view)
    return views


@lru_cache(maxsize=256)
def _log_coinciding_clips(frame_count: int) -> None:
    """Say once for each length that two clips show the same frames."""
    _logger.warning("both clips of a %d-frame video coincide; offsets are drawn independently", frame_count)


def _places_by_frame(plans: Sequence[ViewPlan]) -> dict[int, dict[FragmentPlan, list[tuple[int, int]]]]:
    """Frame number to fragment plan to the (view, time) places that show it: each cut is made once."""
    places: dict[int, dict[FragmentPlan, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for view, plan in enumerate(plans):
        for time, index in enumerate(plan.clip.indices):
            places[index][plan.fragments].append((view, time))
    return places
