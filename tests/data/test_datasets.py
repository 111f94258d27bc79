from __future__ import annotations

import math
from dataclasses import replace

import av
import pytest
import torch

from sslvqa.data import ManifestRow, scan_videos
from sslvqa.data.datasets import (
    GroupDataset,
    ItemKey,
    SceneVersions,
    VideoDataset,
    derive_seed,
    probe_videos,
    read_centre_views,
    usable_rows,
)
from sslvqa.data.levels import known_order
from sslvqa.data.loaders import PartPlan, RunPlan, StepSampler, make_loader
from sslvqa.errors import ConfigError, DataError, UnreadableVideoError
from sslvqa.sampling import ViewGeometry
from sslvqa.video import RawGeometry
from sslvqa.video.planar import read_planes
from sslvqa.video.reader import open_video

GEOMETRY = ViewGeometry(grid=2, fragment_px=16, frames=4, interval=1)


def rows_of(make_video, count, **options):
    paths = [make_video(f"{i}.mp4", width=80, height=64, frames=10, seed=i, **options) for i in range(count)]
    return [ManifestRow(path, path.name, score=float(i), content=path.name) for i, path in enumerate(paths)]


def test_an_item_depends_on_seed_epoch_and_position_only(make_video):
    rows = rows_of(make_video, 2)
    dataset, same = (VideoDataset(rows, GEOMETRY, seed=3) for _ in range(2))
    key = ItemKey("labelled", 5, 1)
    item = dataset[key]
    dataset[ItemKey("labelled", 0, 0)]
    torch.rand(3)
    assert item.views.shape == (2, 3, 4, 32, 32)
    assert item.views.dtype == torch.uint8
    assert item.score == 1.0
    assert torch.equal(item.views, same[key].views)
    assert not torch.equal(item.views, dataset[ItemKey("labelled", 6, 1)].views)
    assert not torch.equal(item.views, VideoDataset(rows, GEOMETRY, seed=4)[key].views)


def test_an_unlabelled_item_has_no_score_and_one_view_on_request(make_video):
    row = ManifestRow(make_video(width=80, height=64, frames=6), "a.mp4")
    item = VideoDataset([row], GEOMETRY, views=1)[ItemKey("corpus", 0, 0)]
    assert item.views.shape == (3, 4, 32, 32)
    assert math.isnan(item.score)


def test_versions_of_a_scene_share_frames_and_offsets(make_video):
    path = make_video(width=80, height=64, frames=10)
    twin = make_video("b.mp4", width=80, height=64, frames=12)
    scene = SceneVersions("s", (path, path, twin, path), 10)
    item = GroupDataset([scene], GEOMETRY, versions=4)[ItemKey("groups", 0, 0)]
    assert item.views.shape == (4, 2, 3, 4, 32, 32)
    assert torch.equal(item.views[0], item.views[1])
    assert not torch.equal(item.views[0, 0], item.views[0, 1])


def test_versions_are_ordered_within_a_kind_and_below_the_reference(make_video):
    kinds = (("reference", 0), ("blur", 2), ("noise", 1), ("blur", 1), ("noise+blur", 0))
    nan = math.nan
    known = torch.tensor([[0, -2, nan, -1, nan], [0, nan, -1, nan, nan], [0, nan, nan, nan, -1]])
    torch.testing.assert_close(known_order(kinds)[:3], known, equal_nan=True)
    assert known_order(kinds)[3:].isnan().all()
    paths = tuple(make_video(f"{i}.mp4", width=80, height=64, frames=6, seed=i) for i in range(5))
    dataset = GroupDataset([SceneVersions("s", paths, 6, kinds)], GEOMETRY, versions=5, views=1)
    item = dataset[ItemKey("groups", 0, 0)]
    assert item.views.shape == (5, 1, 3, 4, 32, 32)
    torch.testing.assert_close(item.score[:3], known, equal_nan=True)


def test_the_source_is_always_among_the_drawn_versions(make_video):
    paths = tuple(make_video(f"{i}.mp4", width=80, height=64, frames=6, seed=i) for i in range(4))
    dataset = GroupDataset([SceneVersions("s", paths, 6)], GEOMETRY, versions=2)
    alone = GroupDataset([SceneVersions("s", paths[:2], 6)], GEOMETRY, versions=2)
    seconds = set()
    for epoch in range(6):
        views = dataset[ItemKey("groups", epoch, 0)].views
        seconds.add(views[1].float().mean().item())
        assert views[0].shape == alone[ItemKey("groups", epoch, 0)].views[0].shape
    assert len(seconds) > 1
    with pytest.raises(ConfigError, match="too few in s"):
        GroupDataset([SceneVersions("s", paths, 6)], GEOMETRY, versions=5)


def test_centre_views_are_the_same_every_time(make_video):
    row = ManifestRow(make_video(width=80, height=64, frames=12), "a.mp4")
    one, two = (read_centre_views(row, GEOMETRY, clips=3, seed=0) for _ in range(2))
    assert one.shape == (3, 3, 4, 32, 32)
    assert torch.equal(one, two)


