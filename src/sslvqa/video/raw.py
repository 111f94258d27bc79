"""Headerless .yuv files: the caller says what the bytes mean."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, Self

import av
import av.error
import numpy as np

from sslvqa.errors import ConfigError, UnreadableVideoError
from sslvqa.video.convert import Converter
from sslvqa.video.frames import Planes, VideoInfo
from sslvqa.video.layout import FormatLayout, chroma_of, format_layout, plane_rows
from sslvqa.video.plan import checked_indices
from sslvqa.video.probe import color_matrix_of, full_range_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from sslvqa.video.guard import Limits

__all__ = ["RawGeometry", "RawVideo", "fill_frame", "frame_bytes"]

_TEXT = re.compile(r"(\d+)x(\d+)(?::([a-z0-9]+))?(?:@([0-9.]+)(?:/([0-9.]+))?)?(\+full)?")
_ABORTING = "yaf32"  # swscale ends the process when asked for RGB
_TRIAL_PX = 16


@dataclass(frozen=True, slots=True)
class RawGeometry:
    """What a headerless file holds.

    Attributes:
        width_px: Frame width.
        height_px: Frame height.
        fps: Frame rate.
        pixel_format: FFmpeg's name of the pixel format, e.g. ``"yuv420p"`` or ``"yuv420p10le"``.
        full_range: Samples use all code values.
    """

    width_px: int
    height_px: int
    fps: float = 25.0
    pixel_format: str = "yuv420p"
    full_range: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        if self.width_px < 1 or self.height_px < 1 or not self.fps > 0:
            raise ConfigError(
                f"RawGeometry of {self.width_px}x{self.height_px} px at {self.fps} fps; "
                "width, height and rate are positive; give the file's real ones"
            )
        if not _is_readable(self.pixel_format):
            raise ConfigError(
                f"RawGeometry.pixel_format is {self.pixel_format!r}; allowed are FFmpeg's names of plain "
                "formats such as yuv420p, yuv422p10le, nv12, gray, rgb24; choose one of them"
            )

    @classmethod
    def parse(cls, text: str) -> RawGeometry:
        """Read ``WIDTHxHEIGHT[:PIXEL_FORMAT][@FPS][+full]``, e.g. ``1920x1080:yuv420p10le@30000/1001``.

        ``+full`` stands for full range.

        Raises:
            ConfigError: It has another form, or names no pixel format.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"the raw geometry is {text!r}; give WIDTHxHEIGHT[:PIXEL_FORMAT][@FPS][+full], "
                "e.g. 1920x1080:yuv420p@25"
            )
        width, height, pixels, fps, divisor, full = found.groups()
        try:
            rate = float(fps or 25) / float(divisor or 1)
        except (ValueError, ZeroDivisionError) as error:
            raise ConfigError(f"the raw geometry is {text!r}; {fps}/{divisor} is no frame rate") from error
        return cls(
            int(width), int(height), fps=rate, pixel_format=pixels or "yuv420p", full_range=full is not None
        )

    def __str__(self) -> str:
        """The form that :meth:`parse` reads."""
        full = "+full" if self.full_range else ""
        return f"{self.width_px}x{self.height_px}:{self.pixel_format}@{self.fps:.10g}{full}"

    @property
    def layout(self) -> FormatLayout:
        """Planes of the pixel format."""
        layout = format_layout(self.pixel_format)
        if layout is None:
            raise ConfigError(f"RawGeometry.pixel_format {self.pixel_format!r} has no plain planes")
        return layout

    def plane_shapes(self) -> list[tuple[int, int]]:
        """Rows and bytes per row of each plane."""
        return [
            (-(-self.height_px >> p.shift_y), (-(-self.width_px >> p.shift_x)) * p.cell_bytes)
            for p in self.layout.planes
        ]

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return sum(rows * row_bytes for rows, row_bytes in self.plane_shapes())


