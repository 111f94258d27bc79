"""Quality maps as pictures: a PNG strip and an overlay video, each with a colour bar."""

from __future__ import annotations

from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from sslvqa.errors import ConfigError
from sslvqa.maps.colour import Palette, colour_bar, colourize, font, score_limits
from sslvqa.video.writer import write_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path

    from numpy.typing import NDArray

    from sslvqa.maps.project import QualityMap

__all__ = ["overlay", "render_strip", "write_overlay"]

_MARGIN_PX = 12
_CAPTION_PX = 22
_TEXT = (40, 40, 40)
_H264 = ("libx264", {"crf": "18"})
_CODECS: Mapping[str, tuple[str, dict[str, str]]] = {
    ".webm": ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6"})
}


def overlay(
    frame: NDArray[np.uint8],
    values: NDArray[np.floating],
    *,
    limits: tuple[float, float],
    palette: Palette = "red_blue",
    strength: float = 0.75,
    detail: float = 0.45,
) -> NDArray[np.uint8]:
    """Draw a map over its frame: the hue is the score's, the brightness follows the frame.

    Args:
        frame: RGB, uint8 ``(3, H, W)``.
        values: ``(H, W)``, higher is better.
        limits: Scores of the worst and the best colour; values outside take these colours.
        palette: A name in :data:`~sslvqa.maps.PALETTES`.
        strength: Share of the tinted picture, from 0 (the frame as it is) to 1.
        detail: How far the frame's brightness shows in the tint, from 0 (flat colours) to 1.

    Returns:
        RGB, uint8 ``(3, H, W)``.

    Raises:
        ConfigError: If the sizes differ, or the strength, the detail or the limits are out of range.
    """
    if frame.shape != (3, *values.shape):
        raise ConfigError(
            f"frame of shape {frame.shape} and map of shape {values.shape}; expected (3, H, W) and (H, W)"
        )
    for name, value in (("strength", strength), ("detail", detail)):
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} is {value}; allowed are numbers from 0 to 1")
    pixels = frame.astype(np.float32)
    luma = np.tensordot(np.array([0.299, 0.587, 0.114], dtype=np.float32) / 255, pixels, axes=1)
    shade = np.float32(strength) * (1 + np.float32(detail) * (1.3 * luma - 1))
    mixed = colourize(values, limits=limits, palette=palette) * shade
    mixed += np.float32((1 - strength) ** 2) * pixels
    mixed += np.float32((1 - strength) * strength * 255) * luma  # the frame's own hues fade before its detail
    return np.minimum(mixed + np.float32(0.5), 255).astype(np.uint8)


def render_strip(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    maps: Sequence[QualityMap],
    *,
    captions: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    palette: Palette = "red_blue",
    strength: float = 0.75,
    label: str = "local quality",
    panel_px: int = 400,
) -> Path:
    """Write a PNG: the frames in a row, the same with their maps below, a colour bar at the right.

    Args:
        path: Output file; replaced when it exists.
        frames: RGB, uint8 ``(3, H, W)`` each, all of one size.
        maps: One map for each frame.
        captions: Text over each frame; the frame number by default.
        limits: Scores of the worst and the best colour; by default the least and greatest of the maps.
        palette: A name in :data:`~sslvqa.maps.PALETTES`.
        strength: Of the overlay, from 0 to 1; see :func:`overlay`.
        label: What the numbers are, written at the colour bar.
        panel_px: Longer side of one picture in the strip.

    Returns:
        ``path``.

    Raises:
        ConfigError: If there is no frame, or the numbers of frames, maps and captions differ.
    """
    titles = [f"frame {item.frame_index}" for item in maps] if captions is None else list(captions)
    if not frames or not len(frames) == len(maps) == len(titles):
        raise ConfigError(
            f"{len(frames)} frames, {len(maps)} maps and {len(titles)} captions; give as many of each, not 0"
        )
    low, high = score_limits([item.values for item in maps]) if limits is None else limits
    width, height = _panel_size(frames[0], panel_px)
    bar = colour_bar(
        limits=(low, high), height_px=max(2 * height + _MARGIN_PX, 160), palette=palette, label=label
    )
    canvas = Image.new(
        "RGB",
        (
            len(frames) * (width + _MARGIN_PX) + 2 * _MARGIN_PX + bar.width,
            bar.height + _CAPTION_PX + 2 * _MARGIN_PX,
        ),
        "white",
    )
    pen = ImageDraw.Draw(canvas)
    top = _MARGIN_PX + _CAPTION_PX
    for column, (frame, item, title) in enumerate(zip(frames, maps, titles, strict=True)):
        left = _MARGIN_PX + column * (width + _MARGIN_PX)
        drawn = overlay(frame, item.values, limits=(low, high), palette=palette, strength=strength)
        pen.text((left, _MARGIN_PX), title, fill=_TEXT, font=font(14))
        canvas.paste(_picture(frame, (width, height)), (left, top))
        canvas.paste(_picture(drawn, (width, height)), (left, top + height + _MARGIN_PX))
    canvas.paste(bar, (canvas.width - bar.width - _MARGIN_PX, top))
    canvas.save(path, format="PNG")
    return path


