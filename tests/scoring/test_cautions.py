"""What a reader of a score is told about its video."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sslvqa.sampling import ViewGeometry, plan_views
from sslvqa.scoring.cautions import cautions
from sslvqa.scoring.reading import Reading
from sslvqa.video.frames import VideoInfo

GEOMETRY = ViewGeometry(grid=4, fragment_px=8, frames=2, interval=1)


@pytest.fixture
def read(make_video):
    """What is read of a picture of grey noise within black borders, in px: top, bottom, left, right."""
    from sslvqa.video.reader import probe

    base = probe(make_video(width=96, height=64, frames=8))

    def make(top=0, bottom=0, left=0, right=0, black=0, height=64, width=96):
        frame = np.full((height, width), black, np.uint8)
        inside = frame[top : height - bottom, left : width - right]
        inside[:] = np.random.default_rng(0).integers(40, 200, inside.shape)
        info = resized(base, height, width)
        generator = torch.Generator().manual_seed(1)
        plans = plan_views(height, width, 8, geometry=GEOMETRY, clips=4, generator=generator)
        views = []
        for plan in plans:
            rows, columns = plan.fragments.source_pixels()
            views.append(torch.from_numpy(frame[rows, columns]).expand(3, 2, -1, -1))
        return Reading(info, np.arange(8.0), plans, (), torch.stack(views), ())

    return make


def resized(info: VideoInfo, height: int, width: int) -> VideoInfo:
    from dataclasses import replace

    return replace(info, path=Path("x.mp4"), height_px=height, width_px=width)


def test_an_ordinary_picture_needs_no_word(read):
    assert cautions(read(), GEOMETRY) == ()


@pytest.mark.parametrize(
    ("border", "percent"),
    [
        ({"left": 24, "right": 24}, 50),
        ({"top": 8, "bottom": 8}, 25),
        ({"left": 48}, 50),
        ({"top": 16, "bottom": 16, "left": 24, "right": 24}, 75),
    ],
)
def test_a_black_border_is_named_with_its_share_of_the_frame(read, border, percent):
    (text,) = cautions(read(**border), GEOMETRY)
    found = int(text.removeprefix("the outer ").split("%")[0])
    assert "of the frame are black: a border moves the score" in text
    assert abs(found - percent) <= 12  # what no fragment shows counts as picture


def test_a_border_that_compression_brightened_is_one_still(read):
    assert cautions(read(left=48, black=12), GEOMETRY)
    assert not cautions(read(left=48, black=40), GEOMETRY)


def test_a_black_video_and_a_dark_edge_are_no_borders(read):
    assert cautions(read(top=32, bottom=32), GEOMETRY) == ()
    assert cautions(read(left=1), GEOMETRY) == ()


def test_a_border_is_found_in_a_frame_that_is_enlarged(read):
    texts = cautions(read(left=10, right=10, height=20, width=30), GEOMETRY)
    assert "enlarged" in texts[0]
    assert "are black" in texts[1]
