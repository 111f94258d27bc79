from __future__ import annotations

import json
import sys
from collections import Counter

import numpy as np
import pytest
from scipy.io import savemat

from sslvqa.data import read_manifest, write_manifest
from sslvqa.data.databases import DATABASES, find_database
from sslvqa.data.databases.load import load_database
from sslvqa.data.databases.tables import read_any_list
from sslvqa.errors import ConfigError, DataError, ManifestError, MissingExtraError
from sslvqa.video import open_video


def test_official_files_become_a_manifest_that_reads_back(miniature, tmp_path):
    loaded = load_database(find_database(miniature.name), miniature.root)
    rows = loaded.manifest.rows
    assert [row.score for row in rows] == miniature.scores
    assert {row.content for row in rows} == miniature.contents
    assert {row.split for row in rows} == {miniature.split}
    assert (loaded.missing, loaded.doubles) == ((), ())
    back = read_manifest(write_manifest(tmp_path / "manifest.csv", rows))
    assert [(r.path, r.score, r.content, r.split, r.geometry) for r in back.rows] == [
        (r.path, r.score, r.content, r.split, r.geometry) for r in rows
    ]
    assert {str(row.geometry) if row.geometry else None for row in back.rows} == {miniature.raw}
    for row in back.rows:
        with open_video(row.path, geometry=row.geometry) as video:
            assert next(iter(video.frames([0]))).width_px == (1920 if miniature.raw else 48)


def test_a_label_list_gives_the_same_rows_as_the_official_file(miniature, tmp_path):
    database = find_database(miniature.name)
    official = load_database(database, miniature.root).manifest.rows
    lines = [f"{row.path.relative_to(miniature.root)}, -1, -1, {row.score}" for row in official]
    listing = tmp_path / "list.txt"
    listing.write_text("\n".join(lines))
    rows = load_database(database, miniature.root, labels=listing).manifest.rows
    assert [(r.path, r.score, r.content) for r in rows] == [(r.path, r.score, r.content) for r in official]
    loaded = [load_database(database, miniature.root, labels=path) for path in (None, listing)]
    assert len({item.sha256 for item in loaded}) == 1


def test_what_is_missing_double_or_not_listed_is_named(make_miniature):
    mini = make_miniature("live-vqc")
    (mini.root / "Video/A001.mp4").rename(mini.root / "Video/Z001.mp4")
    (mini.root / "copy").mkdir()
    (mini.root / "copy/A002.mp4").write_bytes(b"x")
    loaded = load_database(find_database("live_vqc"), mini.root)
    assert [label.name for label in loaded.missing] == ["A001.mp4"]
    assert [path.name for path in loaded.unlisted] == ["Z001.mp4"]
    assert "copy/A002.mp4 has the name of" in loaded.doubles[0]
    assert len(loaded.manifest) == 2
    assert "3 videos; published are 585, as in no list known to us" in loaded.count_note


def test_pristine_sources_need_no_labels_and_leave_distorted_files_out(tmp_path):
    names = {
        "live-vqa": ["pa Folder/pa1_25fps.yuv", "mc Folder/mc1_50fps.yuv"],
        "epfl-polimi": ["foreman_cif.yuv", "ref/PARKJOY_4CIF.yuv"],
        "live-mobile": ["bf_org.yuv", "tk_org.yuv"],
        "csiq-vqd": ["BQMall_832x480_ref.yuv", "Flowervase_832x480_ref.yuv"],
        "ecvq-evvq": ["ECVQ/cif_videos/flower_garden.yuv", "EVVQ/vga_videos/flower_garden_org.yuv"],
    }
    distorted = {
        "live-vqa": "pa Folder/pa2_25fps.yuv",
        "epfl-polimi": "PARKJOY_4CIF_10.yuv",
        "live-mobile": "bf_r1.yuv",
        "csiq-vqd": "BQMall_832x480_dst_01.yuv",
        "ecvq-evvq": "ECVQ/cif_videos/flower_garden_1.yuv",
    }
    for name, group in names.items():
        for item in (*group, distorted[name]):
            (tmp_path / name / item).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / item).write_bytes(b"x")
    found = {name: load_database(find_database(name), tmp_path / name).manifest.rows for name in names}
    for name, group in names.items():
        assert {row.path for row in found[name]} == {tmp_path / name / item for item in group}, name
        assert all(row.score is None and row.split == "pristine" for row in found[name])
    sizes = {name: sorted(str(row.geometry) for row in rows) for name, rows in found.items()}
    assert sizes["live-vqa"] == ["768x432:yuv420p@25", "768x432:yuv420p@50"]
    assert sizes["epfl-polimi"] == ["352x288:yuv420p@30", "704x576:yuv420p@25"]
    assert sizes["csiq-vqd"] == ["832x480:yuv420p@30", "832x480:yuv420p@60"]
    assert sizes["ecvq-evvq"] == ["352x288:yuv420p@25", "640x480:yuv420p@25"]


def test_the_sixty_references_of_the_paper_are_known():
    pristine = [item for item in DATABASES.values() if item.references]
    assert len(pristine) == 5
    assert sum(item.videos for item in pristine) == 60


def test_every_database_says_its_licence_and_where_it_is():
    for item in DATABASES.values():
        assert item.licence
        assert item.owners
        assert item.cite
        assert bool(item.scale) != bool(item.references)


