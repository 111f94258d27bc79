"""Decoded frames in the memory of a device, and views cut from them there.

A small network on a large GPU takes thousands of views a second, which no number of reading processes gives.
The coded planes of a few thousand short videos fit in its memory (12 bits a pixel at 4:2:0); what is read for
a step is then where its views lie, and cutting and conversion to RGB are a gather on the device. Its RGB is
that of :mod:`sslvqa.video.convert` to within 3 of 255 levels: swscale's quick conversion is less exact.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from sslvqa.errors import ConfigError
from sslvqa.sampling.turns import COLUMNS, ROWS, SWAP, TIME
from sslvqa.video.planar import PlaneLayout, probe_through, read_planes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sslvqa.sampling import ViewGeometry, ViewPlan
    from sslvqa.video import RawGeometry
    from sslvqa.video.cache import FrameCache
    from sslvqa.video.frames import VideoInfo

__all__ = ["DeviceFrames", "HeldVideo", "view_places"]

_VIEWS_AT_ONCE = 32
_HEAD = 4  # numbers of a place before frames, tops and lefts


@dataclass(frozen=True, slots=True)
class HeldVideo:
    """What planning needs to know of a video whose frames are held."""

    number: int
    """Place in the store."""
    height_px: int
    """Height as displayed."""
    width_px: int
    """Width as displayed."""
    frame_count: int


class _Block(NamedTuple):
    """Where the frames of a video lie in the store."""

    info: VideoInfo
    layout: PlaneLayout
    first: int
    """Byte."""

    @property
    def frame_bytes(self) -> int:
        luma, chroma = self.layout.sizes(self.info)
        return luma + 2 * chroma

    @property
    def stop(self) -> int:
        return self.first + self.frame_bytes * self.info.frame_count

    @property
    def row(self) -> tuple[int, ...]:
        """Of the table of :class:`DeviceFrames`."""
        info, layout = self.info, self.layout
        return (
            *(self.first, self.frame_bytes, info.height_px, info.width_px),
            *(*layout.sizes(info), layout.shift_x, layout.shift_y),
        )


def _place(infos: Iterable[VideoInfo]) -> list[_Block]:
    """One video after the other."""
    blocks: list[_Block] = []
    for info in infos:
        blocks.append(_Block(info, PlaneLayout.of(info), blocks[-1].stop if blocks else 0))
    return blocks


class DeviceFrames:
    """The frames of some videos on a device.

    Args:
        store: uint8, all planes of all frames of all videos, one after the other.
        table: int64 ``(videos, 8)``: first byte, bytes a frame, height, width, samples of luma and of each
            chroma plane, and log2 of the pixels that a chroma sample spans across and down.
        matrices: float32 ``(videos, 3, 4)``: RGB from the three planes and 1.
        geometry: Shape of the views.
    """

    def __init__(self, store: Tensor, table: Tensor, matrices: Tensor, *, geometry: ViewGeometry) -> None:
        self._store, self._table, self._matrices = store, table, matrices
        self._grid, self._size = geometry.grid, geometry.fragment_px

    @classmethod
    def read(
        cls,
        files: Mapping[Path, RawGeometry | None],
        *,
        geometry: ViewGeometry,
        device: torch.device,
        max_bytes: int,
        cache: FrameCache | None = None,
    ) -> tuple[Self, Mapping[Path, HeldVideo]]:
        """Decode all frames of some videos.

        Args:
            files: The videos, headerless ones with their geometry.
            geometry: Shape of the views to come.
            device: Where they go.
            max_bytes: The most that they may take there.
            cache: Has some of them decoded already.

        Returns:
            The frames, and what planning needs to know of each video.

        Raises:
            ConfigError: They take more than ``max_bytes``.
            UnreadableVideoError: A video cannot be decoded to its end.
        """
        with ThreadPoolExecutor(min(32, 2 * (os.cpu_count() or 1))) as pool:
            infos = pool.map(lambda item: probe_through(item[0], item[1], cache), files.items())
            blocks = _place(infos)
            total = blocks[-1].stop if blocks else 0
            if total > max_bytes:
                raise ConfigError(
                    f"the frames of {len(blocks)} videos take {total / 1e9:.1f} GB, device_gigabytes allows "
                    f"{max_bytes / 1e9:.1f}; raise it if the device has the memory, else leave it out and "
                    "set cache"
                )
            store = torch.empty(total, dtype=torch.uint8, device=device)

            def load(path: Path, block: _Block) -> None:
                planes = read_planes(path, files[path], cache, block.info.frame_count)
                store[block.first : block.stop] = torch.from_numpy(planes)

            list(pool.map(load, files, blocks))
        held = {
            path: HeldVideo(number, block.info.height_px, block.info.width_px, block.info.frame_count)
            for number, (path, block) in enumerate(zip(files, blocks, strict=True))
        }
        table = torch.tensor([block.row for block in blocks], dtype=torch.int64)
        matrices = torch.from_numpy(np.stack([block.layout.matrix for block in blocks]))
        return cls(store, table.to(device), matrices.to(device), geometry=geometry), held

    def views(self, places: Tensor) -> Tensor:
        """Cut views.

        Args:
            places: int32 ``(..., K)`` on the CPU, as :func:`view_places` gives them.

        Returns:
            uint8 RGB ``(..., 3, T, S, S)`` on the device.
        """
        flat = places.flatten(0, -2)
        parts = [self._cut(part) for part in torch.split(flat, _VIEWS_AT_ONCE)]
        views = torch.cat(parts)
        return views.view(*places.shape[:-1], *views.shape[1:])

    def _cut(self, places: Tensor) -> Tensor:
        enlarged = bool((places[:, 2] > 0).any())
        moved = places.to(self._store.device, torch.int64, non_blocking=True)
        facts = self._table[moved[:, 0]].view(-1, 8, 1, 1, 1).unbind(1)
        times = len(places[0]) - _HEAD - 2 * self._grid**2
        head, frames, tops, lefts = torch.split(moved, [_HEAD, times, self._grid**2, self._grid**2], dim=1)
        rows, columns = self._expanded(tops, axis=0), self._expanded(lefts, axis=1)
        rows, columns = _turned(rows, columns, head[:, 1].view(-1, 1, 1))
        frames = torch.where((head[:, 1:2] & TIME) > 0, frames.flip(1), frames)
        matrix = self._matrices[moved[:, 0]].view(-1, 3, 4, 1, 1, 1)
        start = facts[0] + facts[1] * frames.view(-1, times, 1, 1)

        def pixels(row: Tensor, column: Tensor) -> Tensor:
            return self._pixels(start, row.unsqueeze(1), column.unsqueeze(1), facts, matrix)

        if not enlarged:
            return (pixels(rows, columns) + 0.5).clamp_(0, 255).to(torch.uint8)
        top, bottom, down = _neighbours(rows, facts[2][:, 0], head[:, 2])
        left, right, across = _neighbours(columns, facts[3][:, 0], head[:, 3])
        blended = torch.zeros((), device=moved.device)
        for row, tall in ((top, 1 - down), (bottom, down)):
            for column, wide in ((left, 1 - across), (right, across)):
                whole = (pixels(row, column) + 0.5).clamp_(0, 255).floor_()
                blended = blended + whole * (tall * wide)[:, None, None]
        return (blended + 0.5).to(torch.uint8)

    def _expanded(self, starts: Tensor, *, axis: int) -> Tensor:
        """Row (axis 0) or column (1) of every pixel of the views, ``(B, S, S)``."""
        grid = starts.view(-1, self._grid, self._grid)
        corners = grid.repeat_interleave(self._size, 1).repeat_interleave(self._size, 2)
        inside = torch.arange(corners.shape[1], device=starts.device) % self._size
        return corners + (inside[:, None] if axis == 0 else inside[None, :])

    def _pixels(
        self, start: Tensor, row: Tensor, column: Tensor, facts: Sequence[Tensor], matrix: Tensor
    ) -> Tensor:
        """RGB ``(B, 3, T, S, S)`` as float32, not rounded."""
        width, luma, chroma, shift_x, shift_y = (part[:, 0] for part in facts[3:])
        width, luma, chroma, shift_x, shift_y = (
            part.unsqueeze(1) for part in (width, luma, chroma, shift_x, shift_y)
        )
        wide = (width + (1 << shift_x) - 1) >> shift_x
        first = start + row * width + column
        second = start + luma + (row >> shift_y) * wide + (column >> shift_x)
        planes = [self._store[place].float() for place in (first, second, second + chroma)]
        return torch.stack(
            [
                sum((weight[:, plane] * planes[plane] for plane in range(3)), start=weight[:, 3])
                for weight in matrix.unbind(1)
            ],
            dim=1,
        )


def view_places(video: HeldVideo, plans: Sequence[ViewPlan], turns: Sequence[int]) -> Tensor:
    """Where views lie: video, turn, size after enlargement (0 if there is none), frames, tops and lefts.

    Returns:
        int32 ``(views, K)``.
    """
    return torch.tensor(
        [
            (
                video.number,
                turn,
                *((plan.fragments.height_px, plan.fragments.width_px) if plan.fragments.enlarged else (0, 0)),
                *plan.clip.indices,
                *(top for row in plan.fragments.tops for top in row),
                *(left for row in plan.fragments.lefts for left in row),
            )
            for plan, turn in zip(plans, turns, strict=True)
        ],
        dtype=torch.int32,
    )


def _turned(rows: Tensor, columns: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
    """Places ``(B, S, S)`` of the pixels of turned views, see :mod:`sslvqa.sampling.turns`."""
    pair = []
    for places in (rows, columns):
        mirrored = torch.where((turn & COLUMNS) > 0, places.flip(-1), places)
        mirrored = torch.where((turn & ROWS) > 0, mirrored.flip(-2), mirrored)
        pair.append(torch.where((turn & SWAP) > 0, mirrored.transpose(-1, -2), mirrored))
    return pair[0], pair[1]


def _neighbours(places: Tensor, source: Tensor, enlarged: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Source pixels before and after places along an enlarged side, and the weight of the latter.

    A side that is not enlarged (0) has itself and no weight.
    """
    side = torch.where(enlarged > 0, enlarged, source.flatten()).view(-1, 1, 1)
    last = (source - 1).float()
    exact = torch.minimum(((places + 0.5) * (source / side) - 0.5).clamp_min(0), last)
    before = exact.long()
    return before, torch.minimum(before + 1, source - 1), exact - before
