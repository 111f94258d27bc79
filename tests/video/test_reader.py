"""Frame n is the same picture however it is reached, in every container; no more is decoded than needed."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest

from sslvqa.errors import UnreadableVideoError, VideoLimitError
from sslvqa.video import Limits, Video, open_video

PYRAMID = {"g": "10", "bf": "3", "b-pyramid": "normal", "open-gop": "1", "preset": "veryfast"}
LONG = {"g": "250", "bf": "2", "sc_threshold": "0", "preset": "veryfast"}
CLOSED = {"g": "10", "bf": "0", "preset": "ultrafast"}
KINDS = [
    pytest.param("a.mp4", "libx264", PYRAMID, id="mp4-open-gop"),
    pytest.param("a.mov", "libx264", PYRAMID, id="mov-open-gop"),
    pytest.param("a.mkv", "libx264", PYRAMID, id="mkv-open-gop"),
    pytest.param("a.flv", "libx264", PYRAMID, id="flv-open-gop"),
    pytest.param("a.avi", "libx264", PYRAMID, id="avi-b-frames"),
    pytest.param("b.avi", "libx264", CLOSED, id="avi-no-b-frames"),
    pytest.param("a.ts", "libx264", PYRAMID, id="ts"),
    pytest.param("a.264", "libx264", PYRAMID, id="raw-h264"),
    pytest.param("l.mp4", "libx264", LONG, id="mp4-long-gop"),
    pytest.param("l.mkv", "libx264", LONG, id="mkv-long-gop"),
    pytest.param("l.avi", "libx264", LONG, id="avi-long-gop"),
    pytest.param(
        "h.mp4",
        "libx265",
        {"preset": "ultrafast", "x265-params": "keyint=10:bframes=3:log-level=none"},
        id="hevc",
    ),
    pytest.param("v.webm", "libvpx-vp9", {"g": "10", "deadline": "realtime", "cpu-used": "8"}, id="webm-vp9"),
    pytest.param(
        "v8.webm",
        "libvpx",
        {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "8", "cpu-used": "8"},
        id="webm-vp8-hidden-frames",
    ),
    pytest.param("m.mpg", "mpeg2video", {"g": "12", "bf": "2"}, id="mpeg-ps"),
    pytest.param("x.avi", "mpeg4", {"g": "12", "bf": "2"}, id="avi-mpeg4"),
    pytest.param("j.avi", "mjpeg", {}, id="avi-mjpeg"),
    pytest.param("g.gif", "gif", {}, id="gif"),
]
PIXELS = {"mjpeg": "yuvj420p", "gif": "rgb8"}
DEMUXERS = {"a.264": "h264"}


@pytest.fixture
def video_of(encode):
    def make(name, codec, options, **more):
        return encode(
            name,
            codec=codec,
            options=options,
            pixel_format=PIXELS.get(codec, "yuv420p"),
            container_format=DEMUXERS.get(name),
            **more,
        )

    return make


def luma(planes):
    return planes.yuv()[0]


@pytest.mark.parametrize(("name", "codec", "options"), KINDS)
def test_every_frame_is_exact_in_any_order(video_of, decode_all, name, codec, options):
    path = video_of(name, codec, options)
    reference, times = decode_all(path)
    with open_video(path) as video:
        assert video.info.frame_count == len(reference) == 40
        if codec != "gif":
            everything = [luma(p) for p in video.frames(range(40))]
            for i, (got, expected) in enumerate(zip(everything, reference, strict=True)):
                np.testing.assert_array_equal(got, expected, err_msg=str(i))
        else:
            everything = [luma(p) for p in video.frames(range(40))]
        if name != "a.avi" and times[0] is not None:
            np.testing.assert_allclose(video.timestamps_seconds, sorted(times), atol=1e-9)
        for wanted in ([39], [0], [17, 3], [25], [24, 26, 5], [11], [10], [9], [31, 30, 33]):
            for planes in video.frames(wanted):
                assert planes.source_index == planes.index
                np.testing.assert_array_equal(
                    luma(planes), everything[planes.index], err_msg=str(planes.index)
                )
        assert video.warnings == []


@pytest.mark.parametrize("stride", [2, 3, 7])
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", PYRAMID),
        ("libx264", LONG),
        ("libx265", {"preset": "ultrafast", "x265-params": "keyint=250:bframes=4:log-level=none"}),
    ],
)
def test_leaving_out_unwanted_pictures_changes_no_other(video_of, decode_all, codec, options, stride):
    path = video_of("s.mkv", codec, options)
    reference, _ = decode_all(path)
    with open_video(path) as video:
        for planes in video.frames(range(1, 40, stride)):
            np.testing.assert_array_equal(luma(planes), reference[planes.index])
        assert video.frames_decoded < 40
        assert video.warnings == []


def test_frames_come_sorted_and_once(make_video):
    with open_video(make_video(frames=12)) as video:
        assert [p.index for p in video.frames([7, 2, 7, 11, 2])] == [2, 7, 11]
        assert list(video.frames([])) == []


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_any_number_of_threads_gives_the_same_frames(make_video, threads):
    path = make_video(frames=12)
    with open_video(path, threads=threads) as video, open_video(path, threads=1) as one:
        for a, b in zip(video.frames(range(12)), one.frames(range(12)), strict=True):
            np.testing.assert_array_equal(a.rgb(), b.rgb())


def test_decoding_stops_after_the_last_wanted_frame(video_of):
    with open_video(video_of("l.mp4", "libx264", LONG), threads=1) as video:
        list(video.frames(range(10)))
        assert video.frames_decoded == 10


def test_a_seek_skips_what_is_not_needed(video_of):
    with open_video(video_of("k.mp4", "libx264", CLOSED), threads=1) as video:
        list(video.frames([0, 35]))
        assert video.frames_decoded == 1 + 6  # frame 0, then the key frame 30 up to 35


def test_no_seek_where_going_on_is_nearer(video_of):
    with open_video(video_of("k.mp4", "libx264", CLOSED), threads=1) as video:
        list(video.frames([2, 6]))
        assert video.frames_decoded == 7


def test_later_calls_go_on_where_the_last_one_ended(video_of):
    with open_video(video_of("l.mp4", "libx264", LONG), threads=1) as video:
        for i in range(20):
            assert [p.index for p in video.frames([i])] == [i]
        assert video.frames_decoded == 20
        list(video.frames([19]))
        assert video.frames_decoded == 20
        list(video.frames([3]))
        assert video.frames_decoded <= 24


def test_an_abandoned_call_does_not_hide_frames_from_the_next(video_of, decode_all):
    path = video_of("l.mp4", "libx264", LONG)
    reference, _ = decode_all(path)
    with open_video(path, threads=1) as video:
        iterator = video.frames([4, 39])
        next(iterator)
        iterator.close()
        for planes in video.frames(range(5, 12)):
            assert planes.source_index == planes.index
            np.testing.assert_array_equal(luma(planes), reference[planes.index])


def test_two_calls_read_in_turn_disturb_each_other_not(video_of, decode_all):
    path = video_of("l.mkv", "libx264", LONG)
    reference, _ = decode_all(path)
    with open_video(path, threads=1) as video:
        for pair in zip(video.frames(range(10)), video.frames(range(30, 40)), strict=True):
            for planes in pair:
                assert planes.source_index == planes.index
                np.testing.assert_array_equal(luma(planes), reference[planes.index])
        assert video.warnings == []


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "libx264"), ("a.mpg", "mpeg2video")])
@pytest.mark.parametrize("start", [0, 1000])
def test_joined_files_keep_all_frames(video_of, decode_all, name, codec, start):
    first = video_of(f"first_{name}", codec, {"g": "10", "bf": "2"}, frames=20, pts=range(start, start + 20))
    last = video_of(f"last_{name}", codec, {"g": "10", "bf": "2"}, frames=30)
    path = first.with_name(name)
    path.write_bytes(first.read_bytes() + last.read_bytes())
    reference, _ = decode_all(path)
    with open_video(path) as video:
        assert video.info.frame_count == len(reference) == 50
        assert (np.diff(video.timestamps_seconds) > 0).all()
        for planes in video.frames([0, 19, 20, 33, 49]):
            np.testing.assert_array_equal(luma(planes), reference[planes.index])
        assert any("timestamps go back" in warning for warning in video.warnings)


@pytest.mark.parametrize("threads", [2, 8])
@pytest.mark.parametrize("kind", ["cut", "overwritten"])
def test_what_comes_out_of_damage_does_not_depend_on_the_threads(video_of, kind, threads):
    path = video_of("a.mp4", "libx264", LONG, container_options={"movflags": "faststart"})
    data = path.read_bytes()
    if kind == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:  # which only decoding shows
        path.write_bytes(data[:-400] + b"\xff" * 400)
    found = []
    for count in (1, threads):
        with open_video(path, threads=count) as video:
            frames = [
                (p.source_index, luma(p).tobytes()) for p in video.frames(range(video.info.frame_count))
            ]
            found.append((frames, video.warnings))
    assert found[0] == found[1]
    assert found[0][1] != []


def test_only_asked_pixels_are_converted(make_video):
    with open_video(make_video(width=320, height=240)) as video:
        for planes in video.frames([0, 5]):
            planes.patches_rgb([0, 10, 100], [0, 10, 100], 32)
        assert video.pixels_converted == 2 * 3 * 34 * 34


def test_an_edit_list_hides_its_frames(encode, decode_all):
    path = encode("e.mp4", options=CLOSED)
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 4 + 4 + 4 + 4
    data[at : at + 4] = (3 * 512).to_bytes(4, "big")
    path.write_bytes(data)
    reference, times = decode_all(path)
    with open_video(path) as video:
        assert video.info.frame_count == len(reference) == 37
        assert video.info.header_frame_count == 40
        assert not video.info.damaged
        np.testing.assert_allclose(video.timestamps_seconds, times)
        for wanted in ([20], [0], [36, 5]):
            for planes in video.frames(wanted):
                np.testing.assert_array_equal(luma(planes), reference[planes.index])


def test_an_edit_list_that_ends_early_is_no_damage(encode):
    path = encode("e.mp4", options=CLOSED, container_options={"movflags": "faststart"})
    whole = path.read_bytes()
    data = bytearray(whole)
    at = data.index(b"elst") + 4 + 4 + 4
    data[at : at + 4] = (800).to_bytes(4, "big")  # of 1600 ms
    path.write_bytes(data)
    with open_video(path) as video:
        assert (video.info.frame_count, video.info.header_frame_count) == (20, 40)
        assert not video.info.damaged
        assert video.warnings == []
    for content in (whole, data):
        path.write_bytes(content[: len(content) * 4 // 10])
        with open_video(path) as video:
            assert video.info.damaged


@pytest.mark.parametrize("codec", ["mjpeg", "libx264"])
def test_dropped_frames_of_an_avi_are_no_damage(video_of, codec):
    pts = [0, 1, 2, 3, 10, 11, 12, 13, 14, 20, 21, 22, 23]
    path = video_of("j.avi", codec, CLOSED if codec == "libx264" else {}, frames=13, pts=pts)
    with open_video(path) as video:
        assert (video.info.frame_count, video.info.header_frame_count) == (13, 24)
        assert video.info.variable_frame_rate
        assert not video.info.damaged
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with open_video(path) as video:
        assert video.info.damaged
        assert any("header announces 24 frames" in warning for warning in video.warnings)


def test_variable_frame_rate_keeps_every_frames_time(encode, decode_all):
    pts = np.cumsum([0, 40, 40, 200, 10, 33, 33, 500, 40, 40] + [25] * 10).tolist()
    path = encode("v.mkv", frames=20, options=PYRAMID, pts=pts, time_base=Fraction(1, 1000))
    reference, times = decode_all(path)
    with open_video(path) as video:
        assert video.info.variable_frame_rate
        np.testing.assert_allclose(video.timestamps_seconds, np.array(pts) / 1000)
        np.testing.assert_allclose(video.timestamps_seconds, times)
        for planes in video.frames([19, 7, 8, 3]):
            np.testing.assert_array_equal(luma(planes), reference[planes.index])
            assert planes.pts_seconds == pytest.approx(pts[planes.index] / 1000)


def test_one_frame_is_a_video(make_video):
    with open_video(make_video(frames=1)) as video:
        assert video.info.frame_count == 1
        assert video.info.duration_seconds == pytest.approx(0.04)
        (planes,) = video.frames([0])
        assert planes.rgb().shape == (3, 128, 160)


def test_black_video_is_black(tmp_path):
    from sslvqa.video import write_video

    path = tmp_path / "black.mp4"
    write_video(path, [np.zeros((64, 96, 3), np.uint8)] * 5)
    with open_video(path) as video:
        assert max(int(p.rgb().max()) for p in video.frames(range(5))) <= 1


@pytest.mark.parametrize("size", [(98, 66), (74, 50), (50, 130)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_sizes_that_are_no_multiple_of_a_macroblock(make_video, size, pixel_format):
    width, height = size
    with open_video(
        make_video("o.mkv", width=width, height=height, frames=3, pixel_format=pixel_format)
    ) as video:
        (planes,) = video.frames([1])
        assert planes.rgb().shape == (3, height, width)


@pytest.mark.parametrize("size", [(75, 49), (51, 131)])
def test_odd_sizes_are_read(make_video, size):
    width, height = size
    path = make_video("o.mkv", width=width, height=height, frames=3, codec="libx264", pixel_format="yuv444p")
    with open_video(path) as video:
        assert (video.info.width_px, video.info.height_px) == size
        (planes,) = video.frames([2])
        patch = planes.patches_rgb([height - 9], [width - 9], 9)[0]
        np.testing.assert_array_equal(patch, planes.rgb()[:, -9:, -9:])


def test_an_open_file_is_read_and_left_open(make_video):
    data = io.BytesIO(make_video(frames=4).read_bytes())
    with open_video(data) as video:
        assert video.info.path == "<file object>"
        assert len(list(video.frames(range(4)))) == 4
    assert not data.closed


def test_both_backends_are_videos(make_video):
    with open_video(make_video(frames=2)) as video:
        assert isinstance(video, Video)


@pytest.mark.parametrize("wrong", [[-1], [24], [0, 100]])
def test_frames_outside_the_video_are_refused(make_video, wrong):
    with open_video(make_video()) as video, pytest.raises(ValueError, match="the video has frames 0 to 23"):
        list(video.frames(wrong))


def test_a_closed_video_says_so(make_video):
    video = open_video(make_video())
    video.close()
    video.close()
    with pytest.raises(UnreadableVideoError, match="closed"):
        list(video.frames([0]))


def test_a_frame_that_takes_too_long_is_a_limit(make_video, monkeypatch):
    with open_video(make_video()) as video:
        monkeypatch.setattr(Limits, "check_time", _time_is_up)
        with pytest.raises(VideoLimitError, match="decoding took longer"):
            list(video.frames([5]))


def _time_is_up(self, started, *, name, doing):
    raise VideoLimitError(f"{name}: {doing} took longer than {self.timeout_seconds:g} s")
