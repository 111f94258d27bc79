"""Decoded frames kept in a folder, so that a training decodes each of them once.

The coded planes are kept as they left the decoder: half the size of RGB at 4:2:0, and the pixels cut from
them are the same to the last bit. Videos come round in turn, where replacing old frames by new ones would
leave none to be found again: once the folder is full, nothing more is kept.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import multiprocessing
import os
import shutil
import uuid
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

import numpy as np

from sslvqa.errors import ConfigError
from sslvqa.video.convert import Converter
from sslvqa.video.frames import Planes, VideoInfo
from sslvqa.video.orientation import UPRIGHT, Orientation
from sslvqa.video.plan import checked_indices
from sslvqa.video.raw import RawGeometry, fill_frame, frame_bytes
from sslvqa.video.reader import Video, open_video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["FrameCache", "coded_planes", "kept_exactly", "open_frames"]

_logger = logging.getLogger(__name__)
_FORM = 2  # of an entry; those of another form are left alone
_PLAIN = frozenset({"yuv420p", "yuv422p", "yuv444p"})
"""Formats whose pixels depend on nothing but the planes: 8 bits, chroma repeated and not interpolated."""
_DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class FrameCache:
    """A folder of decoded frames, shared by the processes that read for a run, and by later runs.

    Args:
        folder: Made when it does not exist; to be deleted by hand when it is no longer wanted.
        max_bytes: The most that it may hold, for each process of a distributed run.

    Raises:
        ConfigError: ``max_bytes`` is not positive.
    """

    def __init__(self, folder: Path | str, *, max_bytes: int) -> None:
        if max_bytes < 1:
            raise ConfigError(f"max_bytes is {max_bytes}; a cache of frames holds at least 1 byte")
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        used = sum(map(_used_bytes, self._folder.glob("*/frames.bin")))
        self._left = multiprocessing.Value("q", max(max_bytes - used, 0))  # one number for all workers

    def open(self, path: Path, *, geometry: RawGeometry | None = None) -> Video:
        """Open a video as :func:`open_video` does; the file itself only for frames that are not here.

        A video that cannot be kept exactly (headerless, damaged, interlaced, of more than 8 bits) is opened
        as always.
        """
        if geometry is not None:
            return open_video(path, geometry=geometry, threads=1)
        state = path.stat() if path.exists() else None
        identity = [_FORM, str(path.resolve()), state and state.st_size, state and state.st_mtime_ns]
        entry = self._folder / hashlib.blake2b(json.dumps(identity).encode(), digest_size=16).hexdigest()
        if (entry / "facts.json").is_file():
            return _CachedVideo(self, path, entry)
        video = open_video(path, threads=1)
        info = video.info
        if not kept_exactly(info):
            return video
        return _CachedVideo(self, path, entry, video)

    def take(self, count: int) -> bool:
        """Take ``count`` bytes of what may still be kept; False if there are not as many."""
        with self._left.get_lock():
            if self._left.value < count:
                return False
            self._left.value -= count
            return True

    def give_back(self, count: int) -> None:
        """Undo :meth:`take`: nothing was kept."""
        with self._left.get_lock():
            self._left.value += count

    def stop(self) -> None:
        """Keep nothing more: the disk is full."""
        _logger.warning("%s: the disk is full; no more frames are kept", self._folder)
        self._left.value = 0


def kept_exactly(info: VideoInfo) -> bool:
    """Whether the coded planes of a video's frames are all that its pixels depend on."""
    return info.pixel_format in _PLAIN and not (info.damaged or info.interlaced)


def coded_planes(video: Video) -> NDArray[np.uint8] | None:
    """The planes of all frames, one after the other, as a headerless file holds them.

    None unless the video was opened through a cache that has all of them, upright.
    """
    return video.coded() if isinstance(video, _CachedVideo) else None


def open_frames(path: Path, cache: FrameCache | None, *, geometry: RawGeometry | None = None) -> Video:
    """Open a video with one thread, through the cache if there is one."""
    if cache is not None:
        return cache.open(path, geometry=geometry)
    return open_video(path, geometry=geometry, threads=1)