def write_overlay(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    maps: Iterable[QualityMap],
    *,
    limits: tuple[float, float],
    fps: float | Fraction,
    palette: Palette = "red_blue",
    strength: float = 0.75,
    label: str = "local quality",
    legend: bool = True,
) -> int:
    """Write a video of the maps drawn over their frames, with a colour bar at the right of every frame.

    The frames keep their size. Frames and maps are taken one at a time, so both may be generators.

    Args:
        path: Output file; replaced when it exists. ``.webm`` is VP9, every other ending (``.mp4``) H.264.
        frames: RGB, uint8 ``(3, H, W)`` each, all of one size.
        maps: One map for each frame, in the same order.
        limits: Scores of the worst and the best colour.
        fps: Frame rate of the output.
        palette: A name in :data:`~sslvqa.maps.PALETTES`.
        strength: Of the overlay, from 0 to 1; see :func:`overlay`.
        label: What the numbers are, written at the colour bar.
        legend: Draw the colour bar; without it the video has the frames' size, rounded up to even sides.

    Returns:
        How many frames were written.

    Raises:
        ConfigError: If there are more frames than maps or fewer, or sizes differ.
    """
    drawn = (
        overlay(frame, item.values, limits=limits, palette=palette, strength=strength)
        for frame, item in _paired(frames, maps)
    )
    bar = partial(colour_bar, limits=limits, palette=palette, label=label) if legend else None
    codec, options = _CODECS.get(path.suffix.lower(), _H264)
    return write_video(path, _canvases(drawn, bar), fps=fps, codec=codec, options=options)


def _paired(
    frames: Iterable[NDArray[np.uint8]], maps: Iterable[QualityMap]
) -> Iterator[tuple[NDArray[np.uint8], QualityMap]]:
    """Frames with their maps, as many of each."""
    for frame, item in zip_longest(frames, maps):
        if frame is None or item is None:
            raise ConfigError("the numbers of frames and maps differ; give one map for each frame")
        yield frame, item


def _canvases(
    pictures: Iterable[NDArray[np.uint8]], make_bar: Callable[..., Image.Image] | None
) -> Iterator[NDArray[np.uint8]]:
    """Pictures ``(3, H, W)`` beside the colour bar, RGB ``(H, W, 3)`` with even sides."""
    canvas: Image.Image | None = None
    for picture in pictures:
        height, width = picture.shape[1:]
        if canvas is None:
            font_px = max(14, min(height, width) // 40)  # to be read on a screen that shows the frame whole
            bar = Image.new("RGB", (0, height))
            if make_bar:
                bar = make_bar(height_px=max(height, 160), font_px=font_px)
            canvas = Image.new("RGB", (_even(width + bar.width), _even(bar.height)), "white")
            canvas.paste(bar, (width, 0))
        canvas.paste(_picture(picture, (width, height)))
        yield np.asarray(canvas)


def _picture(frame: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    """``(3, H, W)`` as a picture of ``size`` (width, height)."""
    picture = Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0)))
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def _panel_size(frame: NDArray[np.uint8], longer_px: int) -> tuple[int, int]:
    """Width and height of a frame scaled so that its longer side is ``longer_px``."""
    height, width = frame.shape[1:]
    factor = longer_px / max(height, width)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _even(side: int) -> int:
    """The next even number: 4:2:0 video needs even sides."""
    return side + side % 2