@pytest.mark.parametrize(
    ("name", "file", "text", "message"),
    [
        ("konvid-1k", "KoNViD_1k_mos.csv", "id,score\n1,2\n", "no columns flickr_id or file_name and mos"),
        (
            "konvid-1k",
            "KoNViD_1k_mos.csv",
            "flickr_id,mos\n3339962845,good\n",
            "is 'good'; expected a number",
        ),
        ("konvid-1k", "KoNViD_1k_mos.csv", "flickr_id,mos\nholiday,3\n", "'holiday' is no name of a video"),
        ("live-vqc", "data.mat", "text", "not a readable MATLAB file"),
        ("youtube-ugc", "MOS_for_YouTube_UGC_dataset.xlsx", "text", "as XLSX"),
    ],
)
def test_a_label_file_that_is_not_what_its_name_says_is_an_error(tmp_path, name, file, text, message):
    (tmp_path / file).write_text(text)
    with pytest.raises((ManifestError, DataError), match=message):
        load_database(find_database(name), tmp_path)


def test_matlab_files_with_other_variables_are_errors(tmp_path):
    savemat(tmp_path / "data.mat", {"mos": [1.0]})
    with pytest.raises(DataError, match="LIVE-VQC's file holds video_list and mos"):
        load_database(find_database("live-vqc"), tmp_path)
    savemat(tmp_path / "data.mat", {"mos": [1.0], "video_list": np.array(["a", "b"], dtype=object)})
    with pytest.raises(DataError, match="2 names but 1 scores"):
        load_database(find_database("live-vqc"), tmp_path)
    savemat(tmp_path / "qualcommSubjectiveData.mat", {"qualcommVideoData": {"x": 1}})
    with pytest.raises(DataError, match=r"expected qualcommVideoData\.vidNames"):
        load_database(find_database("live-qualcomm"), tmp_path)


def test_wrong_use_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no database named 'koniq'"):
        find_database("koniq")
    with pytest.raises(DataError, match="no label file of CVD2014"):
        load_database(find_database("cvd2014"), tmp_path)
    with pytest.raises(DataError, match="no folder"):
        load_database(find_database("cvd2014"), tmp_path / "nowhere")
    with pytest.raises(DataError, match="they have no labels"):
        load_database(find_database("live-vqa"), tmp_path, labels=tmp_path / "list.txt")
    (tmp_path / "list.txt").write_text("path,mos\na.mp4,3\n")
    with pytest.raises(ManifestError, match=r"list.txt:1: expected 'path, duration, fps, MOS'"):
        load_database(find_database("cvd2014"), tmp_path, labels=tmp_path / "list.txt")


def test_json_lists_and_info_files_are_label_lists(tmp_path, make_info):
    rows = [{"filename": "yfcc-batch1/725.mp4", "label": 76.8}, {"filename": "yfcc-batch1/2.mp4", "label": 1}]
    (tmp_path / "pool.json").write_text(json.dumps(rows))
    assert [(label.name, label.score) for label in read_any_list(tmp_path / "pool.json")] == [
        ("yfcc-batch1/725.mp4", 76.8),
        ("yfcc-batch1/2.mp4", 1.0),
    ]
    path = make_info(["a.mp4", "b.mp4"], [1.5, 2.5], [1, 2], [[2, 1]])
    assert [(label.name, label.score) for label in read_any_list(path)] == [("a.mp4", 1.5), ("b.mp4", 2.5)]
    (tmp_path / "bad.json").write_text("{}x")
    with pytest.raises(DataError, match="filename and label"):
        read_any_list(tmp_path / "bad.json")


def test_without_the_extra_the_message_has_the_pip_line(make_miniature, make_info, monkeypatch):
    mini, info = make_miniature("youtube-ugc"), make_info(["a"], [1.0], [1], [[1]])
    for package in ("openpyxl", "h5py"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"sslvqa\[databases\]"):
        load_database(find_database("youtube-ugc"), mini.root)
    with pytest.raises(MissingExtraError, match=r"needs h5py; run: pip install 'sslvqa\[databases\]'"):
        read_any_list(info)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "file", "videos", "contents"),
    [
        ("lsvq-train", "LSVQ_train.txt", 28_056, 28_056),
        ("lsvq-train", "LSVQ_2000_of_train.json", 1_999, 1_999),
        ("lsvq-test", "LSVQ_test.txt", 7_186, 7_186),
        ("lsvq-1080p", "LSVQ_1080p.txt", 3_573, 3_573),
        ("konvid-1k", "KoNViD.txt", 1_200, 1_200),
        ("live-vqc", "LIVE_VQC.txt", 585, 585),
        ("youtube-ugc", "YouTubeUGC.txt", 1_147, 1_147),
        ("live-qualcomm", "LIVE_Qualcomm.txt", 208, 54),
        ("cvd2014", "CVD2014.txt", 234, 5),
    ],
)
def test_the_real_lists_have_the_known_counts_and_contents(shared, tmp_path, name, file, videos, contents):
    database = find_database(name)
    loaded = load_database(database, tmp_path, labels=shared / "data/labels" / file)
    assert len(loaded.missing) == loaded.labels == videos
    assert len({database.content_of(label.name) for label in loaded.missing}) == contents
    assert "no list known to us" not in loaded.count_note


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "listing", "info"),
    [
        ("konvid-1k", "KoNViD.txt", "KoNViD-1kinfo.mat"),
        ("live-vqc", "LIVE_VQC.txt", "LIVE-VQCinfo.mat"),
        ("live-qualcomm", "LIVE_Qualcomm.txt", "LIVE-Qualcomminfo.mat"),
        ("cvd2014", "CVD2014.txt", "CVD2014info.mat"),
    ],
)
def test_lists_and_info_files_name_the_same_videos_with_the_same_scores(shared, name, listing, info):
    identity = find_database(name).identity
    one, two = (
        {identity(label.name): label.score for label in read_any_list(shared / "data" / path)}
        for path in (f"labels/{listing}", f"splits/{info}")
    )
    assert one.keys() == two.keys()
    differences = Counter(abs(one[key] - two[key]) < 0.01 for key in one)
    assert differences[True] == len(one), differences
