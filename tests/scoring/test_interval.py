"""Conformal intervals: coverage as stated and not much more; refusal when there are too few labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import ConfigError, DataError
from sslvqa.scoring import ConformalInterval, fit_interval, widen_interval


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=9, max_size=60))
def test_one_video_a_content_gives_the_corrected_quantile(errors):
    errors = np.array(errors)
    found = fit_interval(errors, np.zeros_like(errors))
    rank = int(np.ceil((errors.size + 1) * 0.9 - 1e-9))
    assert found.half_width == np.sort(np.abs(errors))[rank - 1]


@pytest.mark.parametrize(("count", "enough"), [(0, False), (8, False), (9, True)])
def test_too_few_contents_give_no_interval(count, enough):
    found = fit_interval(np.arange(count), np.zeros(count))
    assert (found is not None) == enough


def test_many_versions_of_few_contents_are_still_too_few():
    contents = [f"c{i % 5}" for i in range(100)]
    assert fit_interval(np.arange(100.0), np.zeros(100), contents=contents) is None


@pytest.mark.parametrize(("contents", "versions"), [(12, 28), (20, 6), (40, 1)])
@pytest.mark.parametrize("bias", [0.0, 5.0])
def test_new_contents_are_covered_as_often_as_stated_and_not_much_more(contents, versions, bias):
    rng = np.random.default_rng(0)

    def errors(count, each):  # each content has its own error, shared by its versions
        return rng.normal(0, bias, (count, 1)) + rng.normal(0, 2, (count, each))

    everything = np.sort(np.abs(errors(2000, 20)).ravel())
    names = [f"c{i}" for i in range(contents) for _ in range(versions)]
    widths = [
        fit_interval(errors(contents, versions).ravel(), np.zeros(len(names)), contents=names).half_width
        for _ in range(200)
    ]
    held = np.searchsorted(everything, widths) / everything.size
    assert 0.88 <= held.mean() <= 0.92


def test_the_level_is_the_lowest_that_holds_enough_of_contents_left_out():
    rng = np.random.default_rng(0)
    errors = rng.normal(0, 2, (12, 7)).round(1) + rng.normal(0, 2, (12, 1)).round()  # with ties
    residuals = np.abs(errors)

    def width(rows, level):
        """Return the smallest value that holds more than ``level`` of these contents."""
        return next(v for v in np.sort(rows.ravel()) if (rows <= v).mean(axis=1).sum() > level + 1e-9)

    others = [np.delete(residuals, own, axis=0) for own in range(12)]
    levels = {(rest < v).mean(axis=1).sum() for rest, own in zip(others, residuals, strict=True) for v in own}
    level = next(
        level
        for level in sorted(levels)
        if sum((own <= width(rest, level)).mean() for rest, own in zip(others, residuals, strict=True))
        >= 0.9 * 13 - 1e-9
    )
    names = [f"c{own}" for own in range(12) for _ in range(7)]
    found = fit_interval(errors.ravel(), np.zeros(84), contents=names)
    assert found.half_width == width(residuals, level)


def test_a_content_with_many_versions_weighs_no_more_than_the_others():
    contents = ["big"] * 50 + [f"c{i}" for i in range(19)]
    errors = np.concatenate([np.full(50, 100.0), np.arange(19.0)])
    assert fit_interval(errors, np.zeros(69), contents=contents).half_width == 18.0


def test_bounds_stay_on_the_scale():
    interval = ConformalInterval(0.9, 30.0, 9, 9)
    assert interval.bounds(10.0, minimum=0, maximum=100) == (0, 40)
    assert interval.bounds(90.0, minimum=0, maximum=100) == (60, 100)


def test_wrong_arguments_are_refused():
    with pytest.raises(ConfigError, match="coverage is 1"):
        fit_interval([1], [1], coverage=1.0)
    with pytest.raises(DataError, match="2 labels, 1 scores"):
        fit_interval([1, 2], [1])
    with pytest.raises(DataError, match="not finite"):
        fit_interval([1, np.nan], [1, 2])


def test_a_widened_interval_holds_the_imitated_one_as_often_as_it_says():
    distances = np.abs(np.random.default_rng(0).normal(0, 1, 400))
    teacher = ConformalInterval(0.9, 2.0, 100, 100)
    mine = widen_interval(teacher, distances[:200], contents=[str(i) for i in range(200)])
    assert mine.coverage == pytest.approx(0.85)
    assert mine.margin > 0
    assert mine.bounds(50.0) == pytest.approx((48.0 - mine.margin, 52.0 + mine.margin))
    held = distances <= mine.margin + 1e-9
    assert held[:200].mean() >= 0.95
    assert held[200:].mean() > 0.9
    assert ConformalInterval.from_card(mine.to_card()) == mine


def test_a_student_that_is_its_teacher_keeps_the_width():
    teacher = ConformalInterval(0.9, 2.0, 100, 100)
    mine = widen_interval(teacher, np.zeros(19), contents=[str(i) for i in range(19)])
    assert mine.margin == 0


def test_too_few_contents_widen_nothing_and_a_share_without_coverage_is_refused():
    teacher = ConformalInterval(0.9, 2.0, 100, 100)
    names = [str(i) for i in range(18)]
    assert widen_interval(teacher, np.zeros(18), contents=names) is None
    assert widen_interval(teacher, np.zeros(36), contents=names * 2) is None
    with pytest.raises(ConfigError, match=r"between 0.1 and 1"):
        widen_interval(teacher, np.zeros(18), contents=names, share=0.05)
