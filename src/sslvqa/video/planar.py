"""All frames of a video as one block of planes, and how RGB comes from them.

Planes stay as they were coded where that is simple (8 bits, planar, upright); other videos become RGB first,
in three planes too. So whoever holds such a block needs one rule for all: RGB is a matrix times the planes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from sslvqa.errors import UnreadableVideoError
from sslvqa.video.cache import coded_planes, kept_exactly, open_frames

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sslvqa.video.cache import FrameCache
    from sslvqa.video.frames import Planes, VideoInfo
    from sslvqa.video.raw import RawGeometry
    from sslvqa.video.reader import Video

__all__ = ["PlaneLayout", "probe_through", "read_planes"]

_SHIFTS = {"420": (1, 1), "422": (1, 0), "444": (0, 0)}
"""Log2 of the pixels that a chroma sample spans, across and down."""
_LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
"""Weights of red and blue in luma."""
_TRUNCATED = np.array([1.0, 1.5, 1.0])
"""How far swscale's quick conversion (of subsampled chroma) is below the exact RGB, measured."""


@dataclass(frozen=True, slots=True)
class PlaneLayout:
    """How the frames of a video lie in the store."""

    shift_x: int
    shift_y: int
    matrix: NDArray[np.float32]
    """``(3, 4)``: RGB from the three planes and 1."""

    @classmethod
    def of(cls, info: VideoInfo) -> Self:
        """Planes as coded where that is simple, else RGB."""
        if not _kept_as_coded(info):
            return cls(0, 0, np.eye(3, 4, dtype=np.float32))
        return cls(*_SHIFTS[info.chroma], _rgb_matrix(info))

    def sizes(self, info: VideoInfo) -> tuple[int, int]:
        """Samples of the first plane and of each of the others."""
        chroma = (-(-info.height_px >> self.shift_y)) * (-(-info.width_px >> self.shift_x))
        return info.height_px * info.width_px, chroma


def probe_through(path: Path, geometry: RawGeometry | None, cache: FrameCache | None) -> VideoInfo:
    """What is known of a video; from the cache if it is there."""
    with open_frames(path, cache, geometry=geometry) as video:
        return video.info


def read_planes(
    path: Path, geometry: RawGeometry | None, cache: FrameCache | None, count: int
) -> NDArray[np.uint8]:
    """All frames of a video, one after the other, as :class:`PlaneLayout` says.

    Args:
        path: The video.
        geometry: Of a headerless one.
        cache: Has some frames decoded already.
        count: How many frames there are.

    Raises:
        UnreadableVideoError: Some do not decode.
    """
    with open_frames(path, cache, geometry=geometry) as video:
        coded = coded_planes(video)
        if coded is not None:
            return coded
        return np.concatenate([_frame(video, planes) for planes in video.frames(range(count))])


def _frame(video: Video, planes: Planes) -> NDArray[np.uint8]:
    if planes.source_index != planes.index:
        raise UnreadableVideoError(
            f"{video.info.path}: frame {planes.index} does not decode; repair the file"
        )
    if not _kept_as_coded(video.info):
        return planes.rgb().ravel()
    parts = [planes.orientation.apply(part) for part in planes.yuv() if part is not None]
    return np.concatenate([part.ravel() for part in parts])


def _kept_as_coded(info: VideoInfo) -> bool:
    return kept_exactly(info) and not info.rotation_degrees


def _rgb_matrix(info: VideoInfo) -> NDArray[np.float32]:
    """``(3, 4)``: RGB on 0..255 from Y, U, V and 1 (ITU-R BT.601, BT.709, BT.2020)."""
    red, blue = _LUMA[info.color_matrix]
    green = 1 - red - blue
    luma, chroma, black = (1.0, 1.0, 0.0) if info.full_range else (255 / 219, 255 / 224, 16.0)
    from_v, from_u = 2 * (1 - red) * chroma, 2 * (1 - blue) * chroma
    matrix = np.array(
        [
            [luma, 0.0, from_v],
            [luma, -from_u * blue / green, -from_v * red / green],
            [luma, from_u, 0.0],
        ]
    )
    offset = matrix @ np.array([black, 128.0, 128.0]) + (info.chroma != "444") * _TRUNCATED
    return np.concatenate([matrix, -offset[:, None]], axis=1).astype(np.float32)
