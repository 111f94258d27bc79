"""Encode frames to a file (PyAV)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["write_video"]


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8] | av.VideoFrame],
    *,
    fps: float | Fraction = 25,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: Mapping[str, str] | None = None,
) -> int:
    """Encode frames to ``path``; the container follows from the file name.

    Args:
        path: Output file; replaced when it exists.
        frames: RGB frames, uint8 ``(H, W, 3)``, or PyAV frames (converted only if their format differs),
            all of the size of the first one. An odd side is legal when ``pixel_format`` allows it.
        fps: Frame rate of the output.
        codec: FFmpeg encoder name.
        pixel_format: FFmpeg pixel format of the encoded stream.
        options: Encoder options, e.g. ``{"crf": "35"}``.

    Returns:
        How many frames were written.
    """
    rate = Fraction(fps).limit_denominator(1001)
    count = 0
    with av.open(str(path), "w") as container:
        stream = cast("av.VideoStream", container.add_stream(codec, rate=rate, options=dict(options or {})))
        stream.pix_fmt = pixel_format
        for item in frames:
            frame = (
                item if isinstance(item, av.VideoFrame) else av.VideoFrame.from_ndarray(item, format="rgb24")
            )
            if count == 0:
                stream.width, stream.height = frame.width, frame.height
                stream.codec_context.thread_count = 1  # one thread: the same bytes on every machine
            frame = frame.reformat(format=pixel_format)
            frame.pts, frame.time_base = count, 1 / rate
            container.mux(stream.encode(frame))
            count += 1
        if count:
            container.mux(stream.encode(None))
    return count
