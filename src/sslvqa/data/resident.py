"""Decoded frames in the memory of a device, and views cut from them there.

A small network on a large GPU takes thousands of views a second, which no number of reading processes gives.
The coded planes of a few thousand short videos fit in its memory (12 bits a pixel at 4:2:0); what is read for
a step is then where its views lie, and cutting and conversion to RGB are a gather on the device. Its RGB is
that of :mod:`sslvqa.video.convert` to within rounding: two levels of 255, where swscale is less exact.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor

from sslvqa.errors import ConfigError, UnreadableVideoError
from sslvqa.video.cache import open_frames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sslvqa.sampling import ViewGeometry, ViewPlan
    from sslvqa.video import RawGeometry, Video
    from sslvqa.video.cache import FrameCache
    from sslvqa.video.frames import Planes, VideoInfo

__all__ = ["DeviceFrames", "HeldVideo", "view_places"]

_PLAIN = {"yuv420p": (1, 1), "yuv422p": (1, 0), "yuv444p": (0, 0)}
"""Formats kept as they are: log2 of the pixels that a chroma sample spans, across and down."""
_LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
"""Weights of red and blue in luma."""
_TRUNCATED = np.array([1.0, 1.5, 1.0])
"""How far swscale's quick conversion (of subsampled chroma) is below the exact RGB, measured."""
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


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the frames of a video lie in the store."""

    shift_x: int
    shift_y: int
    matrix: NDArray[np.float32]
    """``(3, 4)``: RGB from the three planes and 1."""

    @classmethod
    def of(cls, info: VideoInfo) -> Self:
        """Planes as coded where that is simple, else RGB."""
        if not _kept_as_coded(info):
            return cls(0, 0, np.eye(3, 4, dtype=np.float32))
        return cls(*_PLAIN[info.pixel_format], _rgb_matrix(info))

    def sizes(self, info: VideoInfo) -> tuple[int, int]:
        """Samples of the first plane and of each of the others."""
        chroma = (-(-info.height_px >> self.shift_y)) * (-(-info.width_px >> self.shift_x))
        return info.height_px * info.width_px, chroma


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
            found = pool.map(lambda item: _facts(item[0], item[1], cache), files.items())
            infos = dict(zip(files, found, strict=True))
            layouts = [_Layout.of(info) for info in infos.values()]
            sizes = [layout.sizes(info) for layout, info in zip(layouts, infos.values(), strict=True)]
            frame_bytes = [luma + 2 * chroma for luma, chroma in sizes]
            counts = [info.frame_count for info in infos.values()]
            ends = np.cumsum([size * count for size, count in zip(frame_bytes, counts, strict=True)])
            total = int(ends[-1]) if len(ends) else 0
            if total > max_bytes:
                raise ConfigError(
                    f"the frames of {len(infos)} videos take {total / 1e9:.1f} GB, device_gigabytes allows "
                    f"{max_bytes / 1e9:.1f}; raise it if the device has the memory, else leave it out and "
                    "set cache"
                )
            store = torch.empty(total, dtype=torch.uint8, device=device)

            def load(number: int, path: Path) -> None:
                end = int(ends[number])
                first = end - frame_bytes[number] * counts[number]
                store[first:end] = torch.from_numpy(_planes(path, files[path], cache, counts[number]))

            list(pool.map(load, range(len(infos)), infos))
        table = [
            (
                *(end - size * info.frame_count, size, info.height_px, info.width_px),
                *(luma, chroma, layout.shift_x, layout.shift_y),
            )
            for end, size, info, (luma, chroma), layout in zip(
                ends.tolist(), frame_bytes, infos.values(), sizes, layouts, strict=True
            )
        ]
        held = {
            path: HeldVideo(number, info.height_px, info.width_px, info.frame_count)
            for number, (path, info) in enumerate(infos.items())
        }
        matrices = torch.from_numpy(np.stack([layout.matrix for layout in layouts]))
        numbers = torch.tensor(table, dtype=torch.int64).to(device)
        return cls(store, numbers, matrices.to(device), geometry=geometry), held

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
        frames = torch.where((head[:, 1:2] & 8) > 0, frames.flip(1), frames)
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
        mirrored = torch.where((turn & 1) > 0, places.flip(-1), places)
        mirrored = torch.where((turn & 2) > 0, mirrored.flip(-2), mirrored)
        pair.append(torch.where((turn & 4) > 0, mirrored.transpose(-1, -2), mirrored))
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


def _facts(path: Path, geometry: RawGeometry | None, cache: FrameCache | None) -> VideoInfo:
    with open_frames(path, cache, geometry=geometry) as video:
        return video.info


def _planes(
    path: Path, geometry: RawGeometry | None, cache: FrameCache | None, count: int
) -> NDArray[np.uint8]:
    """All frames of a video, one after the other."""
    if cache is not None and geometry is None and (coded := cache.coded(path)) is not None:
        return coded
    with open_frames(path, cache, geometry=geometry) as video:
        frames = [_frame(video, planes) for planes in video.frames(range(count))]
    if len(frames) != count:
        raise UnreadableVideoError(f"{path}: {count - len(frames)} frames did not decode; repair the file")
    return np.concatenate(frames)


def _frame(video: Video, planes: Planes) -> NDArray[np.uint8]:
    if not _kept_as_coded(video.info):
        return planes.rgb().ravel()
    parts = [planes.orientation.apply(part) for part in planes.yuv() if part is not None]
    return np.concatenate([part.ravel() for part in parts])


def _kept_as_coded(info: VideoInfo) -> bool:
    turned = info.rotation_degrees or (info.coded_height_px, info.coded_width_px) != (
        *(info.height_px, info.width_px),
    )
    return info.pixel_format in _PLAIN and not (turned or info.interlaced or info.damaged)


def _rgb_matrix(info: VideoInfo) -> NDArray[np.float32]:
    """``(3, 4)``: RGB on 0..255 from Y, U, V and 1 (ITU-R BT.601, BT.709, BT.2020)."""
    red, blue = _LUMA[info.color_matrix]
    green = 1 - red - blue
    luma, chroma, black = (1.0, 1.0, 0.0) if info.full_range else (255 / 219, 255 / 224, 16.0)
    from_v, from_u = 2 * (1 - red) * chroma, 2 * (1 - blue) * chroma
    matrix = np.array(
        [
            [luma, 0.0, from_v],
            [luma, -from_u * blue / green, -from_v * red / green],
            [luma, from_u, 0.0],
        ]
    )
    offset = matrix @ np.array([black, 128.0, 128.0]) + (info.chroma != "444") * _TRUNCATED
    return np.concatenate([matrix, -offset[:, None]], axis=1).astype(np.float32)
