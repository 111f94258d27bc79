"""Which frames make a clip (method, section 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sslvqa.errors import ConfigError

__all__ = ["ClipPlan", "plan_clips"]


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """The frames of one clip, in clip order."""

    indices: tuple[int, ...]
    """Frame numbers in the video, from 0; a short video repeats some."""

    def __post_init__(self) -> None:
        """Refuse a clip without frames and negative frame numbers."""
        if not self.indices or min(self.indices) < 0:
            raise ConfigError(
                f"clip indices are {self.indices}; give at least one frame number, none below 0"
            )

    @property
    def middle(self) -> int:
        """Number of the middle frame."""
        return sorted(self.indices)[len(self.indices) // 2]


def plan_clips(
    frame_count: int, *, clips: int, length: int, interval: int, generator: torch.Generator | None = None
) -> tuple[ClipPlan, ...]:
    """Choose the frames of several clips of one video.

    A start is admissible when the whole clip fits, so there are ``frame_count - (length - 1) * interval``
    of them. They are split in ``clips`` equal ranges, and one start is taken from each. A video
    shorter than a clip has the one start 0, and its frame numbers wrap around (modulo ``frame_count``).

    Args:
        frame_count: Frames in the video; for versions of one scene, the least of their counts. 1 is legal.
        clips: How many clips.
        length: Frames in a clip, T.
        interval: Distance of neighbouring frames of a clip; 1 takes every frame.
        generator: Draws each start uniformly in its range (training). ``None`` takes the centre of each
            range (scoring).

    Returns:
        ``clips`` plans in temporal order; they may coincide in a short video.

    Raises:
        ConfigError: If a number is below 1.
    """
    for name, value in (
        ("frame_count", frame_count),
        ("clips", clips),
        ("length", length),
        ("interval", interval),
    ):
        if value < 1:
            raise ConfigError(
                f"{name} is {value}; a clip plan needs at least 1; check the video and the geometry"
            )
    admissible = max(1, frame_count - (length - 1) * interval)
    places = _places_in_ranges(clips, generator)
    starts = (min(int(place * admissible / clips), admissible - 1) for place in places)
    return tuple(
        ClipPlan(indices=tuple((start + step * interval) % frame_count for step in range(length)))
        for start in starts
    )


def _places_in_ranges(clips: int, generator: torch.Generator | None) -> list[float]:
    """One number in each of [0, 1), [1, 2), ... [clips - 1, clips)."""
    if generator is None:
        return [i + 0.5 for i in range(clips)]
    inside = torch.rand(clips, generator=generator, dtype=torch.float64).tolist()
    return [i + float(u) for i, u in enumerate(inside)]
