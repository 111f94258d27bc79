import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import ConfigError, DataError
from sslvqa.maps import fill_uncovered, smooth_maps
from sslvqa.maps.project import _project
from sslvqa.sampling import ClipPlan, ViewGeometry, ViewPlan, plan_fragments, plan_views

examples = settings(max_examples=25, deadline=None)
SMALL = ViewGeometry(grid=2, fragment_px=8, frames=4, interval=2)


def _plans(height, width, *, frame_count=30, clips=1, draws=1, seed=0, geometry=SMALL):
    generator = torch.Generator().manual_seed(seed)
    return plan_views(
        height, width, frame_count, geometry=geometry, clips=clips, draws=draws, generator=generator
    )


def _measured(scores, plans):
    """A map before it is blurred, of ``(n, h, w)`` scores, and which pixels were seen."""
    return _project(range(len(plans)), np.asarray(scores, dtype=np.float64), plans)


@examples
@given(height=st.integers(1, 150), width=st.integers(1, 150), seed=st.integers(0, 999))
def test_gather_then_project_returns_every_pixels_owner(height, width, seed):
    (plan,) = _plans(height, width, seed=seed)
    owners = np.arange(1.0, 5.0).reshape(1, 2, 2)  # one number for every token
    values, coverage = _measured(owners, [plan])
    rows, columns = plan.fragments.source_pixels()
    shown_by = np.zeros((height, width, 5))
    for row in range(16):
        for column in range(16):
            shown_by[rows[row, column], columns[row, column], int(owners[0, row // 8, column // 8])] += 1
    assert np.array_equal(coverage, shown_by.sum(-1) > 0)
    expected = shown_by @ np.arange(5.0) / np.maximum(shown_by.sum(-1), 1)
    np.testing.assert_allclose(values[coverage], expected[coverage], rtol=1e-6)


@examples
@given(height=st.integers(16, 200), width=st.integers(16, 200), seed=st.integers(0, 999))
def test_a_large_enough_frame_gets_each_score_on_exactly_one_fragment(height, width, seed):
    (plan,) = _plans(height, width, seed=seed)
    values, coverage = _measured(np.arange(4.0).reshape(1, 2, 2), [plan])
    assert values.shape == coverage.shape == (height, width)
    assert coverage.sum() == 4 * 8 * 8
    for i in range(2):
        for j in range(2):
            top, left = plan.fragments.tops[i][j], plan.fragments.lefts[i][j]
            assert (values[top : top + 8, left : left + 8] == 2 * i + j).all()


def test_tokens_smaller_than_a_fragment_keep_their_part_of_it():
    (plan,) = _plans(60, 60)
    values, _ = _measured(np.arange(16.0).reshape(1, 4, 4), [plan])
    top, left = plan.fragments.tops[0][0], plan.fragments.lefts[0][0]
    assert values[top, left] == 0
    assert values[top + 7, left + 7] == 5


def test_overlapping_draws_are_averaged_and_widen_the_coverage():
    plans = _plans(20, 20, draws=40)
    scores = np.repeat(np.arange(40.0), 4).reshape(40, 2, 2)
    _, of_one = _measured(scores[:1], plans[:1])
    values, coverage = _measured(scores, plans)
    assert of_one.sum() < coverage.sum()
    row, column = plans[7].fragments.tops[1][0], plans[7].fragments.lefts[1][0]
    shown_by = [
        n
        for n, plan in enumerate(plans)
        if 0 <= row - plan.fragments.tops[1][0] < 8 and 0 <= column - plan.fragments.lefts[1][0] < 8
    ]
    assert values[row, column] == pytest.approx(np.mean(shown_by), rel=1e-6)


@examples
@given(height=st.integers(1, 90), width=st.integers(1, 90), seed=st.integers(0, 999))
def test_filling_keeps_measured_pixels_and_stays_within_their_range(height, width, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(height, width)).astype(np.float32)
    covered = rng.random((height, width)) < 0.05
    covered[rng.integers(height), rng.integers(width)] = True
    filled = fill_uncovered(values, covered)
    assert filled.shape == (height, width)
    assert np.array_equal(filled[covered], values[covered])
    assert filled.min() >= values[covered].min() - 1e-5
    assert filled.max() <= values[covered].max() + 1e-5


def test_filling_a_plane_from_sparse_samples_is_close_to_the_plane():
    rows, columns = np.mgrid[:64, :96]
    plane = (rows + 2 * columns).astype(np.float32)
    covered = (rows % 8 == 3) & (columns % 8 == 3)
    error = np.abs(fill_uncovered(plane, covered) - plane)[8:-8, 8:-8]
    assert error.max() <= 16  # two thirds of a sample step along both axes
    assert error.mean() < 4


def test_nothing_covered_cannot_be_filled():
    with pytest.raises(DataError, match="no pixel"):
        fill_uncovered(np.zeros((4, 4), np.float32), np.zeros((4, 4), bool))


def test_equal_scores_give_a_flat_map():
    plans = _plans(97, 61, clips=2, draws=3)
    made = next(smooth_maps(np.full((6, 2, 2, 2), 0.3), plans, frames=[5]))
    np.testing.assert_allclose(made.values, 0.3, rtol=1e-6)
    assert made.values.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 2, 2), "expected"),
        ((2, 2, 2, 2), "for 1 plans"),
        ((1, 3, 2, 2), "3 temporal tokens"),
        ((1, 2, 3, 2), "3x2 for views of 16 px"),
        ((1, 0, 2, 2), "expected"),
    ],
)
def test_scores_that_do_not_fit_the_plans_are_refused(shape, message):
    with pytest.raises(ConfigError, match=message):
        smooth_maps(np.zeros(shape), _plans(40, 40), frames=[0])


