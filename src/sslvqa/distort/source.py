"""The part of a source video that is distorted: upright, 8-bit 4:2:0, video range, even sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from sslvqa.distort.planes import Yuv, from_frame, resize
from sslvqa.errors import ConfigError, DataError
from sslvqa.video.reader import open_video, probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sslvqa.video.frames import Planes, VideoInfo

__all__ = ["Segment", "read_segment"]

_CACHE_BYTES = 400_000_000
_MIN_FPS, _MAX_FPS = 1, 120
_MATRIX_TAGS = {"bt601": 6, "bt709": 1, "bt2020": 9}
_SMALLEST_SIDE_PX = 16


@dataclass(slots=True)
class Segment:
    """Frames ``[start_frame, stop_frame)`` of a video, ready to be distorted many times."""

    path: Path
    info: VideoInfo
    start_frame: int
    stop_frame: int
    scale: int
    _cache: list[Yuv] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        """Whether the coded samples can be used as they are: 8-bit 4:2:0 in video range."""
        info = self.info
        return info.bit_depth == 8 and info.chroma == "420" and not info.full_range

    @property
    def untouched(self) -> bool:
        """Whether the frames are the file's own: nothing trimmed, scaled, turned, cropped or converted."""
        info = self.info
        trimmed = self.start_frame > 0 or self.stop_frame < info.frame_count or self.scale > 1
        odd = info.width_px % 2 or info.height_px % 2
        return self.plain and not (trimmed or odd or info.rotation_degrees or info.interlaced or info.damaged)

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width of the frames."""
        multiple = 2 * self.scale
        return self.info.height_px // multiple * 2, self.info.width_px // multiple * 2

    @property
    def fps(self) -> Fraction:
        """Frame rate: the header's where it agrees with the timestamps within 1 %, else the counted mean."""
        header, counted = self.info.header_fps, self.info.fps
        rate = header if header and abs(header - counted) <= 0.01 * counted else counted
        return Fraction(min(max(rate, _MIN_FPS), _MAX_FPS)).limit_denominator(1001)

    @property
    def matrix_tag(self) -> int:
        """FFmpeg's number of the YUV matrix, written to all versions: a shrunken HD source stays BT.709."""
        if self.info.color_matrix == "bt2020" and not self.plain:
            return _MATRIX_TAGS["bt709"]
        return _MATRIX_TAGS[self.info.color_matrix]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed besides trimming and scaling."""
        info, (height, width) = self.info, self.size_px
        found = {
            f"cropped to {width * self.scale}x{height * self.scale} px": (
                width * self.scale != info.width_px or height * self.scale != info.height_px
            ),
            f"converted from {info.pixel_format} to yuv420p": not self.plain,
            f"turned by {info.rotation_degrees} degrees": info.rotation_degrees != 0,
            "variable frame rate made constant": info.variable_frame_rate,
        }
        return tuple(note for note, applies in found.items() if applies)

    def frames(self) -> Iterator[Yuv]:
        """Yield the frames in order; from memory after the first pass when they take less than 400 MB."""
        if self._cache:
            yield from self._cache
            return
        height, width = self.size_px
        fits = height * width * 1.5 * (self.stop_frame - self.start_frame) <= _CACHE_BYTES
        cache = []
        with open_video(self.path, threads=1) as video:
            for planes in video.frames(range(self.start_frame, self.stop_frame)):
                prepared = self._prepare(planes)
                if fits:
                    cache.append(prepared)
                yield prepared
        self._cache = cache

    def _prepare(self, planes: Planes) -> Yuv:
        height, width = (side * self.scale for side in self.size_px)
        upright = self._coded(planes) if self.plain else self._converted(planes)
        cut = Yuv(
            np.ascontiguousarray(upright.y[:height, :width]),
            np.ascontiguousarray(upright.u[: height // 2, : width // 2]),
            np.ascontiguousarray(upright.v[: height // 2, : width // 2]),
        )
        return cut if self.scale == 1 else resize(cut, *self.size_px)

    @staticmethod
    def _coded(planes: Planes) -> Yuv:
        y, u, v = (planes.orientation.apply(plane) for plane in planes.yuv() if plane is not None)
        return Yuv(y, u, v)

    def _converted(self, planes: Planes) -> Yuv:
        """Through RGB, for other sampling, depth or range; the cut to even sides comes first."""
        rgb: NDArray[np.uint8] = planes.rgb()[:, : planes.height_px // 2 * 2, : planes.width_px // 2 * 2]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)), format="rgb24")
        matrix = "ITU601" if self.matrix_tag == _MATRIX_TAGS["bt601"] else "ITU709"
        return from_frame(frame.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range="MPEG"))


def read_segment(
    path: Path | str, *, start_frame: int = 0, max_frames: int | None = None, scale: int = 1
) -> Segment:
    """Open a video and describe the part to be distorted.

    Args:
        path: Any video file. Rotation and mirroring in the metadata are applied to the pixels; more than
            8 bits, other chroma formats and full range become 8-bit 4:2:0 in video range.
        start_frame: First frame, counted from 0.
        max_frames: How many frames at most; None = to the end.
        scale: Integer factor to shrink by, bicubic with a widened filter (no aliasing). The picture is first
            cut right and bottom to a multiple of ``2 * scale``.

    Returns:
        The segment; frames are decoded on demand.

    Raises:
        VideoError: The file cannot be read.
        DataError: The video ends before ``start_frame``.
        ConfigError: An argument is out of range, or the picture is smaller than 16 px after scaling.
    """
    path = Path(path)
    _check(start_frame, max_frames, scale)
    info = probe(path)
    if start_frame >= info.frame_count:
        raise DataError(
            f"{path}: start_frame is {start_frame}, but the video has {info.frame_count} frames; "
            "choose an earlier one"
        )
    stop = info.frame_count if max_frames is None else min(start_frame + max_frames, info.frame_count)
    segment = Segment(path=path, info=info, start_frame=start_frame, stop_frame=stop, scale=scale)
    if min(segment.size_px) < _SMALLEST_SIDE_PX:
        raise ConfigError(
            f"{path}: {info.width_px}x{info.height_px} px shrunk by {scale} is below "
            f"{_SMALLEST_SIDE_PX} px; use a smaller scale or leave out this file"
        )
    return segment


def _check(start_frame: int, max_frames: int | None, scale: int) -> None:
    if start_frame < 0:
        raise ConfigError(f"start_frame is {start_frame}; allowed is 0 or more")
    if max_frames is not None and max_frames < 1:
        raise ConfigError(f"max_frames is {max_frames}; allowed is 1 or more, or None for the whole video")
    if not 1 <= scale <= 8:
        raise ConfigError(f"scale is {scale}; allowed is 1 (as it is) to 8 (an eighth of each side)")
