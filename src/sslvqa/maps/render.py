"""Quality maps as pictures: a PNG strip and an overlay video, each with a colour bar."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from sslvqa.errors import ConfigError
from sslvqa.maps.colour import Palette, colour_bar, colourize, font, score_limits
from sslvqa.video.writer import write_video

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from fractions import Fraction
    from pathlib import Path

    from numpy.typing import NDArray

    from sslvqa.maps.project import QualityMap

__all__ = ["overlay", "render_strip", "write_overlay"]

_MARGIN_PX = 12
_CAPTION_PX = 22
_TEXT = (40, 40, 40)


def overlay(
    frame: NDArray[np.uint8],
    values: NDArray[np.floating],
    *,
    limits: tuple[float, float],
    palette: Palette = "red_green",
    detail: float = 0.45,
) -> NDArray[np.uint8]:
    """Draw a map over its frame: the hue is the score's, the brightness follows the frame.

    Args:
        frame: RGB, uint8 ``(3, H, W)``.
        values: ``(H, W)``, higher is better.
        limits: Scores of the worst and the best colour; values outside take these colours.
        palette: ``red_green`` (red = low) or the colour-blind-safe ``viridis`` (dark = low).
        detail: How far the frame's brightness shows, from 0 (map only) to 1.

    Returns:
        RGB, uint8 ``(3, H, W)``.

    Raises:
        ConfigError: If the sizes differ, or the detail or the limits are out of range.
    """
    if frame.shape != (3, *values.shape):
        raise ConfigError(
            f"frame of shape {frame.shape} and map of shape {values.shape}; expected (3, H, W) and (H, W)"
        )
    if not 0 <= detail <= 1:
        raise ConfigError(f"detail is {detail}; allowed are numbers from 0 (map only) to 1 (full contrast)")
    luma = np.tensordot(
        np.array([0.299, 0.587, 0.114], dtype=np.float32) / 255, frame.astype(np.float32), axes=1
    )
    shade = 1 + np.float32(detail) * (1.3 * luma - 1)
    tinted = colourize(values, limits=limits, palette=palette) * shade
    return np.minimum(tinted + 0.5, 255).astype(np.uint8)


def render_strip(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    maps: Sequence[QualityMap],
    *,
    captions: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    palette: Palette = "red_green",
    label: str = "local quality",
    panel_px: int = 320,
) -> Path:
    """Write a PNG: the frames in a row, the same with their maps below, a colour bar at the right.

    Args:
        path: Output file; replaced when it exists.
        frames: RGB, uint8 ``(3, H, W)`` each, all of one size.
        maps: One map for each frame.
        captions: Text over each frame; the frame number by default.
        limits: Scores of the worst and the best colour; by default the least and greatest of the maps.
        palette: ``red_green`` (red = low) or the colour-blind-safe ``viridis`` (dark = low).
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
        drawn = overlay(frame, item.values, limits=(low, high), palette=palette)
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
    palette: Palette = "red_green",
    label: str = "local quality",
) -> int:
    """Write a video of the maps drawn over their frames, with a colour bar at the right of every frame.

    Frames and maps are taken one at a time, so both may be generators.

    Args:
        path: Output file, e.g. ``map.mp4``; replaced when it exists.
        frames: RGB, uint8 ``(3, H, W)`` each, all of one size.
        maps: One map for each frame, in the same order.
        limits: Scores of the worst and the best colour.
        fps: Frame rate of the output.
        palette: ``red_green`` (red = low) or the colour-blind-safe ``viridis`` (dark = low).
        label: What the numbers are, written at the colour bar.

    Returns:
        How many frames were written.

    Raises:
        ConfigError: If there are more frames than maps or fewer, or sizes differ.
    """
    drawn = _overlays(frames, maps, limits=limits, palette=palette, label=label)
    return write_video(path, drawn, fps=fps, options={"crf": "18"})


def _overlays(
    frames: Iterable[NDArray[np.uint8]],
    maps: Iterable[QualityMap],
    *,
    limits: tuple[float, float],
    palette: Palette,
    label: str,
) -> Iterator[NDArray[np.uint8]]:
    """The pictures of :func:`write_overlay`, RGB ``(H, W, 3)`` with even sides."""
    side: Image.Image | None = None
    for frame, item in zip_longest(frames, maps):
        if frame is None or item is None:
            raise ConfigError("the numbers of frames and maps differ; give one map for each frame")
        height, width = frame.shape[1:]
        if side is None:
            side = colour_bar(limits=limits, height_px=max(height, 160), palette=palette, label=label)
        canvas = Image.new("RGB", (_even(width + side.width), _even(side.height)), "white")
        canvas.paste(_picture(overlay(frame, item.values, limits=limits, palette=palette), (width, height)))
        canvas.paste(side, (width, 0))
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
