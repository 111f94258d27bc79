"""The TOML writer against the standard library's reader."""

import math
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.hub.toml import dump_toml

SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.integers(-(2**62), 2**62),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TABLES = st.recursive(
    st.dictionaries(KEYS, st.one_of(SCALARS, st.lists(SCALARS, max_size=3)), max_size=4),
    lambda inner: st.dictionaries(
        KEYS, st.one_of(SCALARS, inner, st.lists(inner, min_size=1, max_size=2)), max_size=3
    ),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None)
@given(TABLES)
def test_what_is_written_is_read_back(values):
    assert tomllib.loads(dump_toml(values)) == values


def test_none_is_left_out_and_tuples_become_arrays():
    assert tomllib.loads(dump_toml({"a": None, "b": (1, 2), "c": {"d": None}})) == {"b": [1, 2], "c": {}}


def test_lines_are_in_the_order_given_with_tables_last():
    assert dump_toml({"t": {"x": 1.5}, "a": 'q"\n', "r": [{"y": True}]}) == (
        'a = "q\\"\\n"\n\n[t]\nx = 1.5\n\n[[r]]\ny = true\n'
    )


@pytest.mark.parametrize(
    ("value", "error"), [(math.nan, ValueError), (math.inf, ValueError), ({1}, TypeError)]
)
def test_what_toml_cannot_hold_is_refused(value, error):
    with pytest.raises(error, match="cannot be written"):
        dump_toml({"a": value})
