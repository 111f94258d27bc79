"""The frames of a stream, found by reading its packets once without decoding them.

A container's own count, rate and duration are claims; the packets are facts. The index holds the
presentation timestamp of every picture, so that "frame 137" means the same picture in every container, with
variable frame rate, edit lists (packets marked *discard* are left out) and reordered pictures alike. Only
interlaced H.264 has to be decoded where a packet may hold one field, which is half a frame.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import av.error
import numpy as np

from sslvqa.errors import UnreadableVideoError

if TYPE_CHECKING:
    from collections.abc import Callable

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from sslvqa.video.guard import Limits

__all__ = ["FrameIndex", "scan_packets"]

_SEEKABLE = frozenset({"mov", "matroska", "avi", "flv"})
_DEFAULT_RATE = Fraction(25)
_CHECK_EVERY = 64
_LOOKED_AT = 120
"""Packets of interlaced H.264 after which it is clear whether they are frames, as most are, or fields."""
_LATEST = 20
"""Frames that a decoder may keep back to put them in order: 16 in H.264, and some."""
_FRAME_SHARE = 0.9
"""Frames that come of each packet, below which some packets are fields and not just lost."""


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Where the frames of one stream are.

    Attributes:
        pts: Sorted, distinct presentation timestamps in ticks, int64 ``(N,)``; position = frame number.
        time_base: Seconds per tick.
        last_ticks: Duration of the last frame in ticks.
        keys: Sorted frame numbers at which decoding can start, int64 ``(K,)``.
        key_dts: Decoding timestamp of each of them, int64 ``(K,)``.
        ordinal: Timestamps do not identify decoded frames; only their order does.
        seekable: The container can be entered at a key frame.
        damage: What was wrong with the packets, for people; empty when nothing was.
    """

    pts: NDArray[np.int64]
    time_base: Fraction
    last_ticks: int
    keys: NDArray[np.int64]
    key_dts: NDArray[np.int64]
    ordinal: bool
    seekable: bool
    damage: tuple[str, ...] = ()

    @property
    def timestamps_seconds(self) -> NDArray[np.float64]:
        """Presentation time of every frame, float64 ``(N,)``."""
        return self.pts.astype(np.float64) * np.float64(self.time_base)

    def number_of(self, pts: int | None) -> int | None:
        """Frame number of a timestamp, or None when no frame has it."""
        if pts is None:
            return None
        position = int(np.searchsorted(self.pts, pts))
        if position < len(self.pts) and int(self.pts[position]) == pts:
            return position
        return None

    def key_before(self, number: int) -> int:
        """Which key (position in ``keys``) is the last one not after a frame; -1 when none is."""
        return int(np.searchsorted(self.keys, number, side="right")) - 1


@dataclass(slots=True)
class _Scan:
    """What one pass over the packets collects."""

    pts: list[int] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    keys: list[tuple[int, int]] = field(default_factory=list)
    untimed: bool = False
    shown: int = 0
    entered: bool = False
    leading: int = 0
    packets: int = 0
    corrupt: int = 0
    last_dts: int | None = None
    goes_back: bool = False
    first: VideoFrame | None = None
    by_field: bool = False
    decoded: list[int | None] = field(default_factory=list)
    failed: int = 0
    encrypted: bool = False
    stopped_by: str = ""


def scan_packets(
    container: InputContainer, stream: VideoStream, *, name: str, limits: Limits
) -> tuple[FrameIndex, VideoFrame]:
    """Read all packets of a freshly opened stream, and decode its first frame on the way.

    Interlaced H.264 in a container that does not keep the fields of a frame together is decoded until it is
    clear that packets are frames, else to its end.

    Returns:
        The index and the first decoded frame.

    Raises:
        UnreadableVideoError: There is no packet, or nothing can be decoded.
        VideoLimitError: More frames, seconds or time than allowed.
    """
    scan = _Scan()
    started = time.monotonic()
    splits_fields = stream.codec_context.name == "h264" and _family(container) not in _SEEKABLE
    if splits_fields:
        stream.thread_type = "NONE"  # how many frames come out of damage depends on the number of threads
    try:
        for packet in container.demux(stream):
            _note(scan, packet, stream.codec_context.name)
            _decode(scan, packet.decode, splits_fields=splits_fields)
            if scan.packets % _CHECK_EVERY == 0:
                limits.check_time(started, name=name, doing="indexing")
                limits.check_frames(scan.shown, name=name)
    except av.error.FFmpegError as error:
        scan.stopped_by = str(error.strerror)
        _decode(scan, stream.decode, splits_fields=splits_fields)
    limits.check_time(started, name=name, doing="indexing")
    limits.check_frames(scan.shown, name=name)
    if scan.shown == 0:
        raise UnreadableVideoError(f"{name}: the video stream holds no frame; the file is empty or truncated")
    if scan.encrypted:
        raise UnreadableVideoError(f"{name}: the video is encrypted; give a decrypted copy")
    if scan.first is None:
        raise UnreadableVideoError(
            f"{name}: none of {scan.packets} packets decodes; the file is damaged; give an intact copy"
        )
    limits.check_size(scan.first.width, scan.first.height, name=name)
    scan.by_field = scan.by_field and len(scan.decoded) < _FRAME_SHARE * (scan.shown - scan.leading)
    if scan.by_field:
        _count_decoded(scan)
    return _build(scan, container, stream), scan.first


