"""The order of levels, against counting pair by pair."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import DataError
from sslvqa.evaluate import level_order

VERSION = st.tuples(
    st.integers(0, 9).map(float), st.sampled_from("ab"), st.sampled_from(["blur", "noise"]), st.integers(0, 3)
)


@settings(max_examples=50, deadline=None)
@given(st.lists(VERSION, max_size=14))
def test_it_counts_the_pairs_of_a_scene_and_kind_with_the_undistorted_one(versions):
    columns = [list(column) for column in zip(*versions, strict=True)] or [[], [], [], []]
    scores, scenes, kinds, levels = columns
    found = level_order(scores, scenes=scenes, kinds=kinds, levels=levels)
    assert set(found) == {kind for _, _, kind, level in versions if level}
    for name, part in found.items():
        having = {scene for _, scene, kind, level in versions if kind == name and level}
        rows = [row for row in versions if row[1] in having and (row[2] == name or row[3] == 0)]
        right = [
            1.0 if (one[0] - two[0]) * (two[3] - one[3]) > 0 else 0.5 * (one[0] == two[0])
            for one, two in combinations(rows, 2)
            if one[1] == two[1] and one[3] != two[3]
        ]
        assert part.scenes == len(having)
        assert part.order.pairs == len(right)
        if right:
            assert part.order.accuracy == pytest.approx(sum(right) / len(right))
        for level, mean in part.means.items():
            values = [row[0] for row in rows if row[3] == level]
            assert mean == pytest.approx(sum(values) / len(values))


def test_sizes_that_differ_are_refused():
    with pytest.raises(DataError, match="got 1, 2, 1, 1 scores"):
        level_order([1.0], scenes=["a", "b"], kinds=["blur"], levels=[1])