class _CachedVideo:
    """A video some of whose frames are in the cache; the others are decoded, and join them."""

    info: VideoInfo
    timestamps_seconds: NDArray[np.float64]

    def __init__(self, cache: FrameCache, path: Path, entry: Path, video: Video | None = None) -> None:
        self._cache, self._path, self._entry, self._video = cache, path, entry, video
        self._converter = Converter()
        self.frames_decoded = 0
        self._files: tuple[BinaryIO, BinaryIO] | None = None
        self.warnings: list[str] = [] if video is None else video.warnings
        if video is None:
            self._open_entry()
        else:
            self.info, self.timestamps_seconds = video.info, video.timestamps_seconds

    @property
    def pixels_converted(self) -> int:
        """Pixels converted to RGB so far."""
        own = self._converter.pixels_converted
        return own if self._video is None else own + self._video.pixels_converted

    def frames(self, indices: Sequence[int]) -> Iterator[Planes]:
        """Yield the frames of these numbers; see :meth:`sslvqa.video.reader.Video.frames`."""
        numbers = checked_indices(indices, self.info.frame_count, name=self.info.path)
        held = self._held()
        missing = [number for number in numbers if not held[number]]
        decoded = self._decode(missing)
        for number in numbers:
            yield self._load(number) if held[number] else next(decoded)

    def coded(self) -> NDArray[np.uint8] | None:
        """See :func:`coded_planes`."""
        if self._files is None or not self._held().all() or self._orientation != UPRIGHT:
            return None
        return np.fromfile(self._entry / "frames.bin", np.uint8)

    def close(self) -> None:
        """Close the file and the cache's."""
        if self._video is not None:
            self._video.close()
        for file in self._files or ():
            file.close()
        self._files = None

    def __enter__(self) -> Self:
        """Return the video itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the video."""
        self.close()

    @property
    def _geometry(self) -> RawGeometry:
        info = self.info
        return RawGeometry(info.coded_width_px, info.coded_height_px, pixel_format=info.pixel_format)

    def _held(self) -> NDArray[np.uint8]:
        if self._files is None and (self._entry / "facts.json").is_file():
            self._open_entry()
        if self._files is None:
            return np.zeros(self.info.frame_count, np.uint8)
        return np.frombuffer(os.pread(self._files[1].fileno(), self.info.frame_count, 0), np.uint8)

    def _decode(self, missing: list[int]) -> Iterator[Planes]:
        if missing and self._video is None:
            self._video = open_video(self._path, threads=1)
        if self._video is None:
            return
        for planes in self._video.frames(missing):
            self.frames_decoded = self._video.frames_decoded
            self._keep(planes)
            yield planes

    def _keep(self, planes: Planes) -> None:
        frame, geometry = planes.coded, self._geometry
        as_described = (frame.width, frame.height, frame.format.name) == (
            *(geometry.width_px, geometry.height_px),
            geometry.pixel_format,
        )
        whole = planes.source_index == planes.index and not frame.is_corrupt and not frame.interlaced_frame
        if not (as_described and whole and self._cache.take(geometry.frame_bytes)):
            return
        try:
            if self._files is None:
                self._make_entry(planes.orientation)
                self._open_entry()
            assert self._files is not None
            pixels, held = (file.fileno() for file in self._files)
            os.pwrite(pixels, frame_bytes(geometry, frame), planes.index * geometry.frame_bytes)
            os.pwrite(held, b"\1", planes.index)  # only now: whoever sees it finds the frame whole
        except OSError as error:
            if error.errno in _DISK_IS_FULL:
                self._cache.stop()
            else:
                self._cache.give_back(geometry.frame_bytes)
                _log_not_kept(self._entry.parent, error.strerror)

    def _load(self, number: int) -> Planes:
        assert self._files is not None
        geometry = self._geometry
        size = geometry.frame_bytes
        return Planes(
            fill_frame(geometry, os.pread(self._files[0].fileno(), size, number * size)),
            index=number,
            pts_seconds=float(self.timestamps_seconds[number]),
            matrix=self.info.color_matrix,
            full_range=self.info.full_range,
            orientation=self._orientation,
            converter=self._converter,
        )

    def _make_entry(self, orientation: Orientation) -> None:
        """Lay out the video's folder; it appears whole, and only once if several do the same."""
        scratch = self._entry.with_name(f"{self._entry.name}.{uuid.uuid4().hex}.part")
        scratch.mkdir()
        facts = {"info": asdict(self.info), "orientation": asdict(orientation)}
        (scratch / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
        np.asarray(self.timestamps_seconds, dtype="<f8").tofile(scratch / "times.f64")
        for name, size in (("frames.bin", self._geometry.frame_bytes), ("held.bin", 1)):
            with (scratch / name).open("wb") as file:
                file.truncate(size * self.info.frame_count)  # holes, which take no space
        try:
            scratch.rename(self._entry)
        except OSError:
            shutil.rmtree(scratch)
            if not self._entry.is_dir():
                raise

    def _open_entry(self) -> None:
        facts = json.loads((self._entry / "facts.json").read_text(encoding="utf-8"))
        self.info = VideoInfo(**facts["info"])
        self._orientation = Orientation(**facts["orientation"])
        # not np.load: it parses Python, which CPython 3.11 cannot always do in several threads (gh-106905)
        self.timestamps_seconds = np.fromfile(self._entry / "times.f64", dtype="<f8")
        files = ((self._entry / name).open("r+b", buffering=0) for name in ("frames.bin", "held.bin"))
        pixels, held = files
        self._files = pixels, held


@lru_cache(maxsize=16)
def _log_not_kept(folder: Path, cause: str | None) -> None:
    """Say once for each cause that frames are decoded again and again."""
    _logger.warning("%s: frames cannot be kept (%s)", folder, cause)


def _used_bytes(file: Path) -> int:
    """What a file takes; 0 if another process has just moved it to its place."""
    try:
        return file.stat().st_blocks * 512
    except FileNotFoundError:
        return 0
