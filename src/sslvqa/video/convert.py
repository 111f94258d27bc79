"""Decoded pixels → RGB, for the wanted pixels only (one swscale call per frame).

swscale converts whole frames. To convert patches only, their blocks of samples are copied side by side into
one small *mosaic* frame of the same format, and that is converted. Blocks are aligned to the chroma grid, and
where swscale interpolates chroma they carry a rim of neighbouring samples, so every pixel equals that of the
whole frame's conversion with swscale's default flags.

A frame whose size is no multiple of its chroma grid (odd sides) is defined as the frame padded to the
multiple by repeating the last row or column, converted, and cut: swscale itself silently stretches chroma
there. Alpha is dropped. High dynamic range (PQ, HLG) is *not* tone-mapped: its code values are read as they
are. Samples of more than 8 bits become 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import av
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from sslvqa.video.layout import FormatLayout, copy_block, format_layout, plane_cells, plane_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ColorMatrix", "Converter"]

ColorMatrix = Literal["bt601", "bt709", "bt2020"]

_COLORSPACE = {"bt601": 5, "bt709": 1, "bt2020": 9}  # swscale's SWS_CS_*; PyAV 16 names not all of them
_LEAST_PX = 16  # below this, swscale's filters see the border of the mosaic
_MOSAIC_WIDTH_PX = 16_384
_TINY_PX = 8
_EXPANDED = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
_SINCE_17 = int(av.__version__.split(".")[0]) >= 17
_THREADS: dict[str, Any] = {"threads": 1} if _SINCE_17 else {}  # for a small mosaic threads only cost


class Converter:
    """Converts frames, or blocks of them, to RGB; keeps one swscale context and counts pixels.

    Attributes:
        pixels_converted: Pixels handed to swscale so far, rims included.
    """

    def __init__(self) -> None:
        self.pixels_converted = 0
        self._reformatter = VideoReformatter()
        self._seeds: dict[tuple[str, bool], av.VideoFrame] = {}
        self._canvases: dict[tuple[str, bool], av.VideoFrame] = {}

    def blocks(
        self,
        frame: av.VideoFrame,
        tops: Sequence[int],
        lefts: Sequence[int],
        height: int,
        width: int,
        *,
        matrix: ColorMatrix,
        full_range: bool,
    ) -> NDArray[np.uint8]:
        """Convert equally large blocks of a coded frame.

        Returns:
            uint8 ``(n, 3, height, width)``.
        """
        out = np.empty((len(tops), 3, height, width), np.uint8)
        layout = _layout_of(frame)
        if layout is None or any(plane.line_size < 0 for plane in frame.planes):
            whole = self.packed(frame, matrix=matrix, full_range=full_range)
            for i, (top, left) in enumerate(zip(tops, lefts, strict=True)):
                out[i] = whole[top : top + height, left : left + width].transpose(2, 0, 1)
            return out
        block_width = _padded(width, layout.step_x, layout.rim_x)
        chunk = max(_MOSAIC_WIDTH_PX // block_width, 1)
        for start in range(0, len(tops), chunk):
            part = slice(start, start + chunk)
            mosaic = self._mosaic(frame, layout, tops[part], lefts[part], height=height, width=width)
            rgb = self.packed(mosaic, matrix=matrix, full_range=full_range)
            tiles = rgb.reshape(rgb.shape[0], -1, block_width, 3)
            for i, (top, left) in enumerate(zip(tops[part], lefts[part], strict=True)):
                y = top % layout.step_y + layout.rim_y * layout.step_y
                x = left % layout.step_x + layout.rim_x * layout.step_x
                out[start + i] = tiles[y : y + height, i, x : x + width].transpose(2, 0, 1)
        return out

    def whole(self, frame: av.VideoFrame, *, matrix: ColorMatrix, full_range: bool) -> NDArray[np.uint8]:
        """Convert a coded frame to uint8 ``(3, H, W)``."""
        layout = _layout_of(frame)
        if layout is not None and (frame.width % layout.step_x or frame.height % layout.step_y):
            height, width = frame.height, frame.width
            padded = self.blocks(frame, [0], [0], height, width, matrix=matrix, full_range=full_range)
            one: NDArray[np.uint8] = padded[0]
            return one
        rgb = self.packed(frame, matrix=matrix, full_range=full_range)
        return np.ascontiguousarray(rgb.transpose(2, 0, 1))

    def packed(self, frame: av.VideoFrame, *, matrix: ColorMatrix, full_range: bool) -> NDArray[np.uint8]:
        """Convert all of a frame with swscale, uint8 ``(H, W, 3)``; an odd size as swscale takes it."""
        self.pixels_converted += frame.width * frame.height
        if frame.format.is_rgb or frame.format.has_palette:
            return _packed_rgb(self._reformatter.reformat(frame, format="rgb24", **_THREADS))
        # RGB has no matrix; but PyAV 16 honours the source's only when the two differ
        rgb = _packed_rgb(
            self._reformatter.reformat(
                frame,
                format="rgb24",
                src_colorspace=_COLORSPACE[matrix],
                dst_colorspace=_COLORSPACE["bt709" if matrix == "bt601" else "bt601"],
                src_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
                dst_color_range=ColorRange.JPEG,
                **_THREADS,
            )
        )
        if not full_range and len(frame.format.components) < 3:
            rgb = np.take(_EXPANDED, rgb)  # swscale takes every gray for full range
        return rgb

    def _mosaic(
        self,
        frame: av.VideoFrame,
        layout: FormatLayout,
        tops: Sequence[int],
        lefts: Sequence[int],
        *,
        height: int,
        width: int,
    ) -> av.VideoFrame:
        """Copy the samples of all blocks, with their rims, side by side into one frame of the same format."""
        block_height = _padded(height, layout.step_y, layout.rim_y)
        block_width = _padded(width, layout.step_x, layout.rim_x)
        mosaic = self._canvas(frame, layout, block_height, block_width * len(tops))
        y0 = [(top // layout.step_y - layout.rim_y) * layout.step_y for top in tops]
        x0 = [(left // layout.step_x - layout.rim_x) * layout.step_x for left in lefts]
        targets, sources = mosaic.planes, frame.planes
        for plane, source, target in zip(layout.planes, sources, targets, strict=False):
            cells_x, cells_y = block_width >> plane.shift_x, block_height >> plane.shift_y
            held_x, held_y = -(-frame.width >> plane.shift_x), -(-frame.height >> plane.shift_y)
            cells = plane_cells(source, held_y, held_x, plane.cell_bytes)
            tiles = plane_cells(target, cells_y, cells_x * len(tops), plane.cell_bytes)
            for i, (y, x) in enumerate(zip(y0, x0, strict=True)):
                tile = tiles[:, i * cells_x : (i + 1) * cells_x]
                copy_block(cells, tile, y >> plane.shift_y, x >> plane.shift_x, fields=layout.fields)
        if layout.palette:
            palette: Any = sources[-1]
            targets[-1].update(bytes(palette))
        return mosaic

    def _canvas(self, frame: av.VideoFrame, layout: FormatLayout, height: int, width: int) -> av.VideoFrame:
        """An empty frame of the same format, chroma siting and interlacing.

        PyAV cannot set the siting of a new frame, but scaling hands it on: hence the detour over a tiny copy,
        made once a video.
        """
        name, interlaced = frame.format.name, frame.interlaced_frame
        if layout.step_x == 1 or (layout.rim_x == 0 and not interlaced):
            return av.VideoFrame(width, height, name)  # siting plays no part
        key = (name, interlaced)
        canvas = self._canvases.get(key)
        if canvas is None or (canvas.width, canvas.height) != (width, height):
            if key not in self._seeds:
                self._seeds[key] = VideoReformatter().reformat(frame, width=_TINY_PX, height=_TINY_PX)
            canvas = VideoReformatter().reformat(self._seeds[key], width=width, height=height)
            self._canvases[key] = canvas
        return canvas


def _layout_of(frame: av.VideoFrame) -> FormatLayout | None:
    """Layout of a frame; swscale takes fields one by one since PyAV 17."""
    return format_layout(frame.format.name, interlaced=_SINCE_17 and frame.interlaced_frame)


def _padded(size: int, step: int, rim: int) -> int:
    """Length that holds ``size`` pixels from any start, aligned to ``step``, with its rims."""
    return (max(size, _LEAST_PX) + 2 * step - 2) // step * step + 2 * rim * step


def _packed_rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """View of an rgb24 frame, uint8 ``(H, W, 3)``."""
    plane = frame.planes[0]
    rows = plane_rows(plane)[: frame.height, : 3 * frame.width]
    pixels: NDArray[np.uint8] = rows.reshape(frame.height, frame.width, 3)
    return pixels
