"""8-bit 4:2:0 planes as NumPy arrays, to and from PyAV frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Yuv", "from_frame", "resize", "shifted", "to_frame"]


class Yuv(NamedTuple):
    """One frame, uint8: ``y`` (H, W), ``u`` and ``v`` (H/2, W/2); H and W are even."""

    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]


def from_frame(frame: av.VideoFrame) -> Yuv:
    """Copy the planes of a ``yuv420p`` frame of even size."""
    height, width = frame.height, frame.width
    flat = frame.to_ndarray(format="yuv420p").reshape(-1).astype(np.uint8, copy=False)
    luma, chroma = height * width, height * width // 4
    small = (height // 2, width // 2)
    return Yuv(
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(small),
        flat[luma + chroma :].reshape(small),
    )


def to_frame(planes: Yuv) -> av.VideoFrame:
    """Make a ``yuv420p`` frame without a timestamp."""
    flat = np.concatenate([plane.reshape(-1) for plane in planes])
    return av.VideoFrame.from_ndarray(flat.reshape(-1, planes.y.shape[1]), format="yuv420p")


def resize(planes: Yuv, height: int, width: int, *, method: str = "BICUBIC") -> Yuv:
    """Resample with swscale (its filters widen when shrinking, so they do not alias); sizes in px, even."""
    return from_frame(to_frame(planes).reformat(width=width, height=height, interpolation=method))


def shifted(plane: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """Move a plane by whole px; uncovered px repeat the nearest edge."""
    height, width = plane.shape
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return plane[rows[:, None], columns[None, :]]
