"""Window geometry: closed forms and properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.nn.swin3d.window import (
    axis_gates,
    axis_masks,
    bias_rows,
    fragment_gates,
    plan_windows,
    shift_masks,
)

sides = st.tuples(*[st.integers(1, 9)] * 3)
windows = st.tuples(*[st.integers(1, 4)] * 3)
few = settings(max_examples=25, deadline=None)


def test_the_shift_is_half_a_window_but_0_where_one_window_covers_the_axis():
    plan = plan_windows((16, 7, 5), window=(8, 7, 7), shifted=True)
    assert plan.window == (8, 7, 5)
    assert plan.shift == (4, 0, 0)
    assert plan_windows((16, 14, 14), window=(8, 7, 7), shifted=False).shift == (0, 0, 0)


def test_windows_alike_share_one_bias():
    assert plan_windows((16, 14, 14), window=(8, 7, 7), shifted=False).distinct == 1
    assert plan_windows((16, 14, 14), window=(8, 7, 7), shifted=False, gate="distance").distinct == 4
    assert plan_windows((8, 14, 14), window=(8, 7, 7), shifted=True).distinct == 4
    assert plan_windows((16, 14, 14), window=(8, 7, 7), shifted=True).distinct == 8


def test_gate_is_the_manhattan_distance_of_fragments_and_the_binary_one_its_sign():
    plan = plan_windows((1, 4, 4), window=(1, 4, 4), shifted=False, fragments=2, gate="distance")
    gates = fragment_gates(plan)[0]
    assert gates[0, 1] == 0
    assert gates[0, 3] == 1
    assert gates[0, 15] == 2
    binary = plan_windows((1, 4, 4), window=(1, 4, 4), shifted=False, fragments=2, gate="binary")
    assert np.array_equal(fragment_gates(binary)[0], gates > 0)


def test_fragments_move_with_the_shift():
    plan = plan_windows((1, 8, 8), window=(1, 4, 4), shifted=True, fragments=4, gate="distance")
    gates = fragment_gates(plan)
    assert gates[0, 0, 3] == 1  # rows 2..5 hold fragments 1 and 2
    assert gates[3, 0, 3] == 3  # the last window joins fragments 3 and 0


@few
@given(sides, windows, st.booleans(), st.integers(1, 7))
def test_masks_and_gates_are_symmetric_and_zero_on_the_diagonal(size, window, shifted, fragments):
    plan = plan_windows(size, window=window, shifted=shifted, fragments=fragments, gate="distance")
    for table in (shift_masks(plan).astype(int), fragment_gates(plan)):
        assert table.shape == (plan.distinct, plan.tokens, plan.tokens)
        assert np.array_equal(table, table.transpose(0, 2, 1))
        assert not np.diagonal(table, axis1=1, axis2=2).any()
    assert fragment_gates(plan).max() <= 2 * (fragments - 1)


@few
@given(windows)
def test_bias_rows_depend_on_the_offset_only_and_use_every_row(window):
    plan = plan_windows((9, 9, 9), window=window, shifted=False)
    rows = bias_rows(plan)
    assert set(rows.ravel()) == set(range(np.prod([2 * n - 1 for n in window])))
    assert len(set(np.diag(rows))) == 1
    assert np.array_equal(rows + rows.T, np.full_like(rows, 2 * rows[0, 0]))


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("gate", ["distance", "binary"])
def test_gates_and_masks_of_a_window_are_those_of_its_place_along_each_axis(shifted, gate):
    plan = plan_windows((6, 8, 10), window=(4, 4, 5), shifted=shifted, fragments=4, gate=gate)
    shape = (*plan.counts, plan.tokens, plan.tokens)
    by_row, by_column = axis_gates(plan, 1)[:, None], axis_gates(plan, 2)
    gates = by_row + by_column if gate == "distance" else np.maximum(by_row, by_column)
    time, height, width = (axis_masks(plan, axis) for axis in range(3))
    assert not any(mask[:-1].any() for mask in (time, height, width))
    masks = time[:, None, None] | height[:, None] | width
    groups = (1 if shifted else plan.counts[0]) * plan.distinct
    expected = [
        np.resize(each(plan), (groups, plan.tokens, plan.tokens)) for each in (fragment_gates, shift_masks)
    ]
    assert np.array_equal(np.broadcast_to(gates, shape).reshape(expected[0].shape), expected[0])
    assert np.array_equal(masks.reshape(expected[1].shape), expected[1])
    assert masks.any() == shifted
