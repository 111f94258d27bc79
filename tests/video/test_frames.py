"""One frame: coordinates, rotation, raw planes, wrong arguments."""

from __future__ import annotations

import av
import numpy as np
import pytest

from sslvqa.video.frames import Planes
from sslvqa.video.orientation import Orientation

ALL_ORIENTATIONS = [Orientation(t, r, c) for t in (False, True) for r in (False, True) for c in (False, True)]


@pytest.mark.parametrize("orientation", ALL_ORIENTATIONS)
def test_patches_of_a_turned_frame_come_from_the_displayed_place(noise_frame, orientation):
    frame = noise_frame("yuv420p", 75, 48)
    planes = Planes(frame, index=0, pts_seconds=0.0, orientation=orientation)
    shown = planes.rgb()
    assert shown.shape == (3, planes.height_px, planes.width_px)
    upright = Planes(frame, index=0, pts_seconds=0.0).rgb()
    np.testing.assert_array_equal(shown, orientation.apply(upright))
    np.testing.assert_array_equal(planes.patches_rgb([3], [5], 20)[0], shown[:, 3:23, 5:25])
    patch = planes.patches_rgb([planes.height_px - 16], [0], 16)[0]
    np.testing.assert_array_equal(patch, shown[:, -16:, :16])


@pytest.mark.parametrize(
    ("orientation", "turns", "degrees"),
    [
        (Orientation(), 0, 0),
        (Orientation(transpose=True, flip_columns=True), -1, 90),
        (Orientation(flip_rows=True, flip_columns=True), 2, 180),
        (Orientation(transpose=True, flip_rows=True), 1, 270),
    ],
)
def test_rotation_is_clockwise(orientation, turns, degrees):
    picture = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(orientation.apply(picture), np.rot90(picture, turns))
    assert orientation.rotation_degrees == degrees


@pytest.mark.parametrize(
    ("pixel_format", "chroma_shape", "dtype"),
    [
        ("yuv420p", (24, 38), np.uint8),
        ("yuv422p", (48, 38), np.uint8),
        ("yuv444p", (48, 75), np.uint8),
        ("yuv420p10le", (24, 38), np.uint16),
        ("nv12", (24, 38), np.uint8),
        ("p010le", (24, 38), np.uint16),
        ("rgb24", (48, 75), np.uint8),
        ("pal8", (48, 75), np.uint8),
    ],
)
def test_raw_planes_have_the_coded_shape_and_depth(noise_frame, pixel_format, chroma_shape, dtype):
    y, u, v = Planes(noise_frame(pixel_format, 75, 48), index=0, pts_seconds=0.0).yuv()
    assert y.shape == (48, 75)
    assert u.shape == v.shape == chroma_shape
    assert y.dtype == u.dtype == v.dtype == dtype


def test_raw_planes_are_the_coded_samples(noise_frame):
    frame = noise_frame("yuv420p", 64, 48)
    y, u, v = Planes(frame, index=0, pts_seconds=0.0).yuv()
    np.testing.assert_array_equal(
        np.concatenate([y.ravel(), u.ravel(), v.ravel()]), frame.to_ndarray().ravel()
    )


@pytest.mark.parametrize(("pixel_format", "dtype"), [("gray", np.uint8), ("gray10le", np.uint16)])
def test_gray_has_no_chroma_planes(noise_frame, pixel_format, dtype):
    y, u, v = Planes(noise_frame(pixel_format, 75, 48), index=0, pts_seconds=0.0).yuv()
    assert (y.shape, y.dtype, u, v) == ((48, 75), dtype, None, None)


def test_alpha_is_dropped():
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = 200, 7
    planes = Planes(av.VideoFrame.from_ndarray(pixels, format="rgba"), index=0, pts_seconds=0.0)
    assert planes.rgb()[:, 4, 4].tolist() == [200, 0, 0]


@pytest.mark.parametrize(
    ("tops", "lefts", "size", "words"),
    [
        ([0, 1], [0], 8, "2 tops but 1 lefts"),
        ([0], [0], 0, "at least 1 px"),
        ([-1], [0], 8, "leaves the frame"),
        ([41], [0], 8, "leaves the frame of 75x48"),
        ([0], [68], 8, "leaves the frame"),
    ],
)
def test_impossible_patches_are_refused(noise_frame, tops, lefts, size, words):
    planes = Planes(noise_frame("yuv420p", 75, 48), index=0, pts_seconds=0.0)
    with pytest.raises(ValueError, match=words):
        planes.patches_rgb(tops, lefts, size)


def test_a_frame_describes_itself(noise_frame):
    planes = Planes(noise_frame("gray", 32, 16), index=3, pts_seconds=0.12)
    assert repr(planes) == "Planes(index=3, pts_seconds=0.120000, 32x16)"
    assert planes.source_index == 3
