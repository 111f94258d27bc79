"""Scores as colours, and the colour bar that says which is which."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["PALETTES", "Palette", "colour_bar", "colourize", "font", "score_limits"]

Palette = Literal["red_blue", "red_green", "viridis"]
"""``red_blue`` (the default, colour-blind safe): red is low, blue is high. ``red_green``: red is low, green
is high. ``viridis`` (colour-blind safe, grows brighter): violet is low, yellow is high."""

PALETTES: dict[Palette, tuple[tuple[int, int, int], ...]] = {
    "red_blue": (
        (158, 14, 30), (214, 71, 44), (246, 141, 83), (253, 216, 140),
        (214, 232, 235), (134, 184, 217), (68, 117, 180), (38, 62, 140),
    ),
    "red_green": (
        (165, 0, 38), (222, 63, 46), (248, 142, 82), (254, 224, 139),
        (183, 224, 117), (75, 176, 92), (0, 104, 55),
    ),
    "viridis": (
        (68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142),
        (31, 158, 137), (53, 183, 121), (109, 205, 89), (180, 222, 44), (253, 231, 37),
    ),
}  # fmt: skip
"""Equally spaced RGB stops from the lowest to the highest score, interpolated linearly."""

_TEXT = (40, 40, 40)


def score_limits(maps: Sequence[NDArray[np.floating]]) -> tuple[float, float]:
    """The least and the greatest value of all maps, widened when they coincide."""
    low = min(float(values.min()) for values in maps)
    high = max(float(values.max()) for values in maps)
    if high - low > 1e-6 * max(abs(low), abs(high)):
        return low, high
    room = max(0.05 * abs(low), 1e-3)
    return low - room, high + room


def colourize(
    values: NDArray[np.floating], *, limits: tuple[float, float], palette: Palette = "red_blue"
) -> NDArray[np.uint8]:
    """Colours of scores.

    Args:
        values: Any shape; higher is better.
        limits: Scores of the first and the last colour; values outside take these colours.
        palette: A name in :data:`PALETTES`.

    Returns:
        RGB, uint8 ``(3, ...)``.

    Raises:
        ConfigError: If the palette is unknown or the limits are not finite and increasing.
    """
    low, high = limits
    if palette not in PALETTES:
        raise ConfigError(f"palette is {palette!r}; allowed are {', '.join(PALETTES)}")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigError(f"colour limits are {low} and {high}; give two finite scores, the lower one first")
    stops = np.asarray(PALETTES[palette], dtype=np.float64)
    table = np.stack([np.interp(np.linspace(0, len(stops) - 1, 256), range(len(stops)), c) for c in stops.T])
    levels = np.clip((values - low) * (255 / (high - low)) + 0.5, 0, 255).astype(np.uint8)
    colours: NDArray[np.uint8] = np.take(np.rint(table).astype(np.uint8), levels, axis=1)
    return colours


def colour_bar(
    *,
    limits: tuple[float, float],
    height_px: int,
    palette: Palette = "red_blue",
    label: str = "local quality",
    font_px: int = 14,
) -> Image.Image:
    """A vertical colour bar with a few round numbers, the best colour on top.

    Args:
        limits: Scores at the bottom and at the top.
        height_px: Height of the picture.
        palette: A name in :data:`PALETTES`.
        label: What the numbers are, written above.
        font_px: Size of the text; everything but the height follows it.

    Returns:
        The picture, on white; its width depends on the text.
    """
    low, high = limits
    bar_px, gap_px, line_px, mark_px = (round(font_px * share) for share in (1.57, 0.71, 1.36, 0.29))
    ticks, digits = _ticks(low, high)
    texts = [f"{tick:.{digits}f}" for tick in ticks]
    head = [label, "(higher is better)"]
    top, bottom = 2 * gap_px + len(head) * line_px, height_px - font_px
    widths = [bar_px + 2 * mark_px + _width(text, font_px) for text in texts]
    text_px = max(widths + [_width(line, font_px) for line in head])
    bar = Image.new("RGB", (math.ceil(text_px) + 2 * gap_px, height_px), "white")
    pen, face = ImageDraw.Draw(bar), font(font_px)
    for number, line in enumerate(head):
        pen.text((gap_px, gap_px // 2 + number * line_px), line, fill=_TEXT, font=face)
    ramp = np.linspace(high, low, bottom - top).repeat(bar_px).reshape(-1, bar_px)
    colours = colourize(ramp, limits=limits, palette=palette).transpose(1, 2, 0)
    bar.paste(Image.fromarray(np.ascontiguousarray(colours)), (gap_px, top))
    right = gap_px + bar_px
    for tick, text in zip(ticks, texts, strict=True):
        row = round(top + (high - tick) / (high - low) * (bottom - 1 - top))
        pen.line((right, row, right + mark_px, row), fill=_TEXT, width=max(1, font_px // 14))
        pen.text((right + 2 * mark_px, row), text, fill=_TEXT, font=face, anchor="lm")
    return bar


def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface that comes with Pillow, so that pictures do not depend on the machine's fonts."""
    return ImageFont.load_default(size=size_px)


def _width(text: str, font_px: int) -> float:
    """Width of a text in px."""
    return font(font_px).getlength(text)


def _ticks(low: float, high: float) -> tuple[list[float], int]:
    """Two to eight multiples of 1, 2 or 5 times a power of ten in [low, high], and the decimals they need."""
    raw = (high - low) / 7
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)], max(0, -math.floor(math.log10(step) + 1e-9))
