"""Decoded frames that are kept: the same bits, and nothing decoded twice."""

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import sslvqa.video.cache as module
from sslvqa.data import ManifestRow
from sslvqa.data.datasets import GroupDataset, ItemKey, SceneVersions, VideoDataset
from sslvqa.data.loaders import PartPlan, RunPlan, StepSampler, make_loader
from sslvqa.errors import ConfigError, VideoNotFoundError
from sslvqa.sampling import ViewGeometry
from sslvqa.video import RawGeometry, open_video
from sslvqa.video.cache import FrameCache, coded_planes

GEOMETRY = ViewGeometry(grid=2, fragment_px=16, frames=4, interval=2)
FRAME = 80 * 64 * 3 // 2


@pytest.fixture
def opened(monkeypatch):
    """Every video that the cache opened itself."""
    videos, real = [], module.open_video

    def open_video(*args, **options):
        videos.append(real(*args, **options))
        return videos[-1]

    monkeypatch.setattr(module, "open_video", open_video)
    return videos


def decoded(videos):
    return sum(video.frames_decoded for video in videos)


def views(path, cache, *, epochs=4):
    dataset = VideoDataset([ManifestRow(path, path.name)], GEOMETRY, cache=cache)
    return torch.stack([dataset[ItemKey("unlabelled", epoch, 0)].views for epoch in range(epochs)])


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((80, 64), {}),
        ((80, 64), {"pixel_format": "yuv444p"}),
        ((80, 64), {"pixel_format": "yuv422p", "options": {"colorspace": "bt709"}}),
        ((78, 62), {"options": {"bf": "3"}}),
        ((28, 24), {}),  # smaller than the view: enlarged from the whole frame
        ((81, 63), {"pixel_format": "yuv444p"}),
    ],
)
def test_views_are_the_same_bits_and_each_frame_is_decoded_once(make_video, tmp_path, opened, size, options):
    path = make_video(width=size[0], height=size[1], frames=12, **options)
    cache = FrameCache(tmp_path / "kept", max_bytes=1 << 30)
    first = views(path, cache)
    assert torch.equal(first, views(path, None))
    once, count = decoded(opened), len(opened)
    assert once > 0
    assert torch.equal(views(path, cache), first)
    again = FrameCache(tmp_path / "kept", max_bytes=1 << 30)  # of another run
    assert torch.equal(views(path, again), first)
    assert (decoded(opened), len(opened)) == (once, count)


def test_only_frames_that_are_missing_are_decoded(make_video, tmp_path, opened):
    path = make_video(width=80, height=64, frames=12, options={"g": "1"})
    cache = FrameCache(tmp_path / "kept", max_bytes=1 << 30)
    with cache.open(path) as video:
        expected = [frame.rgb() for frame in video.frames(range(4))]
    with cache.open(path) as video:
        found = {frame.index: frame.rgb() for frame in video.frames([5, 3, 0, 1, 2])}
        assert video.frames_decoded == decoded(opened[1:]) <= 2
        assert video.pixels_converted > 0
    assert list(found) == [0, 1, 2, 3, 5]
    assert all((found[number] == frame).all() for number, frame in enumerate(expected))


def test_a_full_cache_keeps_what_it_has_and_the_rest_is_decoded(make_video, tmp_path, opened):
    path = make_video(width=80, height=64, frames=12)
    cache = FrameCache(tmp_path / "kept", max_bytes=3 * FRAME)
    for _ in range(2):
        assert torch.equal(views(path, cache), views(path, None))
    held = next((tmp_path / "kept").glob("*/held.bin")).read_bytes()
    assert sum(held) == 3
    full = FrameCache(tmp_path / "kept", max_bytes=3 * FRAME)
    assert not full.take(FRAME)


def test_a_full_disk_only_ends_the_keeping(make_video, tmp_path, monkeypatch, caplog):
    path = make_video(width=80, height=64, frames=12)
    cache = FrameCache(tmp_path / "kept", max_bytes=1 << 30)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    assert torch.equal(views(path, cache), views(path, None))
    assert not cache.take(1)
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'kept'}: the disk is full; no more frames are kept"
    ]


def test_another_fault_of_the_disk_costs_that_frame_only(make_video, tmp_path, monkeypatch, caplog):
    path = make_video(width=80, height=64, frames=12)
    cache = FrameCache(tmp_path / "kept", max_bytes=12 * FRAME)
    real, calls = os.pwrite, []

    def fail_once(*args):
        calls.append(args)
        if len(calls) == 1:
            raise OSError(errno.EIO, "Input/output error")
        return real(*args)

    monkeypatch.setattr(os, "pwrite", fail_once)
    for _ in range(2):
        with cache.open(path) as video:
            assert len(list(video.frames(range(12)))) == 12
    held = next((tmp_path / "kept").glob("*/held.bin")).read_bytes()
    assert sum(held) == 12
    assert "frames cannot be kept (Input/output error)" in caplog.text


