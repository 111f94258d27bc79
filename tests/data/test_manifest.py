from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.data import ManifestRow, read_manifest, scan_videos, write_manifest
from sslvqa.errors import DataError, ManifestError


def table(folder: Path, text: str, *videos: str) -> Path:
    for name in videos:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    path = folder / "ratings.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_scores_and_optional_columns_are_read(tmp_path):
    text = "path,score,content,split,scene\na.mp4,3.5,park,train,s1\nsub/b.mp4,,,,s2\n"
    manifest = read_manifest(table(tmp_path, text, "a.mp4", "sub/b.mp4"))
    first, second = manifest.rows
    assert (first.score, first.content, first.split, first.scene) == (3.5, "park", "train", "s1")
    assert first.path == tmp_path / "a.mp4"
    assert (second.score, second.content, second.split) == (None, "s2", None)
    assert len(manifest.labelled) == len(manifest.unlabelled) == 1
    assert manifest.scores == (3.5,)


@pytest.mark.parametrize(
    "header", ["video,mos", "filename;MOS", "file\tlabel", "\ufeffPath,Score", "Video, Rating"]
)
def test_usual_column_names_and_separators_are_accepted(tmp_path, header):
    separator = next(mark for mark in ";\t," if mark in header)
    path = table(tmp_path, f"{header}\na.mp4{separator}62.5\n", "a.mp4")
    assert read_manifest(path).rows[0].score == 62.5


def test_decimal_commas_are_read_between_semicolons(tmp_path):
    assert read_manifest(table(tmp_path, "path;score\na.mp4;3,25\n", "a.mp4")).rows[0].score == 3.25


def test_columns_can_be_named(tmp_path):
    path = table(tmp_path, "clip,static_quality,score\na.mp4,2,9\n", "a.mp4")
    manifest = read_manifest(path, path_column="clip", score_column="static_quality")
    assert manifest.rows[0].score == 2
    with pytest.raises(
        ManifestError, match=r"no column 'quality'; --score-column must name one of: clip, static"
    ):
        read_manifest(path, path_column="clip", score_column="quality")
    with pytest.raises(ManifestError, match="no path column among 'clip, static_quality, score'"):
        read_manifest(path)


def test_all_bad_lines_are_reported_at_once_by_number(tmp_path):
    text = "path,score\na.mp4,n/a\n,3\na.mp4,nan\nb.mp4,1\nb.mp4,2\nmissing.mp4,1\n"
    with pytest.raises(ManifestError) as caught:
        read_manifest(table(tmp_path, text, "a.mp4", "b.mp4"))
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "ratings.csv:2: score is 'n/a'; expected a number, or an empty cell for an unlabelled video"
    )
    assert [line.split(":")[1] for line in lines] == ["2", "3", "4", "6", "7"]
    assert "listed twice (first on line 5)" in lines[3]
    assert "no file" in lines[4]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "table is empty"),
        ("path,score\n", "lists no video"),
        ("path,score,score\na,1,2\n", "appears twice"),
    ],
)
def test_useless_tables_are_refused(tmp_path, text, words):
    with pytest.raises(ManifestError, match=words):
        read_manifest(table(tmp_path, text))


def test_an_absent_or_binary_table_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="no table"):
        read_manifest(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ManifestError, match="UTF-8"):
        read_manifest(tmp_path / "b.csv")


def test_a_root_replaces_the_tables_folder(tmp_path):
    (tmp_path / "videos").mkdir()
    path = table(tmp_path, "path,score\na.mp4,1\n", "videos/a.mp4")
    assert read_manifest(path, root=tmp_path / "videos").rows[0].path == tmp_path / "videos" / "a.mp4"


def test_a_label_list_without_header_is_read(tmp_path):
    path = table(tmp_path, "x/1.mp4, -1, -1, 70.5\nx/2.mp4, 8.0, 25.0, 3\n")
    assert read_manifest(path, check_files=False).scores == (70.5, 3.0)


@pytest.mark.shared
def test_the_public_label_lists_have_their_published_sizes(shared):
    sizes = {"KoNViD.txt": 1200, "LIVE_VQC.txt": 585, "LSVQ_1080p.txt": 3573, "LIVE_Qualcomm.txt": 208}
    for name, size in sizes.items():
        manifest = read_manifest(shared / "data" / "labels" / name, check_files=False)
        assert len(manifest.labelled) == size, name


def test_the_hash_follows_the_content_and_not_the_place(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        table(tmp_path / folder, "path,score\na.mp4,1\n", "a.mp4")
    one, two = (read_manifest(tmp_path / folder / "ratings.csv") for folder in ("one", "two"))
    assert one.sha256 == two.sha256
    table(tmp_path / "two", "path,score\na.mp4,2\n")
    assert read_manifest(tmp_path / "two" / "ratings.csv").sha256 != one.sha256


names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)
rows = st.builds(
    lambda name, score, content, split: (name, score, content, split),
    names,
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(categories=["L", "P"]), min_size=1, max_size=8).map(str.strip).filter(bool),
    st.none() | names,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(rows, min_size=1, max_size=5, unique_by=lambda row: row[0]))
def test_written_tables_are_read_back(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("table")
    made = [
        ManifestRow(folder / f"{n}.mp4", f"{n}.mp4", score=s, content=c, split=p) for n, s, c, p in values
    ]
    path = write_manifest(folder / "t.csv", made)
    assert read_manifest(path, check_files=False).rows == tuple(made)


def test_headerless_files_say_what_they_hold(tmp_path):
    path = table(
        tmp_path, "path,score,geometry\na.yuv,3,64x48:yuv420p10le@30000/1001\nb.mp4,4,\n", "a.yuv", "b.mp4"
    )
    first, second = read_manifest(path).rows
    assert (first.geometry.width_px, first.geometry.pixel_format) == (64, "yuv420p10le")
    assert second.geometry is None
    back = read_manifest(write_manifest(tmp_path / "t.csv", (first, second))).rows
    assert str(back[0].geometry) == "64x48:yuv420p10le@29.97002997"
    with pytest.raises(ManifestError, match=r"ratings.csv:2: the raw geometry is 'big'; give WIDTHxHEIGHT"):
        read_manifest(table(tmp_path, "path,geometry\na.yuv,big\n"))


def test_folders_are_scanned_to_the_bottom_in_order(tmp_path):
    for name in ("b/2.MKV", "a.mp4", "b/notes.txt", "b/c/1.webm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [row.name for row in scan_videos(tmp_path).rows] == ["a.mp4", "b/2.MKV", "b/c/1.webm"]
    with pytest.raises(DataError, match="no folder"):
        scan_videos(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no video in"):
        scan_videos(tmp_path / "empty")
