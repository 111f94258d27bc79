"""What an untrusted file may do: formats, protocols and limits.

FFmpeg opens far more than video files: play lists that name other files, session descriptions that open
sockets, text rendered as video. :func:`open_container` therefore hands FFmpeg an open file *object*, allows
only real media containers, refuses every further file or address, and bounds probing. The limits of
:class:`Limits` are checked on the header, while indexing, and again on every decoded frame. For hostile
input run the whole work in the killable process of :mod:`sslvqa.video.worker`.
"""

from __future__ import annotations

import io
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import av
import av.error
import av.stream

from sslvqa.errors import ConfigError, UnreadableVideoError, VideoLimitError, VideoNotFoundError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["FORMAT_WHITELIST", "Limits", "open_container", "open_source", "pick_stream"]

FORMAT_WHITELIST = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,gif,apng,ivf,h264,hevc,obu,mxf,"
    "yuv4mpegpipe,mpegvideo,m4v"
)
"""FFmpeg demuxers that may read a file; none of them opens a second one."""

_READ_BYTES = 1 << 17
_MAX_STREAMS = 64
_PROBE_TAKES_OPTIONS = int(av.__version__.split(".")[0]) >= 18  # earlier ones crash on FLV and TS
_DISCARD_ALL: Any = getattr(getattr(av.stream, "Discard", None), "all", None)  # PyAV 16 reads all streams


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one video may cost.

    Attributes:
        max_side_px: Longest allowed side of a frame.
        max_pixels: Most pixels of one frame.
        max_frames: Most frames of one video.
        max_duration_seconds: Longest video.
        max_bytes: Largest file; None allows any size.
        probe_bytes: How much of the file FFmpeg may read to find out what it is.
        timeout_seconds: Longest time for opening and indexing, and again for delivering each frame.
    """

    max_side_px: int = 16_384
    max_pixels: int = 8192 * 8192
    max_frames: int = 1_000_000
    max_duration_seconds: float = 6 * 3600.0
    max_bytes: int | None = None
    probe_bytes: int = 5_000_000
    timeout_seconds: float = 300.0

    def __post_init__(self) -> None:
        """Check the values."""
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(
                    f"Limits.{name} is {value!r}; a limit is a positive number; pass a larger one"
                )

    @property
    def decoder_pixels(self) -> int:
        """Bound for FFmpeg's decoders, which count lines rounded up to 64 px."""
        return self.max_pixels + 64 * self.max_side_px

    def check_size(self, width: int, height: int, *, name: str) -> None:
        """Raise VideoLimitError when a frame of this size is not allowed."""
        if max(width, height) > self.max_side_px or width * height > self.max_pixels:
            raise VideoLimitError(
                f"{name}: frames of {width}x{height} px; allowed are sides up to {self.max_side_px} px and "
                f"{self.max_pixels} pixels; pass Limits(max_side_px=, max_pixels=) to allow more"
            )

    def check_frames(self, count: int, *, name: str) -> None:
        """Raise VideoLimitError when a video of this many frames is not allowed."""
        if count > self.max_frames:
            raise VideoLimitError(
                f"{name}: more than {self.max_frames} frames; pass Limits(max_frames=) to allow more"
            )

    def check_duration(self, seconds: float, *, name: str) -> None:
        """Raise VideoLimitError when a video of this length is not allowed."""
        if seconds > self.max_duration_seconds:
            raise VideoLimitError(
                f"{name}: {seconds:.1f} s long; allowed are {self.max_duration_seconds:.1f} s; "
                "pass Limits(max_duration_seconds=) to allow more"
            )

    def check_bytes(self, count: int, *, name: str) -> None:
        """Raise VideoLimitError when a file of this size is not allowed."""
        if self.max_bytes is not None and count > self.max_bytes:
            raise VideoLimitError(
                f"{name}: {count} bytes; allowed are {self.max_bytes}; pass Limits(max_bytes=) to allow more"
            )

    def check_time(self, started: float, *, name: str, doing: str) -> None:
        """Raise VideoLimitError when more than ``timeout_seconds`` passed since ``started`` (monotonic)."""
        if time.monotonic() - started > self.timeout_seconds:
            raise VideoLimitError(
                f"{name}: {doing} took longer than {self.timeout_seconds:g} s; "
                "pass Limits(timeout_seconds=) to allow more"
            )


