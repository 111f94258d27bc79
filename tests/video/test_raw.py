"""Headerless files."""

from __future__ import annotations

import numpy as np
import pytest

from sslvqa.errors import ConfigError, UnreadableVideoError, VideoLimitError
from sslvqa.video import Limits, RawGeometry, Video, open_video, probe


@pytest.fixture
def yuv_file(tmp_path):
    def write(
        pixel_format="yuv420p", *, width=34, height=18, frames=5, extra=b"", dtype=np.uint8, values=256
    ):
        geometry = RawGeometry(width, height, fps=10.0, pixel_format=pixel_format)
        samples = geometry.frame_bytes // np.dtype(dtype).itemsize
        data = np.random.default_rng(0).integers(0, values, (frames, samples)).astype(dtype)
        path = tmp_path / "a.yuv"
        path.write_bytes(data.tobytes() + extra)
        return path, geometry, data

    return write


def test_planes_are_the_files_bytes(yuv_file):
    path, geometry, data = yuv_file()
    with open_video(path, geometry=geometry) as video:
        assert isinstance(video, Video)
        for planes in video.frames([4, 1]):
            got = np.concatenate([p.ravel() for p in planes.yuv()])
            np.testing.assert_array_equal(got, data[planes.index])
            assert planes.pts_seconds == planes.index / 10
        assert video.frames_decoded == 2
        assert video.warnings == []


def test_ten_bit_planes(yuv_file):
    path, geometry, data = yuv_file("yuv422p10le", dtype=np.uint16, values=1024)
    with open_video(path, geometry=geometry) as video:
        (planes,) = video.frames([3])
        np.testing.assert_array_equal(np.concatenate([p.ravel() for p in planes.yuv()]), data[3])
        patch = planes.patches_rgb([1], [3], 16)[0].astype(int)
        assert np.abs(patch - planes.rgb()[:, 1:17, 3:19]).max() <= 1
        assert (video.info.bit_depth, video.info.chroma) == (10, "422")


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "nv12", "gray", "rgb24", "yuyv422"])
@pytest.mark.parametrize(("width", "height"), [(34, 18), (35, 19)])
def test_plain_formats_and_odd_sizes(yuv_file, pixel_format, width, height):
    path, geometry, _ = yuv_file(pixel_format, width=width, height=height)
    with open_video(path, geometry=geometry) as video:
        assert video.info.frame_count == 5
        (planes,) = video.frames([2])
        np.testing.assert_array_equal(planes.patches_rgb([2], [2], 16)[0], planes.rgb()[:, 2:18, 2:18])
        assert video.pixels_converted > 0


def test_facts_of_a_headerless_file(yuv_file):
    path, geometry, _ = yuv_file()
    info = probe(path, geometry=geometry)
    assert (info.width_px, info.height_px, info.frame_count, info.fps) == (34, 18, 5, 10.0)
    assert info.duration_seconds == pytest.approx(0.5)
    assert info.header_frame_count is info.header_fps is info.header_duration_seconds is None
    assert (info.codec, info.container, info.damaged) == ("rawvideo", "yuv", False)


def test_left_over_bytes_are_reported(yuv_file):
    path, geometry, _ = yuv_file(extra=b"1234567")
    with open_video(path, geometry=geometry) as video:
        assert video.info.frame_count == 5
        assert video.info.damaged
        assert "7 bytes after the last whole frame" in video.warnings[0]


def test_less_than_a_frame_is_refused(yuv_file):
    path, _, _ = yuv_file()
    with pytest.raises(UnreadableVideoError, match=r"a\.yuv: \d+ bytes, but one yuv420p frame of 640x480 px"):
        open_video(path, geometry=RawGeometry(640, 480))


def test_a_headerless_file_needs_its_geometry(yuv_file):
    path, _, _ = yuv_file()
    with pytest.raises(UnreadableVideoError, match="pass geometry=RawGeometry"):
        open_video(path)


def test_limits_hold_for_headerless_files(yuv_file):
    path, geometry, _ = yuv_file()
    with pytest.raises(VideoLimitError, match="more than 4 frames"):
        open_video(path, geometry=geometry, limits=Limits(max_frames=4))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"width_px": 0, "height_px": 5}, "are positive"),
        ({"width_px": 5, "height_px": 5, "fps": 0.0}, "are positive"),
        ({"width_px": 5, "height_px": 5, "pixel_format": "nonsense"}, "pixel_format is 'nonsense'"),
        *(
            ({"width_px": 5, "height_px": 5, "pixel_format": name}, f"pixel_format is '{name}'")
            for name in ("pal8", "rgb96le", "uyyvyy411", "y210be", "yaf32le")
        ),
    ],
)
def test_wrong_geometry_is_refused(values, words):
    with pytest.raises(ConfigError, match=words):
        RawGeometry(**values)


@pytest.mark.parametrize("full_range", [False, True])
def test_a_geometry_is_read_from_its_text(full_range):
    geometry = RawGeometry(64, 48, fps=12.5, pixel_format="yuv444p", full_range=full_range)
    assert RawGeometry.parse(str(geometry)) == geometry
    assert str(RawGeometry(64, 48)) == "64x48:yuv420p@25"
    assert RawGeometry.parse("64x48+full") == RawGeometry(64, 48, full_range=True)


def test_a_file_that_shrinks_while_it_is_read_says_so(yuv_file):
    path, geometry, _ = yuv_file()
    with open_video(path, geometry=geometry) as video:
        path.write_bytes(b"")
        with pytest.raises(UnreadableVideoError, match="became shorter"):
            list(video.frames([4]))