def test_threads_that_meet_a_new_video_at_once_both_keep_it(make_video, tmp_path, monkeypatch):
    path = make_video(width=80, height=64, frames=4)
    cache = FrameCache(tmp_path / "kept", max_bytes=1 << 30)
    both_are_there, real = threading.Barrier(2), module.Path.mkdir

    def mkdir(self, *args, **options):
        real(self, *args, **options)
        both_are_there.wait(timeout=20)

    monkeypatch.setattr(module.Path, "mkdir", mkdir)

    def read(_):
        with cache.open(path) as video:
            return len(list(video.frames(range(4))))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(read, range(2))) == [4, 4]
    assert cache.take(1)
    assert [len(list(entry.iterdir())) for entry in (tmp_path / "kept").iterdir()] == [4]


@pytest.mark.parametrize("options", [{"pixel_format": "yuv420p10le"}, {"options": {"flags": "+ildct+ilme"}}])
def test_what_cannot_be_kept_exactly_is_not_kept(make_video, tmp_path, options):
    path = make_video(width=80, height=64, frames=12, **options)
    cache = FrameCache(tmp_path / "kept", max_bytes=1 << 30)
    assert torch.equal(views(path, cache), views(path, None))
    assert not list((tmp_path / "kept").iterdir())


def test_a_file_that_changed_is_another_video(make_video, tmp_path):
    path = make_video(width=80, height=64, frames=12)
    cache = FrameCache(tmp_path / "kept", max_bytes=1 << 30)
    before = views(path, cache)
    make_video(width=80, height=64, frames=12, seed=5)
    os.utime(path, (1, 1))
    after = views(path, cache)
    assert not torch.equal(before, after)
    assert torch.equal(after, views(path, None))


def test_workers_share_it_and_groups_use_it(make_video, tmp_path):
    paths = [make_video(f"{i}.mp4", width=80, height=64, frames=10, seed=i) for i in range(3)]
    groups = [SceneVersions("s", tuple(paths), 10)]
    found = []
    for cache in (None, FrameCache(tmp_path / "kept", max_bytes=1 << 30)):
        dataset = GroupDataset(groups, GEOMETRY, versions=3, cache=cache)
        plan = RunPlan({"groups": PartPlan(1, 1)}, 4, 4, seed=0)
        loader = make_loader({"groups": dataset}, StepSampler(plan), workers=2)
        found.append(torch.stack([parts["groups"].views for parts in loader]))
    assert torch.equal(*found)
    assert len(list((tmp_path / "kept").glob("*/held.bin"))) == 3


def test_headerless_files_pass_and_absent_ones_are_named(tmp_path):
    cache = FrameCache(tmp_path / "kept", max_bytes=1 << 30)
    path = tmp_path / "a.yuv"
    path.write_bytes(bytes(2 * FRAME))
    with cache.open(path, geometry=RawGeometry(80, 64)) as video:
        assert video.info.frame_count == 2
    with pytest.raises(VideoNotFoundError, match=r"none\.mp4"):
        cache.open(tmp_path / "none.mp4")
    with pytest.raises(ConfigError, match="at least 1 byte"):
        FrameCache(tmp_path, max_bytes=0)


def test_an_entry_that_another_process_moves_while_the_folder_is_looked_through(
    make_video, tmp_path, monkeypatch
):
    path, folder = make_video(width=80, height=64, frames=6), tmp_path / "kept"
    views(path, FrameCache(folder, max_bytes=1 << 30))
    gone = folder / "moved.part" / "frames.bin"
    real = module.Path.glob
    monkeypatch.setattr(module.Path, "glob", lambda self, pattern: [*real(self, pattern), gone])
    assert torch.equal(views(path, FrameCache(folder, max_bytes=1 << 30)), views(path, None))


def test_opening_an_entry_parses_no_python_as_threads_cannot(make_video, tmp_path, monkeypatch):
    path = make_video(width=80, height=64, frames=8)
    cache = FrameCache(tmp_path / "kept", max_bytes=1 << 30)
    views(path, cache)
    with open_video(path) as video:
        expected = video.timestamps_seconds
    monkeypatch.setattr("ast.literal_eval", lambda _: pytest.fail("AST depth mismatch"))
    with cache.open(path) as video:
        np.testing.assert_array_equal(video.timestamps_seconds, expected)


def test_planes_of_a_whole_video_are_given_once_all_frames_are_kept(make_video, tmp_path):
    path = make_video(width=80, height=64, frames=6)
    cache = FrameCache(tmp_path / "kept", max_bytes=1 << 30)
    with cache.open(path) as video:
        assert coded_planes(video) is None
        wanted = b"".join(
            plane.tobytes()
            for planes in video.frames(range(6))
            for plane in planes.yuv()
            if plane is not None
        )
        assert coded_planes(video).tobytes() == wanted
    with cache.open(path) as video:
        assert coded_planes(video).tobytes() == wanted
