"""The default backend: any container that FFmpeg reads, through PyAV."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, BinaryIO, Self

import av
import av.error

from sslvqa.errors import UnreadableVideoError
from sslvqa.video.convert import Converter
from sslvqa.video.frames import Planes, VideoInfo
from sslvqa.video.guard import Limits, open_container, pick_stream
from sslvqa.video.index import scan_packets
from sslvqa.video.orientation import frame_orientation
from sslvqa.video.plan import checked_indices
from sslvqa.video.probe import color_matrix_of, describe, full_range_of, missing_seconds
from sslvqa.video.session import DecodeSession

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    import numpy as np
    from av.container import InputContainer
    from numpy.typing import NDArray

__all__ = ["PyavVideo"]


class PyavVideo:
    """Frame-exact access to one video file.

    Frames are numbered by the packet index. A seek is trusted only when the first decoded frame's timestamp
    is in the index and not after the wanted frame; otherwise an earlier key frame is tried, and at last the
    file is decoded from its start. Streams without reliable timestamps are always decoded from the start.

    A frame that cannot be decoded is replaced by the nearest decoded one before it (the first one after it at
    the very start), and :attr:`warnings` says so. Damaged files are decoded with one thread: which frames
    come out of them depends on the number of threads.

    Attributes:
        info: What is known of the video.
        warnings: Everything that was wrong but could be lived with, in the order it was found.
        frames_decoded: Frames that the decoder delivered to :meth:`frames` so far, unwanted ones included.
    """

    def __init__(self, file: BinaryIO, *, name: str, owned: bool, limits: Limits, threads: int) -> None:
        self._file, self._name, self._owned = file, name, owned
        self._limits, self._threads = limits, threads
        self._converter = Converter()
        self._session: DecodeSession | None = None
        self._container: InputContainer | None = None
        self._wanted: frozenset[int] = frozenset()
        self._faulty = False
        self.frames_decoded = 0
        self.warnings: list[str] = []
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        limits, name = self._limits, self._name
        self._reopen()
        container, stream = self._container, self._stream
        if container is None:
            raise UnreadableVideoError(f"{name}: the video is closed; open it again")
        self._index, first = scan_packets(container, stream, name=name, limits=limits)
        self._orientation, honoured = frame_orientation(first)
        if not honoured:
            self._warn("the rotation is no multiple of 90 degrees and is not applied")
        self._check_convertible(first)
        self._size = (first.width, first.height)
        self._matrix, self._full_range = color_matrix_of(first), full_range_of(first)
        self.timestamps_seconds: NDArray[np.float64] = self._index.timestamps_seconds
        damage = list(self._index.damage)
        seconds = float(self.timestamps_seconds[-1]) + self._index.last_ticks * float(self._index.time_base)
        missing = missing_seconds(container, stream, seconds)
        if missing:
            damage.append(f"the header announces {missing:.2f} s more than the file holds")
        self.info: VideoInfo = describe(
            container,
            stream,
            first,
            self._index,
            name=name,
            orientation=self._orientation,
            damage=damage,
        )
        limits.check_duration(self.info.duration_seconds, name=name)
        for note in damage:
            self._warn(note)
        if damage and self._threads != 1:
            self._use_one_thread()

    def _check_convertible(self, frame: av.VideoFrame) -> None:
        try:
            Converter().blocks(frame, [0], [0], 1, 1, matrix="bt601", full_range=False)
        except av.error.FFmpegError as error:
            raise UnreadableVideoError(
                f"{self._name}: pixel format {frame.format.name} cannot become RGB; convert the file first"
            ) from error

    def _reopen(self) -> None:
        """Open the container at its start, with a fresh decoder."""
        if self._container is not None:
            self._container.close()
        self._container = open_container(self._file, name=self._name, limits=self._limits)
        self._stream = pick_stream(self._container, name=self._name, limits=self._limits)
        context = self._stream.codec_context
        context.options = {**context.options, "max_pixels": str(self._limits.decoder_pixels)}
        self._stream.thread_type = "AUTO" if self._threads != 1 else "NONE"
        self._stream.thread_count = self._threads

    def _use_one_thread(self) -> None:
        """Begin anew with a decoder of one thread."""
        self._threads = 1
        self._session = None
        self._reopen()

    @property
    def pixels_converted(self) -> int:
        """Pixels converted to RGB so far, the rims that interpolation needs included."""
        return self._converter.pixels_converted

    def frames(self, indices: Sequence[int]) -> Iterator[Planes]:
        """Decode the frames of these numbers.

        Args:
            indices: Frame numbers in any order, repetitions allowed.

        Yields:
            Each frame once, in increasing order.

        Raises:
            ValueError: A number is outside ``[0, info.frame_count)``.
            UnreadableVideoError: Nothing decodes, or the video is closed.
            VideoLimitError: A frame is larger, or takes longer, than allowed.
        """
        numbers = checked_indices(indices, self.info.frame_count, name=self._name)
        wanted = frozenset(numbers)
        for number in numbers:
            if self._wanted is not wanted:  # also after frames of another call that is read in turn
                self._wanted = wanted
                if self._session is not None:
                    self._session.want(wanted)
            yield self._planes(number, *self._fetch(number))

    def close(self) -> None:
        """Release the decoder, and the file if it was opened from a path."""
        self._session = None
        if self._container is not None:
            self._container.close()
            self._container = None
        if self._owned:
            self._file.close()

    def __enter__(self) -> Self:
        """Return the video itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the video."""
        self.close()

    def _warn(self, note: str) -> None:
        text = f"{self._name}: {note}"
        if text not in self.warnings:
            self.warnings.append(text)

    def _fetch(self, number: int) -> tuple[int, av.VideoFrame]:
        """The frame of a number, or the nearest that decodes, with its own number."""
        started = time.monotonic()
        found = self._find(number, started)
        sound = found is not None and found[0] == number and not found[1].is_corrupt
        if self._threads != 1 and (self._faulty or not sound):
            self._use_one_thread()
            found = self._find(number, started)
        if found is None:
            raise UnreadableVideoError(
                f"{self._name}: no frame decodes; the file is damaged or encrypted; give an intact copy"
            )
        if found[0] != number:
            self._warn(f"frame {number} cannot be decoded; frame {found[0]} stands in for it")
        return found

    def _find(self, number: int, started: float) -> tuple[int, av.VideoFrame] | None:
        """What the decoder has for a number; None when nothing decodes."""
        session = self._session
        if session is None or not self._worth_continuing(session, number):
            session = self._enter(number, started)
        self._run_to(session, number, started)
        found = session.at_or_before(number)
        if found is None and not session.from_start:
            session = self._enter(0, started, from_start=True)
            self._run_to(session, number, started)
            found = session.at_or_before(number)
        return found

    def _worth_continuing(self, session: DecodeSession, number: int) -> bool:
        """Whether a running session reaches a frame with no more decoding than a new one would."""
        if session.holds(number):
            return True
        if not session.reaches(number):
            return False
        if session.exhausted or not self._index.seekable:
            return True
        key = int(self._index.keys[max(self._index.key_before(number), 0)])
        return key <= session.position + 1 + session.in_flight

    def _enter(self, number: int, started: float, *, from_start: bool = False) -> DecodeSession:
        """Start decoding at a place from which a frame can be reached."""
        if self._container is None:
            raise UnreadableVideoError(f"{self._name}: the video is closed; open it again")
        if self._index.seekable and not from_start:
            for offset in self._seek_offsets(number):
                session = self._session_at(offset)
                if session is not None and self._advance(session, started) and session.entered_before(number):
                    self._session = session
                    return session
        self._reopen()
        self._session = self._new_session(self._container, from_start=True)
        return self._session

    def _new_session(self, container: InputContainer, *, from_start: bool) -> DecodeSession:
        return DecodeSession(container, self._stream, self._index, from_start=from_start, wanted=self._wanted)

    def _seek_offsets(self, number: int) -> list[int]:
        """Timestamps to seek to, best first: the key frame's, its decoding time, that of the key before."""
        key = self._index.key_before(number)
        if key < 0:
            return []
        offsets = [int(self._index.pts[self._index.keys[key]]), int(self._index.key_dts[key])]
        if key > 0:
            offsets.append(int(self._index.key_dts[key - 1]))
        return list(dict.fromkeys(offsets))

    def _session_at(self, offset: int) -> DecodeSession | None:
        if self._container is None:
            return None
        try:
            self._container.seek(offset, stream=self._stream, backward=True)
        except (av.error.FFmpegError, OSError):
            return None
        return self._new_session(self._container, from_start=False)

    def _run_to(self, session: DecodeSession, number: int, started: float) -> None:
        """Decode until a frame is reached or passed, or the stream ends."""
        while session.position < number and self._advance(session, started):
            pass

    def _advance(self, session: DecodeSession, started: float) -> bool:
        """Decode one frame; False at the end of the stream."""
        self._limits.check_time(started, name=self._name, doing="decoding")
        frame = session.advance()
        for note in session.take_notes():
            self._faulty = True
            self._warn(note)
        if frame is None:
            return False
        self.frames_decoded += 1
        self._limits.check_size(frame.width, frame.height, name=self._name)
        return True

    def _planes(self, number: int, source: int, frame: av.VideoFrame) -> Planes:
        if (frame.width, frame.height) != self._size:
            width, height = self._size
            self._warn(
                f"frame {source} is {frame.width}x{frame.height} px and is scaled to {width}x{height} px"
            )
            frame = frame.reformat(width=width, height=height)
        if frame.is_corrupt:
            self._warn(f"frame {source} is damaged")
        return Planes(
            frame,
            index=number,
            source_index=source,
            pts_seconds=float(self.timestamps_seconds[number]),
            matrix=self._matrix,
            full_range=self._full_range,
            orientation=self._orientation,
            converter=self._converter,
        )
