"""Interlaced H.264 whose packets are fields: two of them are one frame."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from sslvqa.video import index, open_video

START = b"\0\0\0\1"
FRAMES, PERIOD = 12, 4  # a key frame every PERIOD frames
MACROBLOCKS = (6, 2)  # of a field: 96x32 px


class Bits:
    """Bits of one unit of a stream (ITU-T H.264, 7.3 and 9.1)."""

    def __init__(self):
        self.text = ""

    def put(self, value, count):
        self.text += format(value, f"0{count}b")
        return self

    def golomb(self, *values):
        for value in values:
            code = format(value + 1, "b")
            self.text += "0" * (len(code) - 1) + code
        return self

    def align(self):
        self.text += "0" * (-len(self.text) % 8)
        return self

    def unit(self, header):
        self.put(1, 1).align()
        data = bytearray()
        for byte in int(self.text, 2).to_bytes(len(self.text) // 8):
            if byte <= 3 and data[-2:] == b"\0\0":
                data.append(3)
            data.append(byte)
        return START + bytes([header]) + bytes(data)


def parameters():
    columns, rows = MACROBLOCKS
    sequence = (
        Bits().put(77, 8).put(0, 8).put(30, 8).golomb(0, 0, 2, 1).put(0, 1).golomb(columns - 1, rows - 1)
    )
    sequence.put(0b0010, 4)  # fields allowed, no adaptive macroblocks; not cropped
    sequence.put(1, 1).put(0, 4).put(1, 1).put(1, 32).put(50, 32).put(1, 1).put(0, 4)  # 50 fields a second
    picture = Bits().golomb(0, 0).put(0, 2).golomb(0, 0, 0).put(0, 3).golomb(0, 0, 0).put(0, 3)
    return sequence.unit(0x67) + picture.unit(0x68)


def coded_field(number, *, bottom):
    """A field of one colour, its own in every frame, as raw samples."""
    key = number % PERIOD == 0 and not bottom
    bits = Bits().golomb(0, 7, 0).put(number % PERIOD, 4).put(1, 1).put(bottom, 1)
    if key:
        bits.golomb(number // PERIOD % 2)
    bits.put(0, 2 if key else 1).golomb(0)
    luma = 20 + 15 * number + 5 * bottom
    for _ in range(MACROBLOCKS[0] * MACROBLOCKS[1]):
        bits.golomb(25).align()  # I_PCM
        bits.text += format(luma, "08b") * 256 + format(128, "08b") * 128
    return bits.unit(0x65 if key else 0x61)


def coded_fields(number):
    head = START + b"\x09\x10" + (parameters() if number % PERIOD == 0 else b"")
    return head + coded_field(number, bottom=0), coded_field(number, bottom=1)


@pytest.fixture
def field_video(tmp_path):
    """Write a video of FRAMES frames, each in two fields, together or in one packet each."""

    def write(name, *, together=True):
        raw, path = tmp_path / "fields.264", tmp_path / name
        raw.write_bytes(b"".join(top + bottom for top, bottom in map(coded_fields, range(FRAMES))))
        if path == raw:
            return path
        with av.open(str(raw)) as source, av.open(str(path), "w") as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            for number in range(FRAMES):
                top, bottom = coded_fields(number)
                parts = [top + bottom] if together else [top, START + b"\x09\x10" + bottom]
                for half, data in enumerate(parts):
                    packet = av.Packet(data)
                    packet.stream, packet.time_base = stream, Fraction(1, 50)
                    packet.pts = packet.dts = 2 * number + half + 10
                    packet.duration = 2 // len(parts)
                    packet.is_keyframe = number % PERIOD == 0 and half == 0
                    target.mux(packet)
        return path

    return write


@pytest.mark.parametrize(
    ("name", "together"),
    [("fields.264", True), ("a.ts", True), ("b.ts", False), ("a.mkv", True), ("a.mp4", True)],
)
def test_two_fields_are_one_frame(field_video, decode_all, name, together):
    path = field_video(name, together=together)
    reference, times = decode_all(path)
    assert len(reference) == FRAMES
    with open_video(path) as video:
        assert video.info.interlaced
        assert (video.info.frame_count, video.info.fps) == (FRAMES, pytest.approx(25))
        if times[0] is not None:
            np.testing.assert_allclose(video.timestamps_seconds, times)
        for wanted in (range(FRAMES), [7], [2, 9], [FRAMES - 1]):
            for planes in video.frames(wanted):
                assert planes.source_index == planes.index
                np.testing.assert_array_equal(planes.yuv()[0], reference[planes.index])
        assert video.warnings == []
    assert [luma[0, 0] for luma in reference] == [20 + 15 * number for number in range(FRAMES)]


def test_a_cut_stream_of_fields_gives_the_same_frames_with_any_number_of_threads(field_video):
    path = field_video("a.ts")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    found = []
    for threads in (1, 4):
        with open_video(path, threads=threads) as video:
            assert 6 <= video.info.frame_count <= 8
            found.append([planes.yuv()[0] for planes in video.frames(range(video.info.frame_count))])
    np.testing.assert_array_equal(*found)


def test_interlaced_frames_in_one_packet_each_are_numbered_by_their_times(encode):
    path = encode("i.ts", options={"flags": "+ildct+ilme", "preset": "veryfast", "g": "10"})
    with open_video(path, threads=1) as video:
        assert video.info.interlaced
        assert video.info.frame_count == 40
        list(video.frames([0, 39]))
        assert video.frames_decoded < 40, "pictures between them are left out"


def test_interlaced_frames_are_not_decoded_to_the_end_to_be_counted(encode, monkeypatch):
    path = encode("i.ts", options={"flags": "+ildct+ilme", "preset": "veryfast", "g": "10"})
    monkeypatch.setattr(index, "_LOOKED_AT", 30)
    fed, real = [], index._decode

    def counted(scan, feed, **options):
        real(scan, feed, **options)
        fed.append(len(scan.decoded))

    monkeypatch.setattr(index, "_decode", counted)
    with open_video(path) as video:
        assert video.info.frame_count == 40
    assert 0 < fed[-1] < 31
