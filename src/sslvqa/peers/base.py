"""What every comparator is: measure videos, learn from some, predict the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Peer"]


class Peer(Protocol):
    """A method of others. Instances hold no files and can be sent to another process."""

    needs_labels: bool
    """Whether it learns from labelled videos; otherwise from pristine ones."""

    def measure(self, frames: Iterable[NDArray[np.float64]]) -> Any:  # noqa: ANN401 - its own affair
        """What it keeps of one video.

        Args:
            frames: Luminance pictures ``(H, W)`` in 0..255, one or more.
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
        """Scores ``(videos,)``, higher is better; it has learned before."""
        ...
