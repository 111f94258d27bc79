from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sslvqa.data import ContentSplit, Manifest, ManifestRow, read_manifest
from sslvqa.data.databases import find_database
from sslvqa.data.databases.base import stem
from sslvqa.data.info import SplitInfo, read_info
from sslvqa.data.protocols import (
    fifth_splits,
    info_splits,
    official_split,
    paper_draws,
    shared_contents,
    write_splits,
)
from sslvqa.errors import DataError


def make(videos: int, *, each: int = 1, splits: tuple[str | None, ...] = (None,)) -> Manifest:
    """``videos`` rated rows, ``each`` to a content."""
    return Manifest(
        tuple(
            ManifestRow(
                Path(f"{n}.mp4"),
                f"v/{n}.mp4",
                float(n),
                content=str(n // each),
                split=splits[n % len(splits)],
            )
            for n in range(videos)
        ),
        Path("t.csv"),
    )


def names(split: ContentSplit, part: str) -> set[str]:
    return {row.name for row in split.parts[part].rows}


def test_paper_draws_share_one_pool_and_hide_the_scores_of_the_unlabelled():
    splits = list(paper_draws(make(60), labelled=10, unlabelled=30, draws=3, seed=4))
    pools = {frozenset(names(split, "labelled") | names(split, "unlabelled")) for split in splits}
    assert len(pools) == 1
    assert len({split.sha256 for split in splits}) == 3
    for split in splits:
        assert (len(split.parts["labelled"]), len(split.parts["unlabelled"])) == (10, 30)
        assert not shared_contents(split)
        assert all(row.score is None for row in split.parts["unlabelled"].rows)
        assert all(row.score is not None for row in split.parts["labelled"].rows)
    again = list(paper_draws(make(60), labelled=10, unlabelled=30, draws=3, seed=4))
    assert [split.sha256 for split in again] == [split.sha256 for split in splits]


def test_paper_draws_come_from_the_named_pool_and_take_what_it_has():
    pool = [f"elsewhere/{n}.mp4" for n in (*range(15), 3)]
    (split,) = paper_draws(make(60), labelled=10, unlabelled=30, draws=1, pool=pool, identity=stem)
    assert names(split, "labelled") | names(split, "unlabelled") == {f"v/{n}.mp4" for n in range(15)}
    assert len(split.parts["unlabelled"]) == 5
    with pytest.raises(DataError, match="1 of 1 named videos are not in it"):
        list(paper_draws(make(60), pool=["99.mp4"], identity=stem))
    with pytest.raises(DataError, match="the pool has 60 videos for 500 labelled"):
        list(paper_draws(make(60)))


def test_whole_contents_are_drawn():
    (split,) = paper_draws(make(40, each=4), labelled=10, unlabelled=10, draws=1)
    assert (len(split.parts["labelled"]), len(split.parts["unlabelled"])) == (12, 8)
    assert not shared_contents(split)


def test_fifths_are_a_fifth_labelled_and_another_for_the_test():
    splits = list(fifth_splits(make(50), draws=10))
    assert len({split.sha256 for split in splits}) == 10
    for split in splits:
        assert {name: len(part) for name, part in split.parts.items()} == {
            "labelled": 10,
            "unlabelled": 30,
            "test": 10,
        }
        assert not shared_contents(split)
        assert split.parts["unlabelled"].labelled.rows == ()


def test_an_official_split_follows_the_table_and_refuses_leaks():
    split = official_split(make(6, splits=("train", "test")))
    assert names(split, "test") == {"v/1.mp4", "v/3.mp4", "v/5.mp4"}
    with pytest.raises(DataError, match="content '0' is in two parts"):
        official_split(make(6, each=2, splits=("train", "test")))
    with pytest.raises(DataError, match="3 rows have no split"):
        official_split(make(6, splits=("train", None)))


def info_of(manifest: Manifest, permutations: list[list[int]]) -> SplitInfo:
    count = len(manifest)
    return SplitInfo(
        names=tuple(row.name for row in manifest.rows),
        scores=manifest.scores,
        reference_ids=tuple(range(1, count + 1)),
        permutations=np.array(permutations),
    )


def test_permutations_give_their_first_60_percent_to_training_and_the_last_20_to_the_test():
    manifest = make(10)
    orders = [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]
    for literal in (False, True):
        first, second = info_splits(
            manifest, info_of(manifest, orders), identity=stem, draws=2, literal=literal
        )
        assert names(first, "train") == {f"v/{n}.mp4" for n in range(4, 10)}
        assert names(first, "test") == {"v/0.mp4", "v/1.mp4"}
        assert names(second, "val") == {"v/6.mp4", "v/7.mp4"}
        assert first.sha256 != second.sha256


def test_permutations_of_videos_leak_scenes_only_when_taken_literally():
    manifest = make(10, each=2)
    info = info_of(manifest, [[1, 3, 5, 7, 9, 2, 4, 6, 8, 10]])
    (literal,) = info_splits(manifest, info, identity=stem, draws=1, literal=True)
    (kept,) = info_splits(manifest, info, identity=stem, draws=1)
    assert shared_contents(literal) == ["1", "2", "3", "4"]
    assert shared_contents(kept) == []
    assert names(kept, "train") == {f"v/{n}.mp4" for n in range(6)}
    with pytest.raises(DataError, match="1 permutations in the file, but 10"):
        list(info_splits(manifest, info, identity=stem))


def test_splits_are_written_as_manifests_with_their_hashes(tmp_path):
    for n in range(10):
        (tmp_path / f"{n}.mp4").write_bytes(b"x")
    manifest = make(10)
    manifest = manifest.select(
        ManifestRow(tmp_path / row.path, row.name, row.score, row.content) for row in manifest.rows
    )
    splits = list(fifth_splits(manifest, draws=2))
    index = json.loads(write_splits(tmp_path / "out", splits, protocol="fifths", source=manifest).read_text())
    assert index["manifest_sha256"] == manifest.sha256
    assert [item["sha256"] for item in index["splits"]] == [split.sha256 for split in splits]
    back = read_manifest(tmp_path / "out/01/test.csv")
    assert [row.path for row in back.rows] == [row.path for row in splits[1].parts["test"].rows]
    assert [row.score for row in back.rows] == [row.score for row in splits[1].parts["test"].rows]
    assert all(row.score is None for row in read_manifest(tmp_path / "out/00/unlabelled.csv").rows)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "file", "leaks"),
    [
        ("konvid-1k", "KoNViD-1kinfo.mat", False),
        ("live-vqc", "LIVE-VQCinfo.mat", False),
        ("live-qualcomm", "LIVE-Qualcomminfo.mat", True),
        ("cvd2014", "CVD2014info.mat", True),
    ],
)
def test_the_files_in_wide_use_leak_scenes_of_two_databases(shared, name, file, leaks):
    database, info = find_database(name), read_info(shared / "data/splits" / file)
    rows = tuple(
        ManifestRow(Path(video), video, score, database.content_of(video))
        for video, score in zip(info.names, info.scores, strict=True)
    )
    manifest = Manifest(rows, Path(file))
    options = {"identity": database.identity, "draws": 3}
    literal = list(info_splits(manifest, info, literal=True, **options))
    kept = list(info_splits(manifest, info, **options))
    assert info.permutations.shape == (1000, database.videos)
    assert all(bool(shared_contents(split)) == leaks for split in literal)
    assert not any(shared_contents(split) for split in kept)
    assert ([a.sha256 for a in literal] == [b.sha256 for b in kept]) != leaks