def _note(scan: _Scan, packet: Packet[VideoStream], codec: str) -> None:
    """Take one packet into the scan; empty packets (the flush at the end) carry no picture."""
    if packet.size == 0:
        return
    scan.packets += 1
    scan.encrypted = scan.encrypted or packet.has_sidedata("encryption_info")
    scan.corrupt += packet.is_corrupt
    if packet.dts is not None:
        scan.goes_back |= scan.last_dts is not None and packet.dts < scan.last_dts
        scan.last_dts = packet.dts
    if packet.is_keyframe and packet.pts is not None:
        scan.keys.append((packet.pts, packet.pts if packet.dts is None else packet.dts))
    if packet.is_discard or _is_hidden(packet, codec):
        return
    scan.shown += 1
    scan.entered = scan.entered or packet.is_keyframe
    scan.leading += not scan.entered  # a recording may begin between key frames; nothing comes of these
    if packet.pts is None:
        scan.untimed = True
        return
    scan.pts.append(packet.pts)
    scan.durations.append(packet.duration or 0)


def _is_hidden(packet: Packet[VideoStream], codec: str) -> bool:
    """Whether a VP8 packet holds a reference picture that is never shown (bit 4 of its first byte is 0)."""
    return codec in {"vp8", "libvpx"} and not bytes(packet)[0] & 0x10


def _decode(scan: _Scan, feed: Callable[[], list[VideoFrame]], *, splits_fields: bool) -> None:
    """Feed the decoder until it gives a frame; to the end if that shows that packets may be fields."""
    if scan.first is not None and not scan.by_field:
        return
    try:
        frames = feed()
    except (av.error.FFmpegError, MemoryError):
        scan.failed += scan.first is not None  # what comes before it may refer to data that is not there
        return
    if frames and scan.first is None:
        scan.first = frames[0]
        scan.by_field = splits_fields and scan.first.interlaced_frame
    scan.decoded += [frame.pts for frame in frames]
    late = scan.shown - scan.leading - len(scan.decoded)
    scan.by_field = scan.by_field and (scan.shown < _LOOKED_AT or late > _LATEST)


def _count_decoded(scan: _Scan) -> None:
    """Take the decoded frames for the pictures, which the packets are not: some hold one field."""
    scan.shown = len(scan.decoded)
    scan.pts = [pts for pts in scan.decoded if pts is not None]
    scan.durations = [0] * len(scan.pts)
    scan.untimed = len(scan.pts) < scan.shown


def _family(container: InputContainer) -> str:
    """First name of the container's format, e.g. "mov" for all its relatives."""
    return container.format.name.split(",")[0]


def _build(scan: _Scan, container: InputContainer, stream: VideoStream) -> FrameIndex:
    family = _family(container)
    # AVI stores no presentation times: FFmpeg can only guess them; nor is that of a field a frame's
    in_order = scan.by_field or (family == "avi" and bool(stream.codec_context.has_b_frames))
    damage = _damage(scan, stream, family)
    time_base = stream.time_base
    if scan.untimed or scan.goes_back or time_base is None:
        rate = stream.guessed_rate or stream.average_rate or _DEFAULT_RATE
        return FrameIndex(
            pts=np.arange(scan.shown, dtype=np.int64),
            time_base=1 / Fraction(rate),
            last_ticks=1,
            keys=np.zeros(1, np.int64),
            key_dts=np.zeros(1, np.int64),
            ordinal=True,
            seekable=False,
            damage=damage,
        )
    pts = np.unique(np.array(scan.pts, np.int64))
    first = scan.first.pts if scan.first is not None else None
    if first is not None and not in_order:
        pts = pts[pts >= first] if first in pts else pts  # pictures before it refer to data that is not there
    keys = sorted(set(scan.keys)) or [(int(pts[0]), int(pts[0]))]
    numbers = np.searchsorted(pts, [key for key, _ in keys])
    return FrameIndex(
        pts=pts,
        time_base=Fraction(time_base),
        last_ticks=_last_ticks(scan, pts),
        keys=np.minimum(numbers, len(pts) - 1).astype(np.int64),
        key_dts=np.array([dts for _, dts in keys], np.int64),
        ordinal=in_order,
        seekable=family in _SEEKABLE and not in_order,
        damage=damage,
    )


def _last_ticks(scan: _Scan, pts: NDArray[np.int64]) -> int:
    """Duration of the last frame: its packet's, else the median step, else 0."""
    duration = scan.durations[int(np.argmax(scan.pts))]
    if duration > 0:
        return duration
    return int(np.median(np.diff(pts))) if len(pts) > 1 else 0


def _damage(scan: _Scan, stream: VideoStream, family: str) -> tuple[str, ...]:
    notes = []
    if scan.corrupt:
        notes.append(f"{scan.corrupt} packets are marked corrupt")
    if scan.by_field and scan.failed:
        notes.append(f"{scan.failed} packets cannot be decoded")
    if scan.goes_back:
        notes.append("the timestamps go back, as in joined files; frames are numbered as they are stored")
    if scan.stopped_by:
        notes.append(f"reading stopped after {scan.packets} packets ({scan.stopped_by})")
    if _lacks_frames(scan, stream, family):
        notes.append(f"the header announces {stream.frames} frames, the file holds {scan.packets}")
    return tuple(notes)


def _lacks_frames(scan: _Scan, stream: VideoStream, family: str) -> bool:
    """Whether announced frames are missing that are neither hidden nor left out on purpose."""
    if stream.frames <= scan.packets:
        return False
    if family == "avi" and scan.last_dts is not None:
        return stream.frames > scan.last_dts + 1  # a dropped frame has a number, but no packet
    if family == "mov" and scan.pts and stream.duration is not None:
        # an edit list may end before the last frame; the duration honours it
        stop = max(pts + duration for pts, duration in zip(scan.pts, scan.durations, strict=True))
        return stream.duration - (stop - min(scan.pts)) > max(scan.durations[-1], 1) / 2
    return True
