"""The sampler on real files: what a view shows, and what it costs to read."""

import numpy as np
import pytest
import torch

from sslvqa.sampling import ViewGeometry, normalize, plan_view_pair, plan_views, read_views
from sslvqa.video import open_video

SMALL = ViewGeometry(grid=2, fragment_px=16, frames=4, interval=2)


def _plans(video, *, clips=2, draws=2, geometry=SMALL, seed=0):
    return plan_views(
        video.info.height_px,
        video.info.width_px,
        video.info.frame_count,
        geometry=geometry,
        clips=clips,
        draws=draws,
        generator=torch.Generator().manual_seed(seed),
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("wide.mp4", {"width": 160, "height": 90}),
        ("tall.mkv", {"width": 72, "height": 130}),
        ("odd.mkv", {"width": 101, "height": 67, "pixel_format": "yuv444p"}),
        ("gray.mkv", {"width": 96, "height": 64, "pixel_format": "gray", "codec": "ffv1"}),
    ],
)
def test_views_of_a_file_show_the_planned_pixels(make_video, name, options):
    path = make_video(name, frames=20, **options)
    with open_video(path) as video:
        plans = _plans(video)
        views = read_views(video, plans)
        whole = {frame.index: frame.rgb() for frame in video.frames(range(video.info.frame_count))}
    for view, plan in zip(views.numpy(), plans, strict=True):
        rows, columns = plan.fragments.source_pixels()
        for time, index in enumerate(plan.clip.indices):
            difference = view[:, time].astype(int) - whole[index][:, rows, columns]
            assert np.abs(difference).max() <= 1


def test_only_the_fragments_of_the_union_of_frames_are_converted(make_video):
    with open_video(make_video(width=160, height=128, frames=30)) as video:
        plans = _plans(video, clips=2, draws=1)
        before = video.pixels_converted
        read_views(video, plans)
        union = {i for plan in plans for i in plan.clip.indices}
        assert video.frames_decoded <= max(union) + 1
        halo = (16 + 4) ** 2  # a block with even sides and a margin around each fragment
        assert video.pixels_converted - before <= len(union) * 4 * halo < len(union) * 160 * 128


@pytest.mark.parametrize(("width", "height"), [(2, 2), (4, 2), (2, 40), (30, 20)])
def test_tiny_files_are_enlarged(make_video, width, height):
    path = make_video("tiny.mkv", width=width, height=height, frames=3, codec="ffv1", pixel_format="yuv444p")
    with open_video(path) as video:
        views = read_views(video, _plans(video, geometry=ViewGeometry(frames=4)))
    assert views.shape == (4, 3, 4, 224, 224)
    assert torch.isfinite(normalize(views)).all()


def test_a_group_of_versions_is_read_with_one_plan(make_video):
    source = make_video("source.mkv", frames=16, codec="ffv1", pixel_format="yuv420p")
    version = make_video("version.mkv", frames=14, codec="libx264", options={"crf": "1"})
    with open_video(source) as first, open_video(version) as second:
        count = min(first.info.frame_count, second.info.frame_count)
        generator = torch.Generator().manual_seed(3)
        pair = plan_view_pair(128, 160, count, geometry=SMALL, generator=generator)
        one, other = read_views(first, pair).int(), read_views(second, pair).int()
    assert (one - other).abs().float().mean() < 3
    assert (one[0] - one[1]).abs().float().mean() > 6


@pytest.mark.shared
@pytest.mark.parametrize("name", ["open_017.mp4", "open_051.mp4", "ugc_001.mp4"])
def test_real_clips_give_the_same_views_twice(shared, name):
    reads = []
    for _ in range(2):
        with open_video(shared / "data" / "videos" / name) as video:
            reads.append(read_views(video, _plans(video, geometry=ViewGeometry(frames=8))))
    assert torch.equal(*reads)
    assert reads[0].float().std() > 5
