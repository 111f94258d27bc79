from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.data import Manifest, ManifestRow, hold_out, split_by_content
from sslvqa.errors import DataError


def make(contents: list[int]) -> Manifest:
    rows = tuple(
        ManifestRow(Path(f"{i}.mp4"), f"{i}.mp4", score=1.0, content=str(c)) for i, c in enumerate(contents)
    )
    return Manifest(rows, Path("t.csv"))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 8), min_size=3, max_size=40).filter(lambda c: len(set(c)) >= 3),
    st.integers(0, 99),
)
def test_parts_cover_everything_and_share_no_content(contents, seed):
    manifest = make(contents)
    split = split_by_content(manifest, fractions={"train": 0.6, "val": 0.2, "test": 0.2}, seed=seed)
    names = sorted(row.name for part in split.parts.values() for row in part.rows)
    assert names == sorted(row.name for row in manifest.rows)
    seen = [set(part.contents) for part in split.parts.values()]
    assert all(seen)
    assert sum(map(len, seen)) == len(set().union(*seen))


def test_a_seed_fixes_the_split_and_its_hash():
    manifest = make(list(range(30)))
    one, again, other = (
        split_by_content(manifest, fractions={"a": 0.5, "b": 0.5}, seed=seed) for seed in (1, 1, 2)
    )
    assert one.sha256 == again.sha256 != other.sha256
    assert len(one.parts["a"]) == 15


def test_a_fifth_of_the_contents_is_held_out():
    kept, held = hold_out(make([i // 3 for i in range(60)]), fraction=0.2, seed=0)
    assert (len(kept.contents), len(held.contents)) == (16, 4)


def test_impossible_splits_are_refused():
    with pytest.raises(DataError, match="2 contents for 3 parts"):
        split_by_content(make([0, 1, 1]), fractions={"a": 0.4, "b": 0.3, "c": 0.3}, seed=0)
    with pytest.raises(DataError, match="sum to 1"):
        split_by_content(make([0, 1, 1]), fractions={"a": 0.4}, seed=0)
