"""One run of a decoder: packets in, numbered frames out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import av.error

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from sslvqa.video.index import FrameIndex

__all__ = ["DecodeSession"]

_SKIPPING = frozenset({"h264", "hevc"})
"""Decoders whose unwanted pictures can be left out without changing any other."""


class DecodeSession:
    """Delivers frames in display order from where the container stands, and keeps the last two.

    Pictures that are neither wanted nor referred to by others (most B pictures) are not decoded at all.

    Attributes:
        from_start: The run began at the start of the file.
        position: Number of the last delivered frame, -1 before the first.
        exhausted: The stream has ended.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        index: FrameIndex,
        *,
        from_start: bool,
        wanted: Set[int],
    ) -> None:
        self.from_start = from_start
        self.position = -1
        self.exhausted = False
        self._index = index
        self._context = stream.codec_context
        self._may_skip = stream.codec_context.name in _SKIPPING and not index.ordinal
        self._pending: set[int] = set()
        self._skipped: set[int] = set()
        self._notes: list[str] = []
        self._verified = True
        self._first: int | None = None
        self._held: list[tuple[int, av.VideoFrame]] = []
        self._decoded = self._decode(container, stream)
        self.want(wanted)

    def want(self, numbers: Set[int]) -> None:
        """Say which frames are wanted from now on; later ones than the last of them are never left out."""
        self._wanted = numbers
        self._last_wanted = max(numbers, default=-1)

    @property
    def in_flight(self) -> int:
        """Pictures already sent to the decoder that will come out after the last delivered frame."""
        return len(self._pending)

    def advance(self) -> av.VideoFrame | None:
        """Deliver the next frame; None at the end of the stream."""
        for frame in self._decoded:
            number = self._number(frame)
            if number <= self.position:
                continue
            self.position = number
            self._pending = {sent for sent in self._pending if sent > number}
            if self._first is None:
                self._first = number
            self._held = [*self._held[-1:], (number, frame)]
            return frame
        self.exhausted = True
        return None

    def entered_before(self, number: int) -> bool:
        """Whether the run began at a frame that the index knows, not after the given one."""
        return self._verified and self._first is not None and self._first <= number

    def holds(self, number: int) -> bool:
        """Whether the answer for a frame is already here."""
        numbers = [held for held, _ in self._held]
        gap = len(numbers) == 2 and numbers[0] < number < numbers[1] and number not in self._skipped
        return number in numbers or gap

    def reaches(self, number: int) -> bool:
        """Whether going on delivers a frame."""
        return number > self.position and number not in self._skipped

    def at_or_before(self, number: int) -> tuple[int, av.VideoFrame] | None:
        """The held frame of a number, else the last one before it, else the first one after it."""
        before = [item for item in self._held if item[0] <= number]
        if before:
            return before[-1]
        return self._held[0] if self._held and self.from_start else None

    def take_notes(self) -> list[str]:
        """Hand over what went wrong since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def _number(self, frame: av.VideoFrame) -> int:
        if self._index.ordinal:
            return min(self.position + 1, len(self._index.pts) - 1)
        number = self._index.number_of(frame.pts)
        if number is None:
            self._verified = False
            return self.position + 1
        return number

    def _decode(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
        for packet in self._packets(container, stream):
            self._prepare(packet)
            try:
                frames = stream.decode(packet)
            except (av.error.FFmpegError, MemoryError) as error:
                self._notes.append(f"a packet cannot be decoded ({type(error).__name__})")
                frames = []
            yield from frames

    def _prepare(self, packet: Packet[Any]) -> None:
        """Note a packet, and tell the decoder whether it may leave its picture out."""
        number = self._index.number_of(packet.pts) if self._index.seekable or self._may_skip else None
        skip = number is not None and number < self._last_wanted and number not in self._wanted
        if self._may_skip:
            self._context.skip_frame = "NONREF" if skip else "DEFAULT"
        if number is not None:
            (self._skipped if skip and self._may_skip else self._pending).add(number)

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any]]:
        try:
            yield from container.demux(stream)
        except av.error.FFmpegError as error:
            self._notes.append(f"reading stopped ({error.strerror})")
            yield av.Packet()
