"""Bytes → frames with time: probing, frame-exact decoding, safe opening, encoding."""

from sslvqa.video.frames import Planes, VideoInfo
from sslvqa.video.guard import Limits
from sslvqa.video.raw import RawGeometry
from sslvqa.video.reader import Video, open_video, probe
from sslvqa.video.stream import StreamFile, is_y4m, spool_stream
from sslvqa.video.writer import write_video

__all__ = [
    "Limits",
    "Planes",
    "RawGeometry",
    "StreamFile",
    "Video",
    "VideoInfo",
    "is_y4m",
    "open_video",
    "probe",
    "spool_stream",
    "write_video",
]
