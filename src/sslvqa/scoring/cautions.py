"""What may make a score less trustworthy, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sslvqa.sampling.geometry import ViewGeometry
    from sslvqa.scoring.reading import Reading

__all__ = ["cautions"]

_BLACK = 16
"""The brightest that a border may be, of 255 in each of R, G and B: compression leaves a little light."""
_LEAST_BORDER = 0.05
"""Share of the frame from which a border is worth a word."""


def cautions(reading: Reading, geometry: ViewGeometry) -> tuple[str, ...]:
    """Return one sentence for each thing a reader of the score should know, none for an ordinary video."""
    info, fragments, border = reading.info, reading.plans[0].fragments, _border(reading)
    size = f"{info.width_px}x{info.height_px} px"
    checks = (
        (
            fragments.enlarged,
            f"frames of {size} are enlarged {fragments.scale:.3g} times to hold the fragments",
        ),
        (
            info.frame_count < geometry.span_frames,
            f"{info.frame_count} frames are fewer than a clip spans ({geometry.span_frames}): frames repeat",
        ),
        (
            info.color_matrix == "bt2020",
            "wide-gamut or HDR video is not tone-mapped: the score is that of the picture as coded",
        ),
        (info.interlaced, "interlaced frames are scored as they are, without deinterlacing"),
        (
            border >= _LEAST_BORDER,
            f"the outer {border:.0%} of the frame are black: a border moves the score, crop it if it is one",
        ),
    )
    return tuple(text for applies, text in checks if applies)


def _border(reading: Reading) -> float:
    """Share of the frame outside the smallest box of whole rows and columns that holds all that is not black.

    Seen through the views alone, so to the px only where fragments lie; 0 for a video that is black all over.
    """
    info = reading.info
    rows, columns = np.full(info.height_px, -1), np.full(info.width_px, -1)
    for plan, view in zip(reading.plans, reading.views, strict=False):
        brightest = view.amax(dim=(0, 1)).numpy().astype(np.int64)
        down, right = plan.fragments.source_pixels()
        np.maximum.at(rows, down, brightest)
        np.maximum.at(columns, right, brightest)
    if rows.max() <= _BLACK:
        return 0.0
    return 1 - _inside(rows) * _inside(columns)


def _inside(lines: NDArray[np.int64]) -> float:
    """Share of lines between the black ones at both ends; lines that no view shows (-1) count as picture."""
    lit, black = np.flatnonzero(lines > _BLACK), np.flatnonzero((lines >= 0) & (lines <= _BLACK))
    first = black[black < lit[0]].max(initial=-1) + 1
    last = black[black > lit[-1]].min(initial=len(lines))
    return float(last - first) / len(lines)
