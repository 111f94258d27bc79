"""Damaged, empty, hostile and absurd input: one clear error, at once; honest partial reading otherwise."""

from __future__ import annotations

import os
import struct
import time

import av
import numpy as np
import pytest

from sslvqa.errors import ConfigError, UnreadableVideoError, VideoLimitError, VideoNotFoundError
from sslvqa.video import Limits, open_video, probe

OPTIONS = {"g": "10", "bf": "0", "preset": "ultrafast"}
PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
SDP += "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"


@pytest.fixture(autouse=True)
def _at_once():
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 20


def refuse(path, *, match):
    with pytest.raises(UnreadableVideoError, match=match) as caught:
        open_video(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(VideoNotFoundError, match=r"nowhere\.mp4: no such file"):
        open_video(tmp_path / "nowhere.mp4")
    with pytest.raises(FileNotFoundError):
        open_video(str(tmp_path / "nowhere.mp4"))


def test_a_path_through_a_file_is_missing(make_video):
    with pytest.raises(VideoNotFoundError, match="no such file"):
        open_video(make_video() / "b.mp4")


def test_a_directory_is_refused(tmp_path):
    refuse(tmp_path, match="is a directory")


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    refuse(path, match="the file is empty")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    path = tmp_path / "pipe.mp4"
    os.mkfifo(path)
    refuse(path, match="device or a pipe")


def test_a_path_with_a_null_byte_is_refused():
    with pytest.raises((UnreadableVideoError, VideoNotFoundError)):
        open_video("a\0b.mp4")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(make_video):
    path = make_video()
    path.chmod(0)
    refuse(path, match="permission denied")


@pytest.mark.parametrize(
    "data", [b"hello\n" * 999, bytes(50_000), np.random.default_rng(0).bytes(50_000), b"\x00\x00\x01", b"x"]
)
def test_what_is_no_video_is_refused(tmp_path, data):
    path = tmp_path / "junk.mp4"
    path.write_bytes(data)
    refuse(path, match="junk.mp4: ")


@pytest.mark.parametrize("name", ["a.m3u8", "a.mp4", "a.ffconcat", "a.sdp", "a.txt"])
def test_a_text_that_names_another_file_opens_nothing(make_video, tmp_path, name):
    target = make_video("target.ts")
    texts = {
        "a.m3u8": PLAYLIST.format(target),
        "a.mp4": PLAYLIST.format(target),
        "a.ffconcat": f"ffconcat version 1.0\nfile '{target.name}'\n",
        "a.sdp": SDP,
        "a.txt": "a text that FFmpeg would render as video\n" * 50,
    }
    path = tmp_path / name
    path.write_text(texts[name])
    refuse(path, match="not a video that can be read")


def test_sound_alone_is_refused(audio_only):
    refuse(audio_only, match="holds only audio")


def test_a_cover_picture_is_no_video(tmp_path):
    path = tmp_path / "cover.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        disposition = type(stream.disposition)
        try:
            stream.disposition = disposition.attached_pic
        except (AttributeError, TypeError):
            pytest.skip("this PyAV cannot mark attached pictures")
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuvj420p")))
        container.mux(stream.encode(None))
    refuse(path, match="only an attached picture")


def test_an_encrypted_file_is_refused(encode):
    key = "00112233445566778899aabbccddeeff"
    path = encode(
        "e.mp4",
        options=OPTIONS,
        container_options={
            "encryption_scheme": "cenc-aes-ctr",
            "encryption_key": key,
            "encryption_kid": key,
        },
    )
    refuse(path, match="encrypted")


def test_a_video_without_a_frame_is_refused(make_video):
    path = make_video("a.mkv")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])  # up to the first cluster
    refuse(path, match="a.mkv: ")


def test_a_file_cut_before_its_index_is_refused(make_video):
    path = make_video()
    path.write_bytes(path.read_bytes()[:-2000])
    refuse(path, match="not a video that can be read")