def open_source(source: str | Path | BinaryIO, *, limits: Limits) -> tuple[BinaryIO, str, bool]:
    """Open a path for reading, or take an open file as it is.

    Returns:
        The seekable binary file at its start, the name for messages, and whether the caller must close it.

    Raises:
        VideoNotFoundError: There is no such file.
        UnreadableVideoError: It is a directory, a device, a pipe, empty, or may not be read.
        VideoLimitError: It is larger than ``limits.max_bytes``.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        file, name, owned = _open_path(path), str(path), True
    else:
        file, name, owned = source, str(getattr(source, "name", "<file object>")), False
    try:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if size == 0:
            raise UnreadableVideoError(f"{name}: the file is empty; give a file that holds a video")
        limits.check_bytes(size, name=name)
    except (OSError, ValueError) as error:
        if owned:
            file.close()
        if isinstance(error, UnreadableVideoError | VideoLimitError):
            raise
        raise UnreadableVideoError(f"{name}: cannot be read ({error}); a seekable file is needed") from error
    return file, name, owned


def _open_path(path: Path) -> BinaryIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UnreadableVideoError(f"{path}: is a directory; give a video file")
        if not stat.S_ISREG(mode):
            raise UnreadableVideoError(f"{path}: is a device or a pipe; give a regular file")
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise VideoNotFoundError(f"{path}: no such file; check the path") from error
    except PermissionError as error:
        raise UnreadableVideoError(f"{path}: permission denied; make the file readable") from error
    except (OSError, ValueError) as error:
        if isinstance(error, UnreadableVideoError):
            raise
        raise UnreadableVideoError(f"{path}: cannot be opened ({error})") from error


def _refuse(url: str, _flags: int, _options: dict[str, str]) -> NoReturn:
    """Refuse every file or address that a container names."""
    raise PermissionError(f"the container asks for another file ({url}), which is not allowed")


def open_container(file: BinaryIO, *, name: str, limits: Limits) -> InputContainer:
    """Open a container from the start of ``file`` without any further rights.

    Raises:
        UnreadableVideoError: The bytes are of no allowed format, or truncated before the header ends.
        VideoLimitError: The header could not be read in time.
    """
    file.seek(0)
    container_options = {
        "format_whitelist": FORMAT_WHITELIST,
        "protocol_whitelist": "none",
        "probesize": str(max(limits.probe_bytes, 32)),
        "max_streams": str(_MAX_STREAMS),
    }
    codec_options = {"max_pixels": str(limits.decoder_pixels)} if _PROBE_TAKES_OPTIONS else {}
    timeout = limits.timeout_seconds
    try:
        return av.open(
            file,
            "r",
            options=codec_options,
            container_options=container_options,
            buffer_size=_READ_BYTES,
            timeout=(timeout, timeout),
            io_open=_refuse,
        )
    except av.error.ExitError as error:
        raise VideoLimitError(f"{name}: the header took longer than {timeout:g} s to read") from error
    except (av.error.FFmpegError, OSError, ValueError, MemoryError) as error:
        raise UnreadableVideoError(
            f"{name}: not a video that can be read ({_cause(error)}); allowed are complete files in the "
            "formats mp4, mov, mkv, webm, avi, ts, mpg, flv, gif, raw .264/.265 and their like"
        ) from error


def _cause(error: BaseException) -> str:
    """One line about an FFmpeg error, without the name of the file object."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


def pick_stream(container: InputContainer, *, name: str, limits: Limits) -> VideoStream:
    """The first video stream that is no cover picture, with every other stream switched off.

    Raises:
        UnreadableVideoError: There is none, it is encrypted, or no decoder for it exists.
        VideoLimitError: Its header announces frames larger than allowed.
    """
    moving = [s for s in container.streams.video if not _is_attached_picture(s)]
    if not moving:
        raise UnreadableVideoError(f"{name}: {_what_instead(container)}; give a file with a video stream")
    stream = next((s for s in moving if _has_decoder(s)), None)
    if stream is None:
        raise UnreadableVideoError(f"{name}: the video codec is unknown here; convert the file first")
    if stream.codec_context.codec_tag == "encv":
        raise UnreadableVideoError(f"{name}: the video is encrypted; give a decrypted copy")
    limits.check_size(stream.codec_context.width, stream.codec_context.height, name=name)
    for other in container.streams:
        if other.index != stream.index and _DISCARD_ALL is not None:
            other.discard = _DISCARD_ALL
    return stream


def _has_decoder(stream: VideoStream) -> bool:
    context: object = stream.codec_context  # None when FFmpeg knows no decoder
    return context is not None


def _is_attached_picture(stream: VideoStream) -> bool:
    disposition = stream.disposition
    return bool(disposition & type(disposition).attached_pic) and not bool(
        disposition & type(disposition).timed_thumbnails
    )


def _what_instead(container: InputContainer) -> str:
    if container.streams.video:
        return "holds only an attached picture"
    if container.streams.audio:
        return "holds only audio"
    return "holds no video stream"
