"""Facts of a video, and one decoded frame of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sslvqa.video.convert import ColorMatrix, Converter
from sslvqa.video.layout import Chroma, yuv_planes
from sslvqa.video.orientation import UPRIGHT, Orientation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import av
    from numpy.typing import NDArray

__all__ = ["Planes", "VideoInfo"]


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video; ``header_*`` are the container's claims, the rest was counted.

    Attributes:
        path: Name of the source.
        width_px: Displayed width, after rotation.
        height_px: Displayed height, after rotation.
        coded_width_px: Width of the decoded pictures.
        coded_height_px: Height of the decoded pictures.
        frame_count: Frames counted from packets.
        header_frame_count: Frames that the container claims, None when it does not say.
        duration_seconds: From the first frame's start to the last one's end.
        header_duration_seconds: Duration that the container claims, None when it does not say.
        fps: Mean rate, ``frame_count / duration_seconds``.
        header_fps: Rate that the container claims, None when it does not say.
        codec: FFmpeg's name of the codec.
        container: Short name of the container.
        pixel_format: FFmpeg's name of the decoded pixel format.
        bit_depth: Bits of a luma (or red) sample.
        chroma: Chroma subsampling; "rgb" also stands for palettes.
        full_range: Samples use all code values (always true for RGB).
        color_matrix: "bt601", "bt709" or "bt2020". When the stream does not say: bt709 from 1280 px width or
            577 lines upwards, bt601 below, as players do.
        rotation_degrees: Clockwise rotation applied for display: 0, 90, 180 or 270.
        interlaced: Stored as fields; they are shown woven, not deinterlaced.
        variable_frame_rate: Steps between frames differ by more than 5 % and 2 ticks.
        has_audio: There is an audio stream.
        damaged: The file is truncated or packets are marked corrupt; see ``Video.warnings``.
    """

    path: str
    width_px: int
    height_px: int
    coded_width_px: int
    coded_height_px: int
    frame_count: int
    header_frame_count: int | None
    duration_seconds: float
    header_duration_seconds: float | None
    fps: float
    header_fps: float | None
    codec: str
    container: str
    pixel_format: str
    bit_depth: int
    chroma: Chroma
    full_range: bool
    color_matrix: ColorMatrix
    rotation_degrees: int
    interlaced: bool
    variable_frame_rate: bool
    has_audio: bool
    damaged: bool = False


class Planes:
    """One decoded frame; pixels become RGB only where they are asked for.

    All coordinates are those of the displayed frame (rotation applied).

    Attributes:
        index: Number of the frame that was asked for.
        source_index: Number of the frame that these pixels are; differs from ``index`` only when that frame
            cannot be decoded, and then a warning was recorded.
        pts_seconds: Presentation time of frame ``index``.
        height_px: Displayed height.
        width_px: Displayed width.
    """

    __slots__ = (
        "_converter",
        "_frame",
        "_full_range",
        "_matrix",
        "_orientation",
        "height_px",
        "index",
        "pts_seconds",
        "source_index",
        "width_px",
    )

    def __init__(
        self,
        frame: av.VideoFrame,
        *,
        index: int,
        pts_seconds: float,
        source_index: int | None = None,
        matrix: ColorMatrix = "bt601",
        full_range: bool = False,
        orientation: Orientation = UPRIGHT,
        converter: Converter | None = None,
    ) -> None:
        self._frame = frame
        self._matrix: ColorMatrix = matrix
        self._full_range = full_range
        self._orientation = orientation
        self._converter = converter or Converter()
        self.index = index
        self.source_index = index if source_index is None else source_index
        self.pts_seconds = pts_seconds
        self.height_px, self.width_px = orientation.size(frame.height, frame.width)

    def __repr__(self) -> str:
        """Frame number, time and size."""
        size = f"{self.width_px}x{self.height_px}"
        return f"Planes(index={self.index}, pts_seconds={self.pts_seconds:.6f}, {size})"

    @property
    def coded(self) -> av.VideoFrame:
        """The frame as it was decoded: not rotated."""
        return self._frame

    @property
    def orientation(self) -> Orientation:
        """How the coded planes of :meth:`yuv` have to be turned to be displayed."""
        return self._orientation

    def rgb(self) -> NDArray[np.uint8]:
        """The whole frame, uint8 ``(3, height_px, width_px)``."""
        rgb = self._converter.whole(self._frame, matrix=self._matrix, full_range=self._full_range)
        return np.ascontiguousarray(self._orientation.apply(rgb))

    def patches_rgb(self, tops: Sequence[int], lefts: Sequence[int], size: int) -> NDArray[np.uint8]:
        """Square patches, uint8 ``(n, 3, size, size)``; only their pixels are converted, in one call.

        Args:
            tops: Top row of each patch.
            lefts: Left column of each patch.
            size: Side of the patches in px.

        Raises:
            ValueError: ``tops`` and ``lefts`` differ in length, or a patch is empty or leaves the frame.
        """
        if len(tops) != len(lefts):
            raise ValueError(f"{len(tops)} tops but {len(lefts)} lefts; give one of each per patch")
        if size < 1:
            raise ValueError(f"patches of {size}x{size} px; a patch has at least 1 px on each side")
        coded = [self._to_coded(int(top), int(left), size) for top, left in zip(tops, lefts, strict=True)]
        blocks = self._converter.blocks(
            self._frame,
            [top for top, _ in coded],
            [left for _, left in coded],
            size,
            size,
            matrix=self._matrix,
            full_range=self._full_range,
        )
        return np.ascontiguousarray(self._orientation.apply(blocks))

    def yuv(self) -> tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any] | None]:
        """The coded planes ``(y, u, v)``, uint8 or uint16 (above 8 bits), as stored: not rotated.

        ``u`` and ``v`` have their own, subsampled size and are None for gray. RGB and palette frames are
        converted to 4:4:4 first, other packed or semi-planar layouts to the planar one of the same sampling.
        """
        return yuv_planes(self._frame)

    def _to_coded(self, top: int, left: int, size: int) -> tuple[int, int]:
        """Where a displayed patch lies in the coded frame."""
        if top < 0 or left < 0 or top + size > self.height_px or left + size > self.width_px:
            raise ValueError(
                f"patch of {size}x{size} px at top {top}, left {left} leaves the frame of "
                f"{self.width_px}x{self.height_px} px; choose positions inside it"
            )
        return self._orientation.to_coded(
            top, left, size, size, shown_height=self.height_px, shown_width=self.width_px
        )[:2]
