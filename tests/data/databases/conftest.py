"""Miniature databases in the layouts of their owners."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import openpyxl
import pytest
from scipy.io import savemat

from sslvqa.data.synthetic import write_synthetic_video


@dataclass
class Miniature:
    """One of the databases, and what its manifest must hold."""

    name: str
    root: Path
    scores: list[float]
    contents: set[str]
    split: str | None = None
    raw: str | None = None


def video(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = {"codec": "mpeg4"} if path.suffix == ".avi" else {}
    write_synthetic_video(path, width=48, height=32, frames=4, seed=seed, **codec)


def raw(path: Path, width: int, height: int, seed: int, frames: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = frames * width * height * 3 // 2
    path.write_bytes(bytes([seed]) + np.random.default_rng(seed).bytes(size - 1))


def lsvq(root: Path, part: str) -> Miniature:
    names = ["yfcc-batch1/1", "yfcc-batch2/1", "ia-batch1/A.Talk.v1.2"]
    for seed, name in enumerate([*names, "yfcc-batch1/9"]):
        video(root / f"{name}.mp4", seed)
    rows = [f"{name},{50 + place}.5,720,{place == 2}" for place, name in enumerate(names)]
    (root / "labels_train_test.csv").write_text("\n".join(["name,mos,height,is_test", *rows]))
    (root / "labels_test_1080p.csv").write_text("name,mos,height\nyfcc-batch1/9,71.25,1080\n")
    scores = {"train": [50.5, 51.5], "test": [52.5], "1080p": [71.25]}[part]
    contents = {"train": set(names[:2]), "test": set(names[2:]), "1080p": {"yfcc-batch1/9"}}[part]
    return Miniature(f"lsvq-{part}", root, scores, contents, split=part if part != "1080p" else "test_1080p")


def konvid(root: Path) -> Miniature:
    video(root / "KoNViD_1k_videos/3339962845.mp4", 0)
    video(root / "KoNViD_1k_videos/8171831850_original_centercrop_960x540_8s.mp4", 1)
    metadata = root / "KoNViD_1k_metadata"
    metadata.mkdir()
    (metadata / "KoNViD_1k_mos.csv").write_text('"flickr_id","mos"\n3339962845,4.64\n8171831850,4.444\n')
    return Miniature("konvid-1k", root, [4.64, 4.444], {"3339962845", "8171831850"})


def live_vqc(root: Path) -> Miniature:
    names = ["A001.mp4", "A002.mp4", "B003.mp4"]
    for seed, name in enumerate(names):
        video(root / "Video" / name, seed)
    cells = np.array(names, dtype=object)[:, None]
    savemat(root / "data.mat", {"video_list": cells, "mos": np.array([[80.232], [57.3], [12.5]])})
    return Miniature("live-vqc", root, [80.232, 57.3, 12.5], {"a001", "a002", "b003"})


def youtube_ugc(root: Path) -> Miniature:
    video(root / "original_videos_h264/Sports_2160P-4e9f_crf_10_ss_00_t_20.0.mp4", 0)
    video(root / "original_videos/Vlog/480P/Vlog_480P-5275.mkv", 1)
    book = openpyxl.Workbook()
    book.active.append(["about"])
    sheet = book.create_sheet("MOS")
    for row in (["vid", "category", "MOS full", "MOS chunk00"], ["Sports_2160P-4e9f", "Sports", 4.405, 4.1]):
        sheet.append(row)
    sheet.append(["Vlog_480P-5275", "Vlog", 2.5, None])
    book.save(root / "original_videos_MOS_for_YouTube_UGC_dataset.xlsx")
    (root / "DMOS_for_YouTube_UGC_dataset.xlsx").write_bytes(b"another table")
    return Miniature("youtube-ugc", root, [4.405, 2.5], {"sports_2160p-4e9f", "vlog_480p-5275"})


def live_qualcomm(root: Path) -> Miniature:
    names = ["0723_ManUnderTree_GS5_03_20150723_130016.yuv", "0723_manUnderTree_HTCOneVx_03.yuv"]
    names += ["0911panGarden_Note4.yuv"]
    for seed, name in enumerate(names):
        raw(root / ("Artifacts" if seed < 2 else "Color") / name, 1920, 1080, seed)
    videos = {"vidNames": np.array(names, dtype=object)[:, None], "distortionType": [1, 1, 2]}
    scores = [52.5, 57.25, 36.75]
    subjects = {"unBiasedMOS": np.array(scores)[:, None]}
    savemat(
        root / "qualcommSubjectiveData.mat", {"qualcommVideoData": videos, "qualcommSubjectiveData": subjects}
    )
    contents = {"0723_manundertree", "0911pangarden"}
    return Miniature("live-qualcomm", root, scores, contents, raw="1920x1080:yuv420p@30")


def cvd2014(root: Path) -> Miniature:
    for seed, (test, name) in enumerate(
        [("Test1/City", "Test01_City_D01"), ("Test2/City", "Test02_City_D02")]
    ):
        video(root / test / f"{name}.avi", seed)
    ratings = root / "CVD2014_ratings"
    ratings.mkdir()
    lines = ["Content;File_name;Realignment MOS;Raw MOS", "City;Test01_City_D01;67,29;60,1"]
    lines += ["City;Test02_City_D02;-6,5;1", ";;;", ";;;"]
    (ratings / "Realignment_MOS.csv").write_text("\n".join(lines))
    return Miniature("cvd2014", root, [67.29, -6.5], {"city"})


MAKERS = {
    "lsvq-train": lambda root: lsvq(root, "train"),
    "lsvq-test": lambda root: lsvq(root, "test"),
    "lsvq-1080p": lambda root: lsvq(root, "1080p"),
    "konvid-1k": konvid,
    "live-vqc": live_vqc,
    "youtube-ugc": youtube_ugc,
    "live-qualcomm": live_qualcomm,
    "cvd2014": cvd2014,
}


@pytest.fixture(params=MAKERS)
def miniature(request, tmp_path):
    """Every rated database in turn."""
    root = tmp_path / "db"
    root.mkdir()
    return MAKERS[request.param](root)


@pytest.fixture
def make_miniature(tmp_path):
    """Make one of them by name."""

    def make(name: str) -> Miniature:
        root = tmp_path / name
        root.mkdir()
        return MAKERS[name](root)

    return make


@pytest.fixture
def make_info(tmp_path):
    """Write a ``*info.mat`` as MATLAB 7.3 does: HDF5, cells by reference, arrays transposed."""

    def make(names, scores, reference_ids, permutations) -> Path:
        path = tmp_path / "info.mat"
        with h5py.File(path, "w", userblock_size=512) as file:
            pointers = []
            for place, name in enumerate(names):
                cell = file.create_dataset(
                    f"#refs#/{place}", data=np.array([[ord(c)] for c in name], np.uint16)
                )
                cell.attrs["MATLAB_class"] = np.bytes_("char")
                pointers.append(cell.ref)
            cells = file.create_dataset("video_names", (1, len(names)), dtype=h5py.ref_dtype)
            cells[0] = pointers
            cells.attrs["MATLAB_class"] = np.bytes_("cell")
            for key, values in (("scores", [scores]), ("ref_ids", [reference_ids]), ("index", permutations)):
                data = file.create_dataset(key, data=np.array(values, float).T if key == "index" else values)
                data.attrs["MATLAB_class"] = np.bytes_("double")
        return path

    return make