def test_a_score_that_is_not_finite_is_refused():
    with pytest.raises(DataError, match="not finite"):
        smooth_maps(np.full((1, 2, 2, 2), np.nan), _plans(40, 40), frames=[0])


def test_plans_for_different_sizes_and_negative_frames_are_refused():
    mixed = _plans(40, 40) + _plans(40, 41)
    with pytest.raises(ConfigError, match="different sizes"):
        smooth_maps(np.zeros((2, 2, 2, 2)), mixed, frames=[0])
    with pytest.raises(ConfigError, match="frame is -1"):
        next(smooth_maps(np.zeros((1, 2, 2, 2)), _plans(40, 40), frames=[-1]))


def test_a_one_pixel_video_has_a_map():
    generator = torch.Generator().manual_seed(0)
    plan = ViewPlan(ClipPlan((0, 0)), plan_fragments(1, 1, grid=2, size=8, generator=generator))
    made = next(smooth_maps(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), [plan], frames=[0]))
    assert made.values.tolist() == [[2.5]]


def test_smooth_maps_change_gradually_between_clips_and_hold_before_and_after():
    plans = _plans(40, 40, clips=2, draws=3)
    scores = np.concatenate([np.zeros((3, 2, 2, 2)), np.ones((3, 2, 2, 2))])
    first, last = (sorted(plans[view].clip.indices)[2] for view in (0, 3))
    maps = list(smooth_maps(scores, plans, frames=range(30)))
    levels = np.array([item.values.mean() for item in maps])
    assert (np.diff(levels) >= -1e-6).all()
    assert np.diff(levels).max() <= 1.01 / (last - first)
    assert (levels[: first + 1] == 0).all()
    np.testing.assert_allclose(levels[last:], 1, rtol=1e-6)
    assert {item.sampled_index for item in maps} == {first, last}


def test_smooth_maps_have_no_token_edges_and_stay_between_the_scores():
    plans = _plans(60, 60, draws=4)
    scores = np.random.default_rng(0).random((4, 2, 2, 2))
    smooth = next(smooth_maps(scores, plans, frames=[0])).values
    hard, _ = _measured(scores.mean(axis=1), plans)
    assert scores.min() <= smooth.min() <= smooth.max() <= scores.max()
    assert np.abs(np.diff(smooth)).max() < np.abs(np.diff(hard)).max() / 2
