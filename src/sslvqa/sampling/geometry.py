"""The shape of a view: how many fragments of which size, from how many frames how far apart."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sslvqa.errors import ConfigError

__all__ = ["ViewGeometry"]


@dataclass(frozen=True, slots=True)
class ViewGeometry:
    """Shape of one view; the default is the paper's 32 frames of 7 x 7 fragments of 32 px.

    Raises:
        ConfigError: If a value is not a positive integer.
    """

    grid: int = 7
    """Fragments along each side of the view."""
    fragment_px: int = 32
    """Side of one fragment in px."""
    frames: int = 32
    """Frames of the clip."""
    interval: int = 2
    """Distance of neighbouring frames of the clip; 1 takes every frame."""

    def __post_init__(self) -> None:
        """Check every value."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(
                    f"{field.name} is {value!r}; allowed are integers from 1 up; correct the view geometry"
                )

    @property
    def size_px(self) -> int:
        """Side of the view in px, and the least side of a frame that needs no enlargement."""
        return self.grid * self.fragment_px

    @property
    def span_frames(self) -> int:
        """Video frames from the first to the last frame of a clip, both included."""
        return (self.frames - 1) * self.interval + 1
