"""Patches equal the conversion of the whole frame, in every format and at every place."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sslvqa.video.convert import Converter
from sslvqa.video.frames import Planes
from sslvqa.video.layout import format_layout

FORMATS = [
    "yuv420p",
    "yuvj420p",
    "yuv422p",
    "yuv444p",
    "yuv440p",
    "yuv411p",
    "yuv410p",
    "yuva420p",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p10le",
    "yuv420p12le",
    "yuv444p12le",
    "gray",
    "gray10le",
    "gray12le",
    "gbrp",
    "gbrp10le",
    "gbrap",
    "rgb24",
    "bgr24",
    "rgba",
    "bgra",
    "rgb0",
    "rgb48le",
    "nv12",
    "nv21",
    "p010le",
    "yuyv422",
    "uyvy422",
    "ya8",
    "pal8",
]
UNCUTTABLE = ("monow", "bayer_rggb8", "monob")


def block_of(frame, top, left, size, **color):
    color = {"matrix": "bt601", "full_range": False, **color}
    return Converter().blocks(frame, [top], [left], size, size, **color)[0]


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_patches_equal_the_whole_frame_in_every_format(noise_frame, pixel_format):
    frame = noise_frame(pixel_format, 96, 64)
    planes = Planes(frame, index=0, pts_seconds=0.0)
    whole = planes.rgb().astype(int)
    tops, lefts = [0, 1, 31, 32, 13, 5, 2], [0, 64, 63, 1, 17, 30, 2]
    patches = planes.patches_rgb(tops, lefts, 32)
    for patch, top, left in zip(patches, tops, lefts, strict=True):
        difference = np.abs(patch - whole[:, top : top + 32, left : left + 32])
        assert difference.max() <= 1, (pixel_format, top, left)


@pytest.mark.parametrize("pixel_format", UNCUTTABLE)
def test_formats_that_cannot_be_cut_still_give_patches(noise_frame, pixel_format):
    assert format_layout(pixel_format) is None
    planes = Planes(noise_frame(pixel_format, 64, 64), index=0, pts_seconds=0.0)
    np.testing.assert_array_equal(planes.patches_rgb([3], [5], 16)[0], planes.rgb()[:, 3:19, 5:21])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_patch_of_any_frame_size_equals_the_whole_frame(noise_frame, data):
    pixel_format = data.draw(
        st.sampled_from(["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv411p", "nv12"])
    )
    width, height = data.draw(st.integers(16, 75)), data.draw(st.integers(16, 75))
    size = data.draw(st.integers(1, 16))
    top, left = data.draw(st.integers(0, height - size)), data.draw(st.integers(0, width - size))
    frame = noise_frame(pixel_format, width, height)
    color = {
        "matrix": data.draw(st.sampled_from(["bt601", "bt709", "bt2020"])),
        "full_range": data.draw(st.booleans()),
    }
    whole = Converter().whole(frame, **color).astype(int)
    assert whole.shape == (3, height, width)
    difference = np.abs(
        block_of(frame, top, left, size, **color) - whole[:, top : top + size, left : left + size]
    )
    assert difference.max() <= 1


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gray", "bgra"])
def test_the_whole_frame_equals_pyavs_own_conversion(noise_frame, pixel_format):
    frame = noise_frame(pixel_format, 96, 64)
    expected = frame.to_ndarray(format="rgb24").transpose(2, 0, 1)
    whole = Converter().whole(frame, matrix="bt601", full_range=pixel_format in {"gray", "bgra"})
    assert np.abs(whole.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(
    ("matrix", "kr", "kb"), [("bt601", 0.299, 0.114), ("bt709", 0.2126, 0.0722), ("bt2020", 0.2627, 0.0593)]
)
@pytest.mark.parametrize("bits", [8, 10])
def test_matrix_and_range_follow_the_standards_equations(matrix, kr, kb, full_range, bits):
    frame = av.VideoFrame(32, 32, "yuv444p" if bits == 8 else "yuv444p10le")
    y, u, v = (value << (bits - 8) for value in (120, 100, 150))
    for plane, value in zip(frame.planes, (y, u, v), strict=True):
        sample = value.to_bytes(bits // 8 + (bits > 8), "little")[: 1 if bits == 8 else 2]
        plane.update((sample * plane.buffer_size)[: plane.buffer_size])
    got = Converter().whole(frame, matrix=matrix, full_range=full_range)[:, 16, 16]
    luma = 120 / 255 if full_range else (120 - 16) / 219
    cb, cr = ((c - 128) / (255 if full_range else 224) for c in (100, 150))
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    expected = 255 * np.array([red, green, blue])
    assert np.abs(got - expected).max() <= 2.5  # swscale's fixed-point tables


@pytest.mark.parametrize(
    ("value", "full_range", "expected"), [(16, False, 0), (235, False, 255), (0, True, 0), (255, True, 255)]
)
def test_gray_is_expanded_from_its_range(value, full_range, expected):
    frame = av.VideoFrame(32, 32, "gray")
    frame.planes[0].update(bytes([value]) * frame.planes[0].buffer_size)
    assert (Converter().whole(frame, matrix="bt601", full_range=full_range) == expected).all()


def test_an_odd_frame_is_the_padded_frame_cut(noise_frame):
    frame = noise_frame("yuv420p", 75, 47)
    y, u, v = Planes(frame, index=0, pts_seconds=0.0).yuv()
    padded = av.VideoFrame.from_ndarray(
        np.concatenate([np.pad(y, ((0, 1), (0, 1)), mode="edge").ravel(), u.ravel(), v.ravel()]).reshape(
            72, 76
        ),
        format="yuv420p",
    )
    expected = padded.to_ndarray(format="rgb24").transpose(2, 0, 1)[:, :47, :75]
    np.testing.assert_array_equal(Converter().whole(frame, matrix="bt601", full_range=False), expected)


def test_only_the_patches_pixels_are_converted(noise_frame):
    converter = Converter()
    frame = noise_frame("yuv420p", 1280, 720)
    Planes(frame, index=0, pts_seconds=0.0, converter=converter).patches_rgb([0, 101], [7, 1000], 32)
    assert converter.pixels_converted == 2 * 34 * 34  # odd positions need one more row and column each


def test_many_patches_are_converted_in_several_mosaics(noise_frame):
    frame = noise_frame("yuv420p", 64, 64)
    planes = Planes(frame, index=0, pts_seconds=0.0)
    tops, lefts = [i % 33 for i in range(700)], [(7 * i) % 33 for i in range(700)]
    patches = planes.patches_rgb(tops, lefts, 31)
    whole = planes.rgb()
    for i in (0, 481, 482, 699):
        np.testing.assert_array_equal(patches[i], whole[:, tops[i] : tops[i] + 31, lefts[i] : lefts[i] + 31])


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv420p10le", "yuv422p10le"])
def test_decoded_frames_keep_siting_and_fields(encode, pixel_format, interlaced):
    options = {"x264-params": f"interlaced={int(interlaced)}"}
    path = encode("a.mkv", frames=2, pixel_format=pixel_format, options=options)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert frame.interlaced_frame == interlaced
    expected = frame.to_ndarray(format="rgb24").transpose(2, 0, 1).astype(int)
    planes = Planes(frame, index=0, pts_seconds=0.0)
    assert np.abs(planes.rgb() - expected).max() <= 1
    tops, lefts = [0, 1, 2, 3, 31, 32, 13], [0, 64, 63, 1, 17, 30, 2]
    for patch, top, left in zip(planes.patches_rgb(tops, lefts, 32), tops, lefts, strict=True):
        assert np.abs(patch - expected[:, top : top + 32, left : left + 32]).max() <= 1
