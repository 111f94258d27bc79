from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from sslvqa.data import ManifestRow, read_manifest, write_manifest
from sslvqa.errors import DataError
from sslvqa.train import LabelsConfig
from sslvqa.train.tables import read_tables


def names(manifest):
    return {row.name for row in manifest.rows}


def test_marked_rows_are_held_out_and_other_splits_are_not_used(config, tmp_path):
    rows = list(read_manifest(config.labels).rows)
    rows[0] = replace(rows[0], split="test")
    write_manifest(tmp_path / "ratings.csv", rows)
    tables = read_tables(config)
    assert names(tables.calibration) == {"videos/03.mp4", "videos/08.mp4", "videos/11.mp4"}
    assert len(tables.labelled) == 10
    assert "videos/00.mp4" not in names(tables.labelled)
    assert len(tables.unlabelled) == 4
    assert len(tables.pristine) == 3


def test_a_content_on_both_sides_is_refused(config, tmp_path):
    rows = [replace(row, content="same") for row in read_manifest(config.labels).rows]
    write_manifest(tmp_path / "ratings.csv", rows)
    with pytest.raises(DataError, match="content 'same' has rows in calibration and in training"):
        read_tables(config)


def test_a_fifth_of_the_contents_is_held_out_when_none_is_marked(config, tmp_path):
    rows = [replace(row, split=None) for row in read_manifest(config.labels).rows]
    write_manifest(tmp_path / "ratings.csv", rows)
    some = replace(config, labels_table=LabelsConfig(calibration_minimum=14))
    tables = read_tables(some)
    assert (len(tables.labelled), len(tables.calibration)) == (11, 3)
    assert not set(tables.labelled.contents) & set(tables.calibration.contents)
    assert read_tables(some).hashes == tables.hashes
    assert len(read_tables(config).calibration) == 0


def test_labelled_videos_are_never_among_the_unlabelled(config, tmp_path):
    rows = [
        replace(row, score=None) if row.name.endswith("5.mp4") else row
        for row in read_manifest(config.labels).rows
    ]
    write_manifest(tmp_path / "ratings.csv", rows)
    tables = read_tables(replace(config, unlabelled=str(tmp_path / "videos")))
    assert names(tables.unlabelled) == {"05.mp4"}
    labelled = write_manifest(tmp_path / "all.csv", read_manifest(config.labels).labelled.rows)
    with pytest.raises(DataError, match="are among the labelled ones"):
        read_tables(replace(config, unlabelled=str(labelled)))


def test_nothing_is_learned_from_videos_and_contents_that_are_kept_out(config, tmp_path):
    rows = list(read_manifest(config.labels).rows)
    rows[0] = replace(rows[0], split="test")
    write_manifest(tmp_path / "ratings.csv", rows)
    hidden = {"00.mp4", "03.mp4", "08.mp4", "11.mp4"}  # the last three are held out
    free = ManifestRow(tmp_path / "more" / "0.mp4", "free", content="new")
    marked = replace(free, path=tmp_path / "more" / "1.mp4", content="other", split="test")
    related = replace(free, path=tmp_path / "more" / "2.mp4", content="c8")
    unlabelled = write_manifest(tmp_path / "unlabelled.csv", [*rows, free, marked, related])
    tables = read_tables(replace(config, unlabelled=str(unlabelled)))
    assert [row.path.name for row in tables.unlabelled.rows] == ["0.mp4"]
    with pytest.raises(DataError, match="kept out of training"):
        read_tables(replace(config, unlabelled=str(tmp_path / "videos")))
    labels = [row for row in rows if row.path.name not in hidden]
    assert names(tables.labelled) == {row.name for row in labels}


def test_a_limit_holds_for_what_is_learned_from_and_what_is_drawn_to_be_held_out(config, tmp_path):
    marked = read_tables(replace(config, labels_table=LabelsConfig(limit=5)))
    assert (len(marked.labelled), len(marked.calibration)) == (5, 3)
    rows = [replace(row, split=None) for row in read_manifest(config.labels).rows]
    write_manifest(tmp_path / "ratings.csv", rows)
    drawn = read_tables(replace(config, labels_table=LabelsConfig(limit=10, calibration_minimum=10)))
    assert (len(drawn.labelled), len(drawn.calibration)) == (8, 2)


def test_a_table_of_other_splits_says_which_rows_are_used(config, tmp_path):
    rows = [replace(row, split="training") for row in read_manifest(config.labels).rows]
    write_manifest(tmp_path / "ratings.csv", rows)
    with pytest.raises(DataError, match="whose split is train or empty"):
        read_tables(config)


def test_limits_draw_nested_subsets(config):
    few, more = (
        names(
            read_tables(replace(config, labels_table=LabelsConfig(limit=limit, unlabelled_limit=2))).labelled
        )
        for limit in (4, 7)
    )
    assert len(few) == 4
    assert few < more


def test_bad_videos_stop_a_run_only_where_labels_are_lost(config, tmp_path, caplog):
    (tmp_path / "more" / "bad.mp4").write_text("no video")
    with caplog.at_level(logging.WARNING):
        assert len(read_tables(config).unlabelled) == 4
    assert "left out 1 of 5 videos" in caplog.text
    assert "bad.mp4" in caplog.text
    (tmp_path / "videos" / "00.mp4").write_text("no video")
    with pytest.raises(DataError, match=r"1 of 11 videos cannot be read; .*--skip-bad"):
        read_tables(config)
    tables = read_tables(replace(config, labels_table=LabelsConfig(skip_bad=True)))
    assert len(tables.labelled) == 10


def test_labels_must_vary(config, tmp_path):
    rows = [
        ManifestRow(row.path, row.name, score=3.0, content=row.content)
        for row in read_manifest(config.labels).rows
    ]
    write_manifest(tmp_path / "ratings.csv", rows)
    with pytest.raises(DataError, match="1 distinct scores"):
        read_tables(config)


def test_videos_that_were_just_made_need_not_be_probed(config, tmp_path):
    (tmp_path / "more" / "0.mp4").write_bytes(b"not a video")
    assert len(read_tables(config).unlabelled) == 3
    assert len(read_tables(config, probe=False).unlabelled) == 4
