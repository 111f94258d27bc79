"""Where fragments are cut from a frame, and the cutting (method, section 2).

Planning is pure and random; gathering reads pixels. A plan can be inverted: it tells for every pixel of
the view which pixel of the frame it shows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from sslvqa.errors import ConfigError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sslvqa.video.frames import Planes

__all__ = ["FragmentPlan", "Region", "cut_fragments", "plan_fragments", "tile_fragments"]

Region = Literal["cell", "first_half", "second_half"]
"""Part of a grid cell in which a fragment may lie, the same on both axes."""

_REGIONS = ("cell", "first_half", "second_half")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FragmentPlan:
    """The places of ``grid x grid`` fragments in a frame, the same for all frames of a clip.

    ``tops`` and ``lefts`` count px of the frame after enlargement, which is the frame itself when
    ``scale`` is 1.
    """

    source_height_px: int
    """Height of the frame as displayed."""
    source_width_px: int
    """Width of the frame as displayed."""
    height_px: int
    """Height after enlargement."""
    width_px: int
    """Width after enlargement."""
    scale: float
    """Enlargement, one factor for both sides; 1.0 when the frame is large enough."""
    grid: int
    """Fragments along each side."""
    size: int
    """Side of a fragment in px."""
    tops: tuple[tuple[int, ...], ...]
    """First row of fragment (i, j) at ``tops[i][j]``."""
    lefts: tuple[tuple[int, ...], ...]
    """First column of fragment (i, j) at ``lefts[i][j]``."""

    @property
    def enlarged(self) -> bool:
        """Whether the frame is enlarged before cutting."""
        return (self.height_px, self.width_px) != (self.source_height_px, self.source_width_px)

    @property
    def view_px(self) -> int:
        """Side of the stitched view in px."""
        return self.grid * self.size

    def source_pixels(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column in the frame of every pixel of the view, each int64 ``(S, S)``.

        Exact when the frame is not enlarged; otherwise the pixel whose area holds the view pixel's centre.
        """
        rows = _expand(self.tops, self.size, axis=0)
        columns = _expand(self.lefts, self.size, axis=1)
        return (
            (2 * rows + 1) * self.source_height_px // (2 * self.height_px),
            (2 * columns + 1) * self.source_width_px // (2 * self.width_px),
        )