@pytest.mark.parametrize(
    ("name", "container_options"),
    [("a.mp4", {"movflags": "faststart"}), ("a.mkv", {}), ("a.avi", {}), ("a.flv", {})],
)
def test_what_is_left_of_a_cut_file_is_read(encode, name, container_options):
    path = encode(name, options=OPTIONS, container_options=container_options, width=160, height=128)
    with open_video(path) as video:
        intact = [p.rgb() for p in video.frames(range(40))]
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with open_video(path) as video:
        count = video.info.frame_count
        assert 10 < count < 40
        assert video.info.damaged
        assert any("header announces" in note for note in video.warnings)
        exact = 0
        for planes in video.frames(range(count)):
            same = np.array_equal(planes.rgb(), intact[planes.source_index])
            exact += same and planes.source_index == planes.index
            assert planes.source_index <= planes.index
        assert exact >= count - 2


def test_a_frame_that_does_not_decode_is_replaced_and_reported(encode):
    path = encode("a.mkv", options=OPTIONS)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for number in range(20, 25):  # a key frame and the four after it
        at = data.index(bytes(packets[number]))
        data[at : at + packets[number].size] = b"\xff" * packets[number].size
    path.write_bytes(data)
    with open_video(path) as video:
        assert video.info.frame_count == 40
        got = {p.index: p.source_index for p in video.frames([19, 21, 23, 35])}
        assert got[19] == 19
        assert got[21] <= 19
        assert got[35] == 35
        assert any("frame 21 cannot be decoded; frame" in note for note in video.warnings)
        (alone,) = video.frames([22])
        assert alone.source_index <= 19


def test_a_file_in_which_nothing_decodes_is_refused(encode):
    path = encode("a.mkv", options=OPTIONS, frames=5)
    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(video=0) if p.size]
    data = path.read_bytes()
    for packet in packets:
        data = data.replace(packet, b"\xff" * len(packet))
    path.write_bytes(data)
    refuse(path, match="none of 5 packets decodes")


@pytest.mark.parametrize("side", [65_500, 20_000])
def test_an_absurd_size_in_the_stream_is_refused(make_video, side):
    path = make_video("m.avi", codec="mjpeg", pixel_format="yuvj420p", frames=3)
    data = bytearray(path.read_bytes())
    at = data.find(b"\xff\xc0\x00\x11")
    while at >= 0:
        data[at + 5 : at + 9] = struct.pack(">HH", side, side)
        at = data.find(b"\xff\xc0\x00\x11", at + 4)
    path.write_bytes(data)
    with pytest.raises((UnreadableVideoError, VideoLimitError), match=r"m\.avi: "):
        open_video(path)


@pytest.mark.parametrize("side", [65_535, 30_000])
def test_an_absurd_size_in_the_header_is_refused(tmp_path, side):
    path = tmp_path / "a.y4m"
    path.write_bytes(f"YUV4MPEG2 W{side} H{side} F25:1 C420\nFRAME\n".encode() + bytes(1000))
    with pytest.raises((UnreadableVideoError, VideoLimitError), match=r"a\.y4m: "):
        open_video(path)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(max_side_px=100), "frames of 160x128 px; allowed are sides up to 100 px"),
        (Limits(max_pixels=20_000), "20000 pixels"),
        (Limits(max_frames=23), "more than 23 frames"),
        (Limits(max_duration_seconds=0.5), "1.0 s long; allowed are 0.5 s"),
        (Limits(max_bytes=1000), "bytes; allowed are 1000"),
        (Limits(timeout_seconds=1e-9), "took longer"),
    ],
)
def test_each_limit_is_kept(make_video, limits, words):
    path = make_video()
    with pytest.raises(VideoLimitError, match=words) as caught:
        open_video(path, limits=limits)
    assert str(path) in str(caught.value)


def test_a_limit_is_positive():
    with pytest.raises(ConfigError, match=r"Limits\.max_frames is 0"):
        Limits(max_frames=0)


def test_exactly_the_limit_is_allowed(make_video):
    path = make_video()
    limits = Limits(max_side_px=160, max_pixels=160 * 128, max_frames=24, max_bytes=path.stat().st_size)
    assert probe(path, limits=limits).frame_count == 24


def test_a_refused_file_is_closed(tmp_path):
    path = tmp_path / "junk.mp4"
    path.write_bytes(b"x" * 100)
    refuse(path, match="not a video")  # an unclosed file would be a ResourceWarning, which is an error here
