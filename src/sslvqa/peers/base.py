"""What every comparator is: measure videos, learn from some, predict the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sslvqa.peers.frames import Frame, FramePolicy

__all__ = ["Lesson", "Peer"]

Lesson = Literal["labels", "pristine", "nothing"]
"""What a comparator learns from: labelled videos, pristine ones, or none."""


class Peer(Protocol):
    """A method of others. Instances hold no files and can be sent to another process."""

    learns_from: Lesson
    looks_at: FramePolicy

    def measure(self, frames: Iterable[Frame]) -> Any:  # noqa: ANN401 - its own affair
        """What it keeps of one video.

        Args:
            frames: Of the video, as ``looks_at`` says, one or more.
        """
        ...

    def fit(self, measured: Sequence[Any], labels: Sequence[float], contents: Sequence[str]) -> None:
        """Learn from measured videos.

        Args:
            measured: Of each video.
            labels: Of each video, higher is better; not looked at by a method that needs none.
            contents: Of each video; what is tried out is tried on other contents.

        Raises:
            DataError: There are too few.
        """
        ...

    def predict(self, measured: Sequence[Any]) -> NDArray[np.float64]:
        """Scores ``(videos,)``, higher is better; it has learned before, unless it learns from nothing."""
        ...