def plan_fragments(
    height: int,
    width: int,
    *,
    grid: int = 7,
    size: int = 32,
    generator: torch.Generator,
    region: Region = "cell",
) -> FragmentPlan:
    """Draw one fragment inside every cell of a ``grid x grid`` partition of the frame.

    A frame with a side below ``grid * size`` is enlarged first, by one factor for both sides; the grid is
    computed after that. With c = floor(side / grid), cell i starts at c * i, and the offset of
    its fragment is uniform in [0, c - size), or 0 when the cell is not larger than the fragment. The two
    halves of a cell are [0, c // 2) and [c // 2, c); an axis whose half cells are smaller than a fragment
    uses the whole cell, which is logged once for each frame size.

    Args:
        height: Height of the frame in px, as displayed; 1 is legal.
        width: Width of the frame in px, as displayed; 1 is legal.
        grid: Cells along each side.
        size: Side of a fragment in px.
        generator: Source of the offsets: rows first, then columns.
        region: Part of each cell to draw in.

    Returns:
        The places; the same for the same arguments and generator state.

    Raises:
        ConfigError: If a number is below 1 or the region is unknown.
    """
    for name, value in (("height", height), ("width", width), ("grid", grid), ("size", size)):
        if value < 1:
            raise ConfigError(
                f"{name} is {value}; fragments need at least 1; check the video and the geometry"
            )
    if region not in _REGIONS:
        raise ConfigError(f"region is {region!r}; allowed are {', '.join(_REGIONS)}")
    scale, tall, wide = _enlarge(height, width, grid * size)
    tops, rows_fit = _draw_starts(tall // grid, grid=grid, size=size, region=region, generator=generator)
    lefts, columns_fit = _draw_starts(wide // grid, grid=grid, size=size, region=region, generator=generator)
    if not (rows_fit and columns_fit):
        _log_fallback(height, width, size)
    return FragmentPlan(
        source_height_px=height,
        source_width_px=width,
        height_px=tall,
        width_px=wide,
        scale=scale,
        grid=grid,
        size=size,
        tops=tuple(tuple(int(start) for start in row) for row in tops.T),
        lefts=tuple(tuple(int(start) for start in row) for row in lefts),
    )


def tile_fragments(
    height: int, width: int, *, grid: int = 7, size: int = 32, most: int | None = None
) -> tuple[FragmentPlan, ...]:
    """Place fragments so that all plans together cover the frame, or as evenly as ``most`` plans can.

    The frame is cut in ``grid x grid`` cells that leave no border, and the fragments of the plans form one
    regular lattice inside every cell. Nothing is random: a quality map needs every place once, not by chance.

    Args:
        height: Height of the frame in px, as displayed.
        width: Width of the frame in px, as displayed.
        grid: Cells along each side.
        size: Side of a fragment in px.
        most: The most plans; None takes as many as cover every pixel.

    Returns:
        At least one plan, for views like those of :func:`plan_fragments`.

    Raises:
        ConfigError: If a number is below 1.
    """
    for name, value in (("height", height), ("width", width), ("grid", grid), ("size", size), ("most", most)):
        if value is not None and value < 1:
            raise ConfigError(
                f"{name} is {value}; a tiling needs at least 1; check the video and the geometry"
            )
    scale, tall, wide = _enlarge(height, width, grid * size)
    rows, columns = _lattice(-(-tall // grid), -(-wide // grid), size=size, most=most)
    return tuple(
        FragmentPlan(
            source_height_px=height,
            source_width_px=width,
            height_px=tall,
            width_px=wide,
            scale=scale,
            grid=grid,
            size=size,
            tops=tuple((top,) * grid for top in tops),
            lefts=(lefts,) * grid,
        )
        for tops in _lattice_starts(tall, rows, grid=grid, size=size)
        for lefts in _lattice_starts(wide, columns, grid=grid, size=size)
    )


def cut_fragments(frame: Planes, plan: FragmentPlan) -> NDArray[np.uint8]:
    """The fragments of one frame, stitched: uint8 RGB ``(3, S, S)``.

    Only the pixels of the fragments are converted to RGB, unless the frame has to be enlarged.

    Raises:
        DataError: If the frame is not of the size the plan was made for.
    """
    if (frame.height_px, frame.width_px) != (plan.source_height_px, plan.source_width_px):
        raise DataError(
            f"frame {frame.index} is {frame.width_px}x{frame.height_px} px, but the fragments were planned "
            f"for {plan.source_width_px}x{plan.source_height_px}; plan for this size"
        )
    if plan.enlarged:
        return _sample_bilinear(frame.rgb(), plan)
    tops = [top for row in plan.tops for top in row]
    lefts = [left for row in plan.lefts for left in row]
    patches: NDArray[np.uint8] = frame.patches_rgb(tops, lefts, plan.size)
    cells = patches.reshape(plan.grid, plan.grid, 3, plan.size, plan.size)
    return cells.transpose(2, 0, 3, 1, 4).reshape(3, plan.view_px, plan.view_px)


def _enlarge(height: int, width: int, least: int) -> tuple[float, int, int]:
    """Factor, height and width of a frame enlarged until no side is below ``least``."""
    scale = max(1.0, least / height, least / width)
    tall, wide = (max(round(side * scale), least) if scale > 1 else side for side in (height, width))
    return scale, tall, wide


def _lattice(tall: int, wide: int, *, size: int, most: int | None) -> tuple[int, int]:
    """Rows and columns of fragments that cover a cell; the evenest smaller number when ``most`` is less."""
    rows, columns = -(-tall // size), -(-wide // size)
    if most is None or rows * columns <= most:
        return rows, columns
    choices = [(row, min(columns, most // row)) for row in range(1, min(rows, most) + 1)]
    return min(choices, key=lambda n: (max(tall / n[0], wide / n[1]), tall / n[0] + wide / n[1]))


def _lattice_starts(side: int, count: int, *, grid: int, size: int) -> list[tuple[int, ...]]:
    """For each of ``count`` places in a cell: the first px of the fragment in every cell along one side."""
    edges = [index * side // grid for index in range(grid + 1)]
    cells = list(pairwise(edges))
    return [
        tuple(
            start + min(max(round((place + 0.5) * (stop - start) / count - size / 2), 0), stop - start - size)
            for start, stop in cells
        )
        for place in range(count)
    ]


def _draw_starts(
    cell: int, *, grid: int, size: int, region: Region, generator: torch.Generator
) -> tuple[NDArray[np.int64], bool]:
    """Starts along one axis, ``(grid, grid)`` with the cell number last, and whether the region fits."""
    low, high = {"cell": (0, cell), "first_half": (0, cell // 2), "second_half": (cell // 2, cell)}[region]
    fits = region == "cell" or cell // 2 >= size
    if not fits:
        low, high = 0, cell
    offsets = torch.randint(low, max(low + 1, high - size), (grid, grid), generator=generator)
    starts: NDArray[np.int64] = (offsets + cell * torch.arange(grid)).numpy()
    return starts, fits


@lru_cache(maxsize=256)
def _log_fallback(height: int, width: int, size: int) -> None:
    """Say once for each frame size that half cells are too small."""
    _logger.warning(
        "half a grid cell of a %dx%d px frame cannot hold a fragment of %d px; the whole cell is used there",
        width,
        height,
        size,
    )


def _expand(starts: tuple[tuple[int, ...], ...], size: int, *, axis: int) -> NDArray[np.int64]:
    """Rows (axis 0) or columns (axis 1) of the enlarged frame for every pixel of the view, ``(S, S)``."""
    corner = np.asarray(starts, dtype=np.int64).repeat(size, axis=0).repeat(size, axis=1)
    inside = np.arange(corner.shape[0], dtype=np.int64) % size
    return corner + (inside[:, None] if axis == 0 else inside[None, :])


def _sample_bilinear(rgb: NDArray[np.uint8], plan: FragmentPlan) -> NDArray[np.uint8]:
    """Pixels of the view from the enlarged frame, which is never built: it may be huge (1 x 4000 px).

    Pixel centres are aligned as in ``torch.nn.functional.interpolate(..., align_corners=False)``.
    """
    pixels = np.ascontiguousarray(rgb).reshape(3, -1)
    blended = np.full((3, plan.view_px**2), 0.5, dtype=np.float32)  # 0.5 rounds the cast below
    for places, weights in _bilinear_taps(plan):
        blended += pixels.take(places, axis=1) * weights
    return blended.astype(np.uint8).reshape(3, plan.view_px, plan.view_px)


@lru_cache(maxsize=16)
def _bilinear_taps(plan: FragmentPlan) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """The four source pixels of every pixel of the view, counted row by row, and their weights (sum 1)."""
    top, bottom, down = _neighbours(
        _expand(plan.tops, plan.size, axis=0).ravel(), plan.source_height_px, plan.height_px
    )
    left, right, across = _neighbours(
        _expand(plan.lefts, plan.size, axis=1).ravel(), plan.source_width_px, plan.width_px
    )
    return [
        (row * plan.source_width_px + column, vertical * horizontal)
        for row, vertical in ((top, 1 - down), (bottom, down))
        for column, horizontal in ((left, 1 - across), (right, across))
    ]


def _neighbours(
    places: NDArray[np.int64], source: int, enlarged: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For places along an enlarged side: the source pixels before and after, and the weight of the latter."""
    exact = np.clip((places + 0.5) * (source / enlarged) - 0.5, 0, source - 1)
    before = exact.astype(np.int64)
    return before, np.minimum(before + 1, source - 1), (exact - before).astype(np.float32)