def test_headerless_videos_are_read_as_the_table_says(tmp_path):
    raw = RawGeometry(80, 64)
    (tmp_path / "a.yuv").write_bytes(bytes(range(256)) * (12 * raw.frame_bytes // 256))
    row = ManifestRow(tmp_path / "a.yuv", "a.yuv", score=1.0, geometry=raw)
    assert probe_videos([row]) == []
    assert read_centre_views(row, GEOMETRY, clips=2, seed=0).shape == (2, 3, 4, 32, 32)
    assert VideoDataset([row], GEOMETRY)[ItemKey("labelled", 0, 0)].views.shape == (2, 3, 4, 32, 32)
    assert "its frame size is needed" in probe_videos([replace(row, geometry=None)])[0][1]


def test_bad_videos_are_listed_all_at_once(make_video, tmp_path):
    make_video("good.mp4", frames=4)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    manifest = scan_videos(tmp_path)
    assert len(probe_videos(manifest.rows)) == 2
    with pytest.raises(DataError, match="2 of 3 videos cannot be read") as caught:
        usable_rows(manifest, skip_bad=False)
    assert "empty.mp4" in str(caught.value)
    assert "text.mp4" in str(caught.value)
    usable, messages = usable_rows(manifest, skip_bad=True)
    assert [row.name for row in usable.rows] == ["good.mp4"]
    assert len(messages) == 2
    with pytest.raises(DataError, match="none of 2 videos"):
        usable_rows(manifest.select(row for row in manifest.rows if row.name != "good.mp4"), skip_bad=True)


def test_a_video_whose_last_frame_does_not_decode_is_bad(make_video):
    path = make_video(frames=12, options={"bf": "0"})
    with av.open(str(path)) as container:
        *_, last = (bytes(packet) for packet in container.demux(video=0) if packet.size)
    path.write_bytes(path.read_bytes().replace(last, b"\xff" * len(last)))
    row = ManifestRow(path, path.name)
    ((_, problem),) = probe_videos([row])
    assert "the first or the last frame does not decode" in problem
    with pytest.raises(UnreadableVideoError, match="frame 11 does not decode"):
        read_planes(path, None, None, 12)
    assert VideoDataset([row], GEOMETRY)[ItemKey("labelled", 0, 0)].views.shape == (2, 3, 4, 32, 32)


def test_seeds_are_mixed_and_the_same_on_every_machine():
    assert derive_seed(0, "labelled", 1, 2) == derive_seed(0, "labelled", 1, 2)
    assert derive_seed(0, 12) != derive_seed(1, 2) != derive_seed(0, 1, 2)
    assert derive_seed(0) == 4246866556266386882
    assert 0 <= derive_seed(7, "x") < 2**63


PLAN = RunPlan(
    parts={
        "labelled": PartPlan(5, 2),
        "unlabelled": PartPlan(7, 4),
        "corpus": PartPlan(2, 3, once_per_epoch=True, shared=True),
    },
    steps_per_epoch=3,
    total_steps=9,
    seed=0,
)


def test_every_item_of_a_part_comes_once_in_each_pass():
    keys = [key for step in range(9) for key in PLAN.keys(step) if key.part == "unlabelled"]
    passes = {epoch: sorted(k.position for k in keys if k.epoch == epoch) for epoch in range(5)}
    assert all(passes[epoch] == list(range(7)) for epoch in range(5))
    orders = [tuple(k.position for k in keys if k.epoch == epoch) for epoch in range(5)]
    assert len(set(orders)) > 1


def test_the_corpus_comes_with_the_first_step_of_an_epoch_and_after_an_interruption():
    def corpus(keys):
        return [key for key in keys if key.part == "corpus"]

    whole = list(StepSampler(PLAN))
    assert [len(corpus(keys)) for keys in whole] == [3, 0, 0] * 3
    resumed = list(StepSampler(PLAN, start=4))
    assert corpus(resumed[0]) == corpus(whole[3])
    assert resumed[1:] == whole[5:]
    assert [key for key in resumed[0] if key.part != "corpus"] == whole[4]


def test_processes_share_out_a_step():
    ranks = [list(StepSampler(PLAN, rank=rank, world=2)) for rank in range(2)]
    for step in range(9):
        joined = [key for rank in ranks for key in rank[step] if key.part == "unlabelled"]
        assert joined == [key for key in PLAN.keys(step) if key.part == "unlabelled"]
        assert sum(key.part == "corpus" for key in ranks[1][step]) in {0, 3}
    with pytest.raises(ConfigError, match="use a multiple of 3"):
        StepSampler(PLAN, world=3)


def test_a_part_smaller_than_its_batch_is_taken_whole():
    assert PartPlan(3, 16).taken == 3
    with pytest.raises(ConfigError, match="must be at least 1"):
        PartPlan(0, 2)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_gives_the_parts_of_each_step(make_video, workers):
    rows = rows_of(make_video, 3)
    parts = {name: VideoDataset(rows, GEOMETRY) for name in ("labelled", "unlabelled")}
    plan = RunPlan({name: PartPlan(3, 2) for name in parts}, steps_per_epoch=2, total_steps=2, seed=1)
    batches = list(make_loader(parts, StepSampler(plan), workers=workers))
    assert len(batches) == 2
    first = batches[0]["labelled"]
    assert first.views.shape == (2, 2, 3, 4, 32, 32)
    expected = [key for key in plan.keys(0) if key.part == "labelled"]
    assert first.positions.tolist() == [key.position for key in expected]
    assert first.scores.tolist() == [float(key.position) for key in expected]
    assert torch.equal(first.views[1], parts["labelled"][expected[1]].views)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_workers_do_not_wait_for_decoders_that_the_parent_forgot(make_video):
    rows = rows_of(make_video, 2)
    forgotten = [open_video(rows[0].path, threads=2)]
    assert len(list(forgotten[0].frames([0, 9]))) == 2
    forgotten.append(forgotten)
    del forgotten
    plan = RunPlan({"labelled": PartPlan(2, 2)}, steps_per_epoch=1, total_steps=2, seed=1)
    assert (
        len(list(make_loader({"labelled": VideoDataset(rows, GEOMETRY)}, StepSampler(plan), workers=1))) == 2
    )
