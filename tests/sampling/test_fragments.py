import logging

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import ConfigError, DataError
from sslvqa.sampling import cut_fragments, plan_fragments

examples = settings(max_examples=25, deadline=None)
sides = st.one_of(st.integers(1, 60), st.integers(60, 2400))


def _plan(height, width, *, seed=0, **options):
    return plan_fragments(height, width, generator=torch.Generator().manual_seed(seed), **options)


def _cut(video, plan):
    frames = video.frames(range(video.info.frame_count))
    return torch.stack([torch.from_numpy(cut_fragments(frame, plan)) for frame in frames], dim=1)


@examples
@given(
    height=sides,
    width=sides,
    grid=st.integers(1, 8),
    size=st.sampled_from([1, 4, 16, 32]),
    seed=st.integers(0, 999),
)
def test_every_fragment_lies_inside_its_own_cell(height, width, grid, size, seed):
    plan = _plan(height, width, grid=grid, size=size, seed=seed)
    for starts, side, cell_of in (
        (plan.tops, plan.height_px, lambda i, j: i),
        (plan.lefts, plan.width_px, lambda i, j: j),
    ):
        cell = side // grid
        assert cell >= size
        for i in range(grid):
            for j in range(grid):
                first = cell * cell_of(i, j)
                assert first <= starts[i][j] <= max(first, first + cell - size - 1)
                assert starts[i][j] + size <= min(first + cell, side)


@examples
@given(height=sides, width=sides)
def test_a_small_frame_is_enlarged_by_one_factor_and_no_more_than_needed(height, width):
    plan = _plan(height, width)
    if min(height, width) >= 224:
        assert not plan.enlarged
        assert (plan.height_px, plan.width_px, plan.scale) == (height, width, 1.0)
    else:
        assert plan.enlarged
        assert min(plan.height_px, plan.width_px) == 224
        assert plan.scale == 224 / min(height, width)
        assert abs(plan.height_px - height * plan.scale) <= 0.5
        assert abs(plan.width_px - width * plan.scale) <= 0.5


@examples
@given(height=sides, width=sides, seed=st.integers(0, 99))
def test_the_same_seed_gives_the_same_plan(height, width, seed):
    assert _plan(height, width, seed=seed) == _plan(height, width, seed=seed)


def test_offsets_are_uniform_in_the_cell_without_its_last_place():
    # cells of 40 px leave 8 places, 0..7
    offsets = np.array([np.array(_plan(280, 280, seed=seed).tops) for seed in range(60)])
    offsets -= 40 * np.arange(7)[None, :, None]
    values, counts = np.unique(offsets, return_counts=True)
    assert values.tolist() == list(range(8))
    assert np.all(np.abs(counts / offsets.size - 1 / 8) < 0.02)


def test_rows_and_columns_of_a_fragment_are_drawn_independently():
    plan = _plan(1080, 1080)
    rows = np.array(plan.tops) - 154 * np.arange(7)[:, None]
    columns = np.array(plan.lefts) - 154 * np.arange(7)[None, :]
    assert abs(np.corrcoef(rows.ravel(), columns.ravel())[0, 1]) < 0.4
    assert len(np.unique(rows)) > 20


@examples
@given(height=st.integers(448, 1200), width=st.integers(448, 1200), seed=st.integers(0, 99))
def test_the_two_halves_of_a_cell_never_share_a_pixel(height, width, seed):
    first = _plan(height, width, seed=seed, region="first_half")
    second = _plan(height, width, seed=seed + 1, region="second_half")
    for starts, others, side in ((first.tops, second.tops, height), (first.lefts, second.lefts, width)):
        cell = side // 7
        for i in range(7):
            for j in range(7):
                inside, other = starts[i][j] % cell, others[i][j] % cell
                assert inside + 32 <= cell // 2 <= other


def test_halves_of_small_cells_fall_back_to_independent_draws_and_say_so_once(caplog):
    with caplog.at_level(logging.WARNING, logger="sslvqa.sampling"):
        plans = [
            _plan(301, 1003, seed=seed, region=half)
            for seed, half in enumerate(["first_half", "second_half"] * 9)
        ]
    assert len([r for r in caplog.records if "1003x301" in r.getMessage()]) == 1
    assert plans[0].tops != plans[1].tops
    assert {top for plan in plans for top in plan.tops[0]} == set(range(43 - 32))
    # the long side is still split
    assert all(left % 143 < 143 // 2 for left in plans[0].lefts[0])
    assert all(left % 143 >= 143 // 2 for left in plans[1].lefts[0])


@pytest.mark.parametrize(("height", "width"), [(96, 130), (130, 96), (97, 131), (64, 64), (65, 333)])
def test_a_view_shows_the_planned_pixels_and_converts_nothing_else(array_video, height, width):
    video = array_video(frames=3, height=height, width=width)
    plan = _plan(height, width, grid=2, size=32)
    view = _cut(video, plan)
    assert view.shape == (3, 3, 64, 64)
    assert view.dtype == torch.uint8
    rows, columns = plan.source_pixels()
    for frame, shown in zip(video.served, view.unbind(1), strict=True):
        assert np.array_equal(shown.numpy(), frame._pixels[:, rows, columns])
        assert frame.whole_conversions == 0


@pytest.mark.parametrize("shape", [(2, 2), (1, 1), (1, 50), (50, 1), (40, 57), (57, 40), (63, 200)])
def test_an_enlarged_view_equals_torchs_bilinear_enlargement(array_video, shape):
    height, width = shape
    video = array_video(frames=2, height=height, width=width)
    plan = _plan(height, width, grid=4, size=16)
    view = _cut(video, plan)
    pixels = torch.from_numpy(video._pixels).double()
    target = (plan.height_px, plan.width_px)
    large = torch.nn.functional.interpolate(pixels, size=target, mode="bilinear", align_corners=False)
    for i in range(4):
        for j in range(4):
            top, left = plan.tops[i][j], plan.lefts[i][j]
            expected = large[:, :, top : top + 16, left : left + 16].transpose(0, 1)
            shown = view[:, :, 16 * i : 16 * i + 16, 16 * j : 16 * j + 16]
            assert (shown - expected).abs().max() <= 0.5 + 1e-3


def test_fragments_of_an_enlarged_frame_reach_its_far_corner():
    plan = _plan(120, 200)  # the grid must follow the enlarged frame, 224x373
    rows, columns = plan.source_pixels()
    assert rows.max() == 119
    assert columns.max() > 200 * 6 / 7


@examples
@given(height=sides, width=sides, seed=st.integers(0, 99))
def test_source_pixels_always_lie_in_the_frame(height, width, seed):
    rows, columns = _plan(height, width, seed=seed).source_pixels()
    assert rows.shape == columns.shape == (224, 224)
    assert 0 <= rows.min() <= rows.max() < height
    assert 0 <= columns.min() <= columns.max() < width


def test_a_frame_of_another_size_is_refused(array_video):
    video = array_video(frames=1, height=64, width=96)
    with pytest.raises(DataError, match="96x64 px, but the fragments were planned for 64x64"):
        _cut(video, _plan(64, 64, grid=2))


@pytest.mark.parametrize("name", ["height", "width", "grid", "size"])
def test_a_number_below_one_is_refused_by_name(name):
    options = {"height": 64, "width": 64, "grid": 2, "size": 8, name: 0}
    with pytest.raises(ConfigError, match=f"{name} is 0"):
        _plan(options.pop("height"), options.pop("width"), **options)


def test_an_unknown_region_is_refused():
    with pytest.raises(ConfigError, match="third_half"):
        _plan(64, 64, grid=2, region="third_half")
