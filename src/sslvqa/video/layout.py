"""Where the samples of a frame lie in memory, for every pixel format that can be cut into blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import av
import numpy as np
from av.video.reformatter import VideoReformatter

if TYPE_CHECKING:
    from av.video.format import VideoFormat
    from av.video.plane import VideoPlane
    from numpy.typing import NDArray

__all__ = [
    "Chroma",
    "FormatLayout",
    "chroma_of",
    "copy_block",
    "format_layout",
    "plane_cells",
    "plane_rows",
    "yuv_planes",
]

Chroma = Literal["420", "422", "444", "411", "440", "410", "gray", "rgb"]
"""Chroma subsampling of a pixel format."""

_NEAREST_CHROMA = frozenset({"yuv420p", "yuv422p", "yuva420p"})
"""Formats with a quick conversion that repeats chroma samples instead of interpolating them."""
_RULER = 64
_CHROMA: dict[tuple[int, int], Chroma] = {
    (1, 1): "444",
    (2, 1): "422",
    (2, 2): "420",
    (4, 1): "411",
    (1, 2): "440",
    (4, 4): "410",
}
"""Pixels that a chroma sample spans, across and down → name."""


@dataclass(frozen=True, slots=True)
class PlaneCells:
    """One plane: bytes per cell, and log2 of the pixels a cell spans in each direction."""

    cell_bytes: int
    shift_x: int
    shift_y: int


@dataclass(frozen=True, slots=True)
class FormatLayout:
    """How a pixel format's planes are cut into blocks.

    Attributes:
        planes: Layout of each plane.
        step_x: Width in pixels of the grid that blocks are aligned to.
        step_y: Its height.
        rim_x: Steps of rim needed left and right.
        rim_y: Steps of rim needed above and below.
        palette: The last plane is a palette, which belongs to every block.
        fields: 2 when odd and even rows are pictures of their own, else 1.
    """

    planes: tuple[PlaneCells, ...]
    step_x: int
    step_y: int
    rim_x: int
    rim_y: int
    palette: bool
    fields: int


@lru_cache(maxsize=256)
def format_layout(name: str, *, interlaced: bool = False) -> FormatLayout | None:
    """Layout of a pixel format, or None when it cannot be cut (bit-packed, mosaic sensors).

    Args:
        name: FFmpeg's name of the format.
        interlaced: The frame holds two fields, which swscale converts one by one.
    """
    if name.startswith(("bayer", "mono")):
        return None
    probe = av.VideoFrame(_RULER, _RULER, name)
    palette = bool(probe.format.has_palette)
    planes = []
    for index, plane in enumerate(probe.planes[: 1 if palette else None]):
        cells = min(c.width for c in probe.format.components if c.plane == index)
        rows = min(c.height for c in probe.format.components if c.plane == index)
        if plane.line_size % cells:
            return None
        planes.append(
            PlaneCells(
                plane.line_size // cells,
                (_RULER // cells).bit_length() - 1,
                (_RULER // rows).bit_length() - 1,
            )
        )
    shift_x, shift_y = max(p.shift_x for p in planes), max(p.shift_y for p in planes)
    subsampled = shift_x > 0 or shift_y > 0
    nearest = name in _NEAREST_CHROMA
    rim = int(subsampled and not nearest)
    fields = 2 if interlaced and subsampled else 1
    return FormatLayout(
        planes=tuple(planes),
        step_x=max(1 << shift_x, 2 if subsampled else 1),
        step_y=max(1 << shift_y, 2 if nearest else 1) * fields,  # the quick conversion needs even heights
        rim_x=rim,
        rim_y=rim * fields if shift_y else 0,
        palette=palette,
        fields=fields,
    )


def chroma_of(pixel_format: VideoFormat) -> Chroma:
    """Chroma subsampling of a pixel format."""
    if pixel_format.is_rgb or pixel_format.has_palette:
        return "rgb"
    if len(pixel_format.components) < 3:
        return "gray"
    luma, chroma = av.VideoFormat(pixel_format.name, _RULER, _RULER).components[:2]
    return _CHROMA[luma.width // chroma.width, luma.height // chroma.height]


def yuv_planes(frame: av.VideoFrame) -> tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any] | None]:
    """The coded ``(y, u, v)`` planes as copies, uint8 or uint16; see :meth:`Planes.yuv`."""
    if any(plane.line_size < 0 for plane in frame.planes):
        frame = VideoReformatter().reformat(frame, format="rgb24")
    planar = _planar_name(frame)
    if planar != frame.format.name:
        frame = VideoReformatter().reformat(frame, format=planar)
    components = frame.format.components[: 3 if len(frame.format.components) >= 3 else 1]
    y, *chroma = (
        _samples(plane, component.height, component.width, component.bits)
        for plane, component in zip(frame.planes, components, strict=False)
    )
    return (y, chroma[0], chroma[1]) if chroma else (y, None, None)


def plane_rows(plane: VideoPlane) -> NDArray[np.uint8]:
    """Writable view of a plane's bytes, uint8 ``(rows, bytes per line)``, line padding included."""
    data: NDArray[np.uint8] = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]  # stub lacks buffers
    return data.reshape(-1, plane.line_size)


def _planar_name(frame: av.VideoFrame) -> str:
    """The frame's own format if Y, U and V each have a plane of native samples, else the nearest such."""
    pixel_format = frame.format
    components = pixel_format.components
    bits = components[0].bits
    if pixel_format.is_rgb or pixel_format.has_palette:
        return "yuv444p"
    own_planes = len({c.plane for c in components}) == len(components)
    if own_planes and not pixel_format.is_big_endian and bits >= 8:
        return pixel_format.name
    depth = "" if bits <= 8 else f"{bits}le"
    if len(components) < 3:
        return f"gray{depth}"
    return f"yuv{chroma_of(pixel_format)}p{depth}"


def _samples(plane: VideoPlane, height: int, width: int, bits: int) -> NDArray[Any]:
    """Copy of one plane's samples, ``(height, width)``."""
    kind = np.uint8 if bits <= 8 else np.uint16
    return plane_rows(plane)[:height].view(kind)[:, :width].copy()


def plane_cells(plane: VideoPlane, rows: int, columns: int, cell_bytes: int) -> NDArray[np.uint8]:
    """View of a plane, uint8 ``(rows, columns, cell_bytes)``."""
    lines = plane_rows(plane)[:rows, : columns * cell_bytes]
    cells: NDArray[np.uint8] = lines.reshape(rows, columns, cell_bytes)
    return cells


def copy_block(cells: NDArray[np.uint8], tile: NDArray[np.uint8], y: int, x: int, *, fields: int = 1) -> None:
    """Fill ``tile`` from ``cells`` at ``(y, x)``; outside the plane the border of each field is repeated."""
    rows, columns = tile.shape[:2]
    if y >= 0 and x >= 0 and y + rows <= cells.shape[0] and x + columns <= cells.shape[1]:
        tile[...] = cells[y : y + rows, x : x + columns]
        return
    lines, field = np.divmod(np.arange(y, y + rows), fields)
    last = np.maximum(cells.shape[0] - 1 - field, 0) // fields
    ys = np.minimum(np.clip(lines, 0, last) * fields + field, cells.shape[0] - 1)
    xs = np.clip(np.arange(x, x + columns), 0, cells.shape[1] - 1)
    tile[...] = cells[ys[:, None], xs]
