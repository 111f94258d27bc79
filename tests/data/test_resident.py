"""Frames in a device's memory: the same views as from the files, to within rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sslvqa.data import ManifestRow
from sslvqa.data.datasets import GroupDataset, ItemKey, SceneVersions, VideoDataset
from sslvqa.data.resident import DeviceFrames
from sslvqa.errors import ConfigError
from sslvqa.sampling import ViewGeometry
from sslvqa.sampling.turns import TURNS, draw_turns, turn_view
from sslvqa.video import RawGeometry

GEOMETRY = ViewGeometry(grid=2, fragment_px=16, frames=4, interval=1)
CPU = torch.device("cpu")


def pair_of_datasets(rows, geometry=GEOMETRY, **options):
    files = {row.path: row.geometry for row in rows}
    frames, held = DeviceFrames.read(files, geometry=geometry, device=CPU, max_bytes=10**9)
    return frames, VideoDataset(rows, geometry, **options), VideoDataset(rows, geometry, held=held, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pixel_format": "yuv422p"},
        {"pixel_format": "yuv444p"},
        {"pixel_format": "yuv420p10le", "codec": "libx265"},
        {"width": 81, "height": 65, "pixel_format": "yuv444p"},
        {"width": 30, "height": 64},
        {"width": 24, "height": 20},
    ],
    ids=str,
)
def test_views_are_those_of_the_file_to_within_rounding(make_video, options):
    path = make_video(**({"width": 80, "height": 64, "frames": 9} | options))
    frames, from_file, from_memory = pair_of_datasets([ManifestRow(path, "a", score=1.0)], turned=True)
    for epoch in range(4):
        key = ItemKey("labelled", epoch, 0)
        wanted, places = from_file[key], from_memory[key]
        found = frames.views(places.views)
        assert found.shape == wanted.views.shape
        assert found.dtype == torch.uint8
        assert places.score == wanted.score
        assert (found.int() - wanted.views.int()).abs().max() <= 3
        assert (found.float() - wanted.views.float()).mean().abs() < 0.3


def test_videos_of_several_sizes_share_a_batch(make_video):
    sizes = [(80, 64), (24, 20), (50, 40)]
    paths = [make_video(f"{w}.mp4", width=w, height=h, frames=7) for w, h in sizes]
    rows = [ManifestRow(path, path.name) for path in paths]
    frames, from_file, from_memory = pair_of_datasets(rows)
    keys = [ItemKey("unlabelled", 0, place) for place in (2, 0, 1)]
    found = frames.views(torch.stack([from_memory[key].views for key in keys]))
    wanted = torch.stack([from_file[key].views for key in keys])
    assert found.shape == wanted.shape == (3, 2, 3, 4, 32, 32)
    assert (found.int() - wanted.int()).abs().max() <= 3


def test_headerless_video(tmp_path):
    geometry = RawGeometry(64, 48, pixel_format="yuv420p")
    path = tmp_path / "a.yuv"
    noise = np.random.default_rng(0).integers(16, 235, geometry.frame_bytes * 6, np.uint8)
    path.write_bytes(noise.tobytes())
    frames, from_file, from_memory = pair_of_datasets([ManifestRow(path, "a", geometry=geometry)])
    key = ItemKey("labelled", 0, 0)
    assert (frames.views(from_memory[key].views).int() - from_file[key].views.int()).abs().max() <= 3


def test_versions_of_a_scene(make_video):
    paths = tuple(make_video(f"{i}.mp4", width=80, height=64, frames=8, seed=i) for i in range(3))
    frames, held = DeviceFrames.read(dict.fromkeys(paths), geometry=GEOMETRY, device=CPU, max_bytes=10**9)
    scene = SceneVersions("s", paths, 8)
    key = ItemKey("groups", 3, 0)
    wanted = GroupDataset([scene], GEOMETRY, versions=3)[key].views
    found = frames.views(GroupDataset([scene], GEOMETRY, versions=3, held=held)[key].views)
    assert found.shape == wanted.shape
    assert (found.int() - wanted.int()).abs().max() <= 3


def test_too_many_frames_are_refused_with_the_size(make_video):
    path = make_video(width=80, height=64, frames=9)
    with pytest.raises(ConfigError, match="device_gigabytes"):
        DeviceFrames.read({path: None}, geometry=GEOMETRY, device=CPU, max_bytes=1000)


def test_turns_are_all_different_and_the_first_changes_nothing():
    view = torch.arange(3 * 2 * 4 * 4).view(3, 2, 4, 4)
    turned = [turn_view(view, turn) for turn in range(TURNS)]
    assert torch.equal(turned[0], view)
    assert all(part.sort().values.flatten().sum() == view.sum() for part in turned)
    assert len({tuple(part.flatten().tolist()) for part in turned}) == TURNS
    generator = torch.Generator().manual_seed(0)
    assert set(draw_turns(400, generator=generator)) == set(range(TURNS))
