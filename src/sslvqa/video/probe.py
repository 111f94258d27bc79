"""Container facts and decoded facts → :class:`~sslvqa.video.frames.VideoInfo`."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.video.frames import VideoInfo
from sslvqa.video.layout import chroma_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from sslvqa.video.convert import ColorMatrix
    from sslvqa.video.index import FrameIndex
    from sslvqa.video.orientation import Orientation

__all__ = [
    "color_matrix_of",
    "describe",
    "full_range_of",
    "is_variable",
    "mean_rate",
    "missing_seconds",
]

_MATRICES: dict[int, ColorMatrix] = {
    1: "bt709",
    4: "bt601",
    5: "bt601",
    6: "bt601",
    7: "bt709",
    9: "bt2020",
    10: "bt2020",
}
"""AVColorSpace → matrix; SMPTE 240M is close to BT.709, FCC to BT.601."""
_LIMITED_RANGE, _FULL_RANGE = 1, 2
_UNSPECIFIED_HD_WIDTH = 1280
_UNSPECIFIED_HD_HEIGHT = 577
_DEFAULT_FPS = 25.0
_DURATION_TAG = "DURATION"
_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


def describe(
    container: InputContainer,
    stream: VideoStream,
    frame: av.VideoFrame,
    index: FrameIndex,
    *,
    name: str,
    orientation: Orientation,
    damage: Sequence[str] = (),
) -> VideoInfo:
    """Join the container's claims, the index's counts and the first frame's properties."""
    context = stream.codec_context
    height, width = orientation.size(frame.height, frame.width)
    seconds = index.timestamps_seconds
    duration, fps = mean_rate(seconds, index.last_ticks * float(index.time_base), stream.average_rate)
    return VideoInfo(
        path=name,
        width_px=width,
        height_px=height,
        coded_width_px=frame.width,
        coded_height_px=frame.height,
        frame_count=len(index.pts),
        header_frame_count=stream.frames or None,
        duration_seconds=duration,
        header_duration_seconds=_header_duration(container, stream),
        fps=fps,
        header_fps=float(stream.average_rate) if stream.average_rate else None,
        codec=context.name,
        container=_short_name(container.format.name, name),
        pixel_format=frame.format.name,
        bit_depth=frame.format.components[0].bits,
        chroma=chroma_of(frame.format),
        full_range=full_range_of(frame),
        color_matrix=color_matrix_of(frame),
        rotation_degrees=orientation.rotation_degrees,
        interlaced=frame.interlaced_frame or getattr(context, "field_order", 0) > 1,
        variable_frame_rate=not index.ordinal and is_variable(seconds, float(index.time_base)),
        has_audio=bool(container.streams.audio),
        damaged=bool(damage),
    )


def color_matrix_of(frame: av.VideoFrame) -> ColorMatrix:
    """Matrix that a frame declares, or by its size when it does not: HD is BT.709, smaller is BT.601."""
    known = _MATRICES.get(int(frame.colorspace))
    if known is not None:
        return known
    hd = frame.width >= _UNSPECIFIED_HD_WIDTH or frame.height >= _UNSPECIFIED_HD_HEIGHT
    return "bt709" if hd else "bt601"


def full_range_of(frame: av.VideoFrame) -> bool:
    """Whether samples use all code values; when the stream does not say, gray does and YUV does not."""
    pixel_format = frame.format
    if pixel_format.is_rgb or pixel_format.has_palette or pixel_format.name.startswith("yuvj"):
        return True
    if len(pixel_format.components) < 3:
        return int(frame.color_range) != _LIMITED_RANGE
    return int(frame.color_range) == _FULL_RANGE


def mean_rate(
    seconds: NDArray[np.float64], last_seconds: float, header_fps: Fraction | None
) -> tuple[float, float]:
    """Counted ``(duration_seconds, fps)`` from the timestamps and the last frame's duration."""
    duration = float(seconds[-1] - seconds[0]) + last_seconds
    if duration <= 0:
        duration = len(seconds) / float(header_fps or _DEFAULT_FPS)
    return duration, len(seconds) / duration


def is_variable(seconds: NDArray[np.float64], tick_seconds: float) -> bool:
    """Whether steps between frames differ by more than 5 % and more than the rounding of timestamps."""
    if len(seconds) < 3:
        return False
    steps = np.diff(seconds)
    middle = float(np.median(steps))
    return bool(np.any(np.abs(steps - middle) > max(0.05 * middle, 2.01 * tick_seconds)))


def missing_seconds(container: InputContainer, stream: VideoStream, counted_seconds: float) -> float:
    """How much shorter the packets are than a header that is known to be exact says; 0 when they agree.

    Only Matroska and FLV: their headers hold durations but no frame counts.
    """
    if container.format.name.split(",")[0] not in {"matroska", "flv"}:
        return 0.0
    if container.streams.audio and _DURATION_TAG not in stream.metadata:
        return 0.0  # the container's duration may be the audio's
    missing = (_header_duration(container, stream) or 0.0) - counted_seconds
    return missing if missing > 0.2 + 0.02 * counted_seconds else 0.0


def _header_duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    tagged = _CLOCK.fullmatch(stream.metadata.get(_DURATION_TAG, ""))
    if tagged:
        hours, minutes, seconds = (float(part) for part in tagged.groups())
        return 3600 * hours + 60 * minutes + seconds
    return container.duration / 1e6 if container.duration is not None else None


def _short_name(names: str, source: str) -> str:
    """One name of a demuxer that goes by several: the file's suffix if it is among them, else the first."""
    options = names.split(",")
    suffix = PurePath(source).suffix.lstrip(".").lower()
    return suffix if suffix in options else options[0]
