"""Fragments that cover a frame."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import ConfigError
from sslvqa.sampling import tile_fragments


def covered(plans):
    first = plans[0]
    seen = np.zeros((first.source_height_px, first.source_width_px), bool)
    for plan in plans:
        seen[plan.source_pixels()] = True
    return seen


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.integers(1, 4), st.integers(1, 20))
def test_all_tiles_together_cover_every_pixel_and_stay_inside(height, width, grid, size):
    plans = tile_fragments(height, width, grid=grid, size=size)
    for plan in plans:
        assert 0 <= np.min(plan.tops) <= np.max(plan.tops) <= plan.height_px - size
        assert 0 <= np.min(plan.lefts) <= np.max(plan.lefts) <= plan.width_px - size
    assert covered(plans).all()


def test_fewer_tiles_are_spread_evenly():
    plans = tile_fragments(270, 480, grid=2, size=32, most=6)
    assert len(plans) == 6
    shares = [half.mean() for half in np.array_split(covered(plans), 2, axis=1)]
    assert shares[0] == pytest.approx(shares[1], abs=0.01)
    assert 0.1 < shares[0] < 0.3


def test_a_tiling_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="most is 0"):
        tile_fragments(64, 64, most=0)