class RawVideo:
    """A headerless file read as frames of a known geometry; the same interface as every video.

    Attributes:
        info: What is known of the video; ``header_*`` are None, there is no header.
        warnings: Bytes left over after the last whole frame.
        frames_decoded: Frames read so far.
    """

    def __init__(
        self, file: BinaryIO, *, name: str, owned: bool, limits: Limits, geometry: RawGeometry
    ) -> None:
        self._file, self._name, self._owned, self._geometry = file, name, owned, geometry
        self._converter = Converter()
        self.frames_decoded = 0
        self.warnings: list[str] = []
        try:
            self._open(limits)
        except BaseException:
            self.close()
            raise

    def _open(self, limits: Limits) -> None:
        geometry, name = self._geometry, self._name
        limits.check_size(geometry.width_px, geometry.height_px, name=name)
        size = self._file.seek(0, io.SEEK_END)
        count, rest = divmod(size, geometry.frame_bytes)
        if count == 0:
            raise UnreadableVideoError(
                f"{name}: {size} bytes, but one {geometry.pixel_format} frame of {geometry.width_px}x"
                f"{geometry.height_px} px has {geometry.frame_bytes}; check the geometry"
            )
        limits.check_frames(count, name=name)
        limits.check_duration(count / geometry.fps, name=name)
        if rest:
            self.warnings.append(f"{name}: {rest} bytes after the last whole frame; check the geometry")
        self.timestamps_seconds: NDArray[np.float64] = np.arange(count) / geometry.fps
        self.info = _describe(geometry, name=name, count=count, damaged=bool(rest))

    @property
    def pixels_converted(self) -> int:
        """Pixels converted to RGB so far."""
        return self._converter.pixels_converted

    def frames(self, indices: Sequence[int]) -> Iterator[Planes]:
        """Read the frames of these numbers; see :meth:`sslvqa.video.reader.Video.frames`."""
        for number in checked_indices(indices, self.info.frame_count, name=self._name):
            self._file.seek(number * self._geometry.frame_bytes)
            data = self._file.read(self._geometry.frame_bytes)
            if len(data) < self._geometry.frame_bytes:
                raise UnreadableVideoError(f"{self._name}: the file became shorter while it was read")
            self.frames_decoded += 1
            yield Planes(
                fill_frame(self._geometry, data),
                index=number,
                pts_seconds=float(self.timestamps_seconds[number]),
                matrix=self.info.color_matrix,
                full_range=self.info.full_range,
                converter=self._converter,
            )

    def close(self) -> None:
        """Release the file if it was opened from a path."""
        if self._owned:
            self._file.close()

    def __enter__(self) -> Self:
        """Return the video itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the video."""
        self.close()


def fill_frame(geometry: RawGeometry, data: bytes) -> av.VideoFrame:
    """Copy one frame's bytes into a PyAV frame; :func:`frame_bytes` inverts it."""
    frame = av.VideoFrame(geometry.width_px, geometry.height_px, geometry.pixel_format)
    start = 0
    for plane, (rows, row_bytes) in zip(frame.planes, geometry.plane_shapes(), strict=True):
        block = np.frombuffer(data, np.uint8, rows * row_bytes, start)
        plane_rows(plane)[:rows, :row_bytes] = block.reshape(rows, row_bytes)
        start += rows * row_bytes
    return frame


def frame_bytes(geometry: RawGeometry, frame: av.VideoFrame) -> bytes:
    """The samples of a frame of this geometry, plane by plane, as a headerless file holds them."""
    shapes = zip(frame.planes, geometry.plane_shapes(), strict=True)
    return b"".join(plane_rows(plane)[:rows, :row_bytes].tobytes() for plane, (rows, row_bytes) in shapes)


@lru_cache(maxsize=256)
def _is_readable(pixel_format: str) -> bool:
    """Whether frames of a format have plain planes and become RGB and YUV."""
    if pixel_format.startswith(_ABORTING):
        return False
    try:
        layout = format_layout(pixel_format)
        if layout is None or layout.palette:
            return False
        frame = Planes(av.VideoFrame(_TRIAL_PX, _TRIAL_PX, pixel_format), index=0, pts_seconds=0.0)
        frame.rgb()
        frame.patches_rgb([0], [0], _TRIAL_PX // 2)
        frame.yuv()
    except (ValueError, OSError, av.error.FFmpegError):
        return False
    return True


def _describe(geometry: RawGeometry, *, name: str, count: int, damaged: bool) -> VideoInfo:
    probe = av.VideoFrame(geometry.width_px, geometry.height_px, geometry.pixel_format)
    return VideoInfo(
        path=name,
        width_px=geometry.width_px,
        height_px=geometry.height_px,
        coded_width_px=geometry.width_px,
        coded_height_px=geometry.height_px,
        frame_count=count,
        header_frame_count=None,
        duration_seconds=count / geometry.fps,
        header_duration_seconds=None,
        fps=geometry.fps,
        header_fps=None,
        codec="rawvideo",
        container=PurePath(name).suffix.lstrip(".").lower() or "yuv",
        pixel_format=geometry.pixel_format,
        bit_depth=probe.format.components[0].bits,
        chroma=chroma_of(probe.format),
        full_range=geometry.full_range or full_range_of(probe),
        color_matrix=color_matrix_of(probe),
        rotation_degrees=0,
        interlaced=False,
        variable_frame_rate=False,
        has_audio=False,
        damaged=damaged,
    )
