"""Where in a video the quality is low: token scores projected back to pixels, and pictures of them."""

from sslvqa.maps.colour import PALETTES, Palette, colour_bar, colourize, score_limits
from sslvqa.maps.project import QualityMap, fill_uncovered, smooth_maps
from sslvqa.maps.render import overlay, render_strip, write_overlay

__all__ = [
    "PALETTES",
    "Palette",
    "QualityMap",
    "colour_bar",
    "colourize",
    "fill_uncovered",
    "overlay",
    "render_strip",
    "score_limits",
    "smooth_maps",
    "write_overlay",
]
