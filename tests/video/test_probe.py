"""Counted facts and header claims, colour, rotation, damage."""

from __future__ import annotations

import struct

import av
import numpy as np
import pytest

from sslvqa.video import open_video, probe, write_video
from sslvqa.video.layout import chroma_of
from sslvqa.video.orientation import Orientation, frame_orientation
from sslvqa.video.probe import color_matrix_of, full_range_of, is_variable

UNIT = 1 << 16
TURNS = {90: (0, UNIT, -UNIT, 0), 180: (-UNIT, 0, 0, -UNIT), 270: (0, -UNIT, UNIT, 0)}


def rotated(path, matrix):
    """Write a display matrix ``(a, b, c, d)`` into the track header of an mp4."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def test_counted_and_claimed_values_are_both_there(encode):
    info = probe(encode("a.mp4", audio=True))
    assert (info.frame_count, info.header_frame_count) == (40, 40)
    assert info.duration_seconds == pytest.approx(1.6)
    assert info.header_duration_seconds == pytest.approx(1.6)
    assert info.fps == info.header_fps == pytest.approx(25)
    assert (info.width_px, info.height_px, info.coded_width_px, info.coded_height_px) == (96, 64, 96, 64)
    assert (info.codec, info.container, info.pixel_format) == ("h264", "mp4", "yuv420p")
    assert (info.bit_depth, info.chroma, info.rotation_degrees) == (8, "420", 0)
    assert info.has_audio
    assert not info.interlaced
    assert not info.variable_frame_rate
    assert not info.full_range
    assert not info.damaged


def test_a_container_without_a_frame_count_claims_none(make_video):
    info = probe(make_video("a.mkv"))
    assert (info.frame_count, info.header_frame_count, info.container) == (24, None, "matroska")
    assert info.header_duration_seconds == pytest.approx(0.96)
    assert not info.has_audio


@pytest.mark.parametrize(
    ("pixel_format", "codec", "bits", "chroma"),
    [
        ("yuv422p", "libx264", 8, "422"),
        ("yuv444p", "libx264", 8, "444"),
        ("yuv420p10le", "libx264", 10, "420"),
        ("yuv422p10le", "libx264", 10, "422"),
        ("yuv444p12le", "libx265", 12, "444"),
        ("gray", "ffv1", 8, "gray"),
        ("gray10le", "ffv1", 10, "gray"),
        ("yuv411p", "ffv1", 8, "411"),
        ("yuv410p", "ffv1", 8, "410"),
        ("yuv440p", "ffv1", 8, "440"),
        ("bgr0", "ffv1", 8, "rgb"),
        ("gbrp", "libx264rgb", 8, "rgb"),
        ("pal8", "png", 8, "rgb"),
    ],
)
def test_depth_and_sampling(encode, pixel_format, codec, bits, chroma):
    if pixel_format == "pal8":
        frame = av.VideoFrame(32, 32, "pal8")
        assert (frame.format.components[0].bits, chroma_of(frame.format)) == (bits, chroma)
        return
    if codec == "libx264rgb":
        options, written = {"qp": "0"}, "rgb24"
    else:
        options, written = {"x265-params": "log-level=none"} if codec == "libx265" else {}, pixel_format
    path = encode("a.mkv", frames=3, codec=codec, pixel_format=written, options=options)
    with open_video(path) as video:
        info = video.info
        assert (info.pixel_format, info.bit_depth, info.chroma) == (pixel_format, bits, chroma)
        assert info.full_range == (chroma in {"rgb", "gray"})
        (planes,) = video.frames([1])
        whole = planes.rgb().astype(int)
        patches = planes.patches_rgb([0, 7, 32], [0, 11, 64], 32)
        for patch, top, left in zip(patches, (0, 7, 32), (0, 11, 64), strict=True):
            assert np.abs(patch - whole[:, top : top + 32, left : left + 32]).max() <= 1


def test_the_sampling_of_a_tiny_frame_is_that_of_its_format():
    for name, chroma in (("yuv420p", "420"), ("yuv411p", "411"), ("yuv410p", "410")):
        assert chroma_of(av.VideoFormat(name, 3, 1)) == chroma


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
@pytest.mark.parametrize(
    ("space", "range_", "matrix", "full"),
    [(1, 1, "bt709", False), (5, 1, "bt601", False), (6, 2, "bt601", True), (9, 1, "bt2020", False)],
)
def test_declared_matrix_and_range_are_used(encode, name, space, range_, matrix, full):
    info = probe(encode(name, frames=2, color=(space, range_)))
    assert (info.color_matrix, info.full_range) == (matrix, full)


@pytest.mark.parametrize(
    ("size", "matrix"),
    [((640, 480), "bt601"), ((720, 576), "bt601"), ((1280, 720), "bt709"), ((720, 1280), "bt709")],
)
def test_an_undeclared_matrix_follows_from_the_size(size, matrix):
    assert color_matrix_of(av.VideoFrame(*size, "yuv420p")) == matrix


def test_ranges_that_are_not_declared():
    expected = {"yuvj420p": True, "yuv420p": False, "gray": True, "rgb24": True, "pal8": True}
    assert {name: full_range_of(av.VideoFrame(32, 32, name)) for name in expected} == expected


@pytest.mark.parametrize(("degrees", "matrix"), TURNS.items())
def test_rotation_is_applied(make_video, degrees, matrix):
    path = make_video(frames=3, width=128, height=96)
    with open_video(path) as video:
        upright = next(iter(video.frames([1]))).rgb()
    with open_video(rotated(path, matrix)) as video:
        info = video.info
        assert info.rotation_degrees == degrees
        assert (info.coded_width_px, info.coded_height_px) == (128, 96)
        assert (info.width_px, info.height_px) == ((128, 96) if degrees == 180 else (96, 128))
        (planes,) = video.frames([1])
        expected = np.rot90(upright, -degrees // 90, axes=(1, 2))
        np.testing.assert_array_equal(planes.rgb(), expected)
        np.testing.assert_array_equal(planes.patches_rgb([9], [4], 32)[0], expected[:, 9:41, 4:36])
        assert video.warnings == []


def test_our_sense_of_rotation_is_pyavs_reversed(make_video):
    path = rotated(make_video(frames=1), TURNS[90])
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert frame.rotation == -90  # PyAV counts counterclockwise
    assert frame_orientation(frame) == (Orientation(transpose=True, flip_columns=True), True)


def test_a_mirrored_video_is_mirrored(make_video):
    path = rotated(make_video(frames=1), (-UNIT, 0, 0, UNIT))
    with open_video(path) as video:
        assert video.info.rotation_degrees == 0
        (planes,) = video.frames([0])
        assert planes._orientation == Orientation(flip_columns=True)


def test_an_oblique_rotation_is_ignored_with_a_warning(make_video):
    path = rotated(make_video(frames=1), (46341, 46341, -46341, 46341))
    with open_video(path) as video:
        assert video.info.rotation_degrees == 0
        assert "no multiple of 90 degrees" in video.warnings[0]


def test_interlaced_video_is_flagged(encode):
    path = encode("i.mkv", frames=6, codec="mpeg2video", options={"flags": "+ildct+ilme", "top": "1"})
    with av.open(str(path)) as container:
        expected = next(container.decode(video=0)).interlaced_frame
    assert probe(path).interlaced == expected
    assert probe(encode("x.mkv", frames=6, options={"x264-params": "interlaced=1"})).interlaced


@pytest.mark.parametrize(
    ("steps", "variable"),
    [
        ([40] * 9, False),
        ([33, 33, 34] * 5, False),
        ([40, 40, 80, 40], True),
        ([40, 40, 20, 40], True),
        ([7], False),
    ],
)
def test_variable_rate_is_more_than_rounding(steps, variable):
    seconds = np.cumsum([0, *steps]) / 1000
    assert is_variable(seconds, 1 / 1000) == variable


def test_gif_colours_are_decoded(tmp_path):
    colors = np.array([[0, 0, 0], [255, 0, 0], [255, 255, 255]], np.uint8)
    path = tmp_path / "a.gif"
    write_video(
        path, [np.full((32, 48, 3), c, np.uint8) for c in colors], codec="gif", pixel_format="rgb8", fps=10
    )
    with open_video(path) as video:
        assert (video.info.frame_count, video.info.container, video.info.chroma) == (3, "gif", "rgb")
        assert video.info.duration_seconds == pytest.approx(0.3)
        for planes, color in zip(video.frames(range(3)), colors, strict=True):
            whole = planes.rgb()
            assert np.abs(whole.astype(int) - color[:, None, None]).max() <= 5  # 8-bit palette
            assert (planes.patches_rgb([1], [3], 16)[0] == whole[:, 1:17, 3:19]).all()


def test_a_transparent_gif_is_read(tmp_path):
    path = tmp_path / "t.gif"
    # 1x1 GIF with a transparent colour: the smallest legal one
    path.write_bytes(
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x0a\x00\x00\x00"
        b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
    )
    with open_video(path) as video:
        (planes,) = video.frames([0])
        assert video.info.frame_count == 1
        assert planes.rgb().shape == (3, 1, 1)


def test_full_range_video_is_not_stretched(encode):
    path = encode("f.mkv", frames=2, pixel_format="yuv420p", color=(5, 2))
    with open_video(path) as video:
        (planes,) = video.frames([0])
        y, _, _ = planes.yuv()
        assert video.info.full_range
        gray = planes.rgb().astype(float).mean(0).mean()
        assert abs(gray - y.mean()) < 8
