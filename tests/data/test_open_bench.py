"""The VMAF-labelled set: choice of sources, labels, resuming, the command."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from sslvqa.cli.data import open_bench
from sslvqa.data import bench_labels, labels
from sslvqa.data.manifest import read_manifest
from sslvqa.data.open_bench import BenchSettings, SceneReport, build_open_bench
from sslvqa.data.sources import Candidate, find_candidates, read_sources, with_splits, write_sources
from sslvqa.distort import PAPER_DISTORTIONS, UNSEEN_DISTORTIONS, build_group
from sslvqa.errors import ConfigError, DataError, ManifestError, MissingExtraError

SMALL = BenchSettings(frames=6, versions=2, samples=2, min_side_px=64, min_bits_per_pixel=0.01)


@pytest.fixture
def vmaf():
    return pytest.importorskip("vmaf_torch", reason="VMAF-TORCH ABSENT: pip install 'sslvqa[train]'")


@pytest.fixture
def folder(make_video, tmp_path):
    for seed in range(2):
        make_video(f"clips/c{seed}.mp4", width=96, height=80, frames=10, seed=seed, options={"crf": "12"})
    make_video("clips/poor.mp4", width=96, height=80, frames=10, seed=7, options={"crf": "51"})
    make_video("clips/short.mp4", width=96, height=80, frames=3, seed=8)
    make_video("clips/tiny.mp4", width=48, height=48, frames=10, seed=9)
    (tmp_path / "clips" / "bad.mp4").write_bytes(b"junk")
    return tmp_path / "clips"


def test_clips_are_judged_with_a_reason(folder):
    found = {
        item.file: item
        for item in find_candidates(folder, min_bits_per_pixel=0.5, min_frames=6, min_side_px=64)
    }
    assert [name for name, item in found.items() if item.take] == ["c0.mp4", "c1.mp4"]
    assert "bits per pixel, below 0.5" in found["poor.mp4"].reason
    assert found["short.mp4"].reason == "3 frames, fewer than 6"
    assert "below 64 px" in found["tiny.mp4"].reason
    assert "unreadable" in found["bad.mp4"].reason
    size = (folder / "c0.mp4").stat().st_size
    assert found["c0.mp4"].bits_per_pixel == pytest.approx(8 * size / (96 * 80 * 10), abs=1e-4)


def test_the_table_of_sources_reads_back(folder, tmp_path):
    found = with_splits(find_candidates(folder, min_bits_per_pixel=0.5, min_frames=6, min_side_px=64), seed=0)
    write_sources(tmp_path / "s.csv", found)
    back = read_sources(tmp_path / "s.csv")
    keys = ("file", "content", "split", "scale", "start_frame", "take", "reason")
    assert [[getattr(item, key) for key in keys] for item in back] == [
        [getattr(item, key) for key in keys] for item in found
    ]


def candidates(contents, splits):
    return [
        Candidate(f"{index}.mp4", content, split, 1, None, take=True, reason="")
        for index, (content, split) in enumerate(zip(contents, splits, strict=True))
    ]


def test_no_content_is_on_two_sides_and_every_side_has_some():
    contents = [f"c{index // 2}" for index in range(20)]
    placed = with_splits(candidates(contents, [""] * 20), seed=1)
    sides = {}
    for item in placed:
        assert sides.setdefault(item.content, item.split) == item.split
    counts = [list(sides.values()).count(name) for name in ("train", "calibration", "test")]
    assert counts == [6, 2, 2]
    assert placed == with_splits(candidates(contents, [""] * 20), seed=1)


def test_a_side_given_by_hand_stays():
    placed = with_splits(candidates(["a", "a", "b", "c", "d"], ["test", "", "", "", ""]), seed=0)
    assert [item.split for item in placed[:2]] == ["test", "test"]
    assert {item.split for item in placed[2:]} == {"train", "calibration", "test"}


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("file,split\na.mp4,dev\n", ManifestError, "2: split is 'dev'; allowed are train"),
        ("file,scale\na.mp4,big\n", ManifestError, "whole numbers"),
        ("name\na.mp4\n", ManifestError, "2: no file"),
        ("file,content,split\na.mp4,x,train\nb.mp4,x,test\n", DataError, "'x' is in two splits"),
    ],
)
def test_a_malformed_table_of_sources_names_the_line(tmp_path, text, kind, words):
    path = tmp_path / "s.csv"
    path.write_text(text)
    with pytest.raises(kind, match=words):
        read_sources(path)
    with pytest.raises(ManifestError, match="no table"):
        read_sources(tmp_path / "absent.csv")


def test_a_table_of_sources_may_come_from_a_spreadsheet(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("file;split;scale\n\na.mp4;test;2\n")
    (found,) = read_sources(path)
    assert (found.file, found.split, found.scale) == ("a.mp4", "test", 2)
    path.write_bytes("file,content\na.mp4,caf\xe9\n".encode("latin-1"))
    with pytest.raises(ManifestError, match="UTF-8"):
        read_sources(path)


def test_two_sources_of_one_name_have_one_scene_and_the_second_is_told(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("sslvqa.data.labels.vmaf_label", lambda: "VMAF of nothing")
    monkeypatch.setattr(
        "sslvqa.data.open_bench.make_scene",
        lambda plan: SceneReport(str(plan.scene.source), plan.scene.directory.name, 0, 0.0, 0.0),
    )
    (folder / "c0.mkv").write_bytes((folder / "c0.mp4").read_bytes())
    table = tmp_path / "s.csv"
    table.write_text("file\nc0.mp4\nc0.mkv\nc1.mp4\n")
    found = list(build_open_bench(folder, tmp_path / "bench", SMALL, sources=table))
    assert [Path(report.source).name for report in found if report.error is None] == ["c0.mp4", "c1.mp4"]
    (refused,) = (report for report in found if report.error is not None)
    assert refused.source == "c0.mkv"
    assert "is that of" in refused.error


def test_a_set_of_unseen_kinds_has_the_test_contents_alone(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("sslvqa.data.labels.vmaf_label", lambda: "VMAF of nothing")
    seen = []

    def keep(plan):
        seen.append(plan)
        return SceneReport(str(plan.scene.source), plan.scene.directory.name, 0, 0.0, 0.0)

    monkeypatch.setattr("sslvqa.data.open_bench.make_scene", keep)
    monkeypatch.setattr("sslvqa.data.open_bench.write_labels", lambda *_: None)
    table = tmp_path / "s.csv"
    table.write_text("file,content,split,scale\nc0.mp4,a,train,1\nc1.mp4,b,test,1\n")
    settings = replace(SMALL, unseen=True)
    (report,) = build_open_bench(folder, tmp_path / "bench", settings, sources=table)
    assert report.error is None
    assert [plan.content for plan in seen] == ["b"]
    assert seen[0].scene.distortions == UNSEEN_DISTORTIONS


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="samples is 0"):
        BenchSettings(samples=0)
    with pytest.raises(ConfigError, match="versions is -1"):
        BenchSettings(versions=-1)


def test_measures_fall_from_mild_to_harsh_and_a_reference_is_near_the_top(vmaf, make_video, tmp_path):
    source = make_video(width=160, height=128, frames=8, options={"crf": "8"})
    group = build_group(source, tmp_path / "g", distortions=PAPER_DISTORTIONS[:9], max_frames=7)
    measure = labels.FullReference(group.paths[0], samples=3)
    scores = [measure.score(path) for path in group.paths]
    assert scores[0].vmaf > 95
    assert scores[0].ssim == 1.0
    assert scores[0].xpsnr == 100.0
    assert {item.frames for item in scores} == {7}
    for first in (1, 4):
        vmafs = [item.vmaf for item in scores[first : first + 3]]
        assert vmafs == sorted(vmafs, reverse=True)
        assert vmafs[0] > 90
        assert vmafs[0] - vmafs[2] > 10
    for first in (1, 4, 7):
        for name in ("ssim", "xpsnr"):
            values = [getattr(item, name) for item in scores[first : first + 3]]
            assert values == sorted(values, reverse=True)


def test_vmaf_of_all_frames_equals_the_package_run_on_the_whole_video(vmaf, make_video, tmp_path):
    import torch

    source = make_video(width=128, height=96, frames=6, options={"crf": "8"})
    group = build_group(source, tmp_path / "g", distortions=PAPER_DISTORTIONS[4:5], max_frames=5)
    planes = [
        torch.tensor(np.stack([frame.y for frame in labels.read_segment(path).frames()])).float()[:, None]
        for path in group.paths
    ]
    with torch.inference_mode():
        whole = vmaf.VMAF(clip_score=True)(*planes).mean()
    ours = labels.FullReference(group.paths[0], samples=99).score(group.paths[1])
    assert ours.vmaf == pytest.approx(float(whole), abs=1e-2)  # float32 sums in another order


def test_one_frame_has_a_vmaf(vmaf, make_video):
    path = make_video(width=128, height=96, frames=1)
    assert labels.FullReference(path).score(path).vmaf > 95


def test_two_sizes_cannot_be_compared(vmaf, make_video):
    measure = labels.FullReference(make_video("a.mp4", width=96, height=80, frames=3))
    with pytest.raises(DataError, match="both must have one size"):
        measure.score(make_video("b.mp4", width=80, height=96, frames=3))


def test_without_vmaf_the_message_holds_the_pip_line(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "vmaf_torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sslvqa\[train\]'"):
        labels.vmaf_label()


def test_a_set_is_made_labelled_and_continued_after_a_kill(vmaf, folder, tmp_path, monkeypatch):
    out = tmp_path / "set"
    reports = list(build_open_bench(folder, out, SMALL, sources=table(tmp_path)))
    assert [bool(item.error) for item in reports] == [True, False, False]
    first = (out / "labels.csv").read_text()
    rows = list(csv.DictReader(first.splitlines()))
    assert len(rows) == 2 * (1 + 12 + 2)
    assert {row["split"] for row in rows} == {"train", "test"}
    assert all(row["score"] == row["vmaf"] for row in rows)
    assert all(float(row["vmaf"]) > 95 for row in rows if row["distortion"] == "reference")
    assert len(read_manifest(out / "labels.csv").rows) == len(rows)
    about = json.loads((out / "about.json").read_text())
    assert about["label"].startswith("VMAF (vmaf-torch ")
    assert about["label"].endswith("model vmaf_v0.6.1), not human opinion")

    ledger = next(out.glob("scenes/c0*/labels.jsonl"))
    ledger.write_text(ledger.read_text()[:-40])  # a kill in the middle of the last line
    measured = []
    score = labels.FullReference.score
    monkeypatch.setattr(
        labels.FullReference, "score", lambda self, path: measured.append(path) or score(self, path)
    )
    assert not [item.error for item in build_open_bench(folder, out, SMALL, sources=table(tmp_path))][1]
    assert len(measured) == 1
    assert (out / "labels.csv").read_text() == first


def table(tmp_path) -> Path:
    path = tmp_path / "chosen.csv"
    lines = [
        "file,content,split,scale,start_frame",
        "c0.mp4,a,train,1,2",
        "c1.mp4,b,test,1,",
        "bad.mp4,z,train,1,",
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_an_unfinished_scene_gives_the_rows_that_exist(tmp_path):
    assert bench_labels.write_labels(tmp_path, []).read_text().strip() == ",".join(bench_labels.COLUMNS)


def test_the_command_says_when_no_clip_will_do(vmaf, folder, tmp_path):
    app = typer.Typer()
    app.command()(open_bench)
    words = [str(folder), "--out", str(tmp_path / "o"), "--min-bits-per-pixel", "99", "--frames", "4"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, DataError)
    assert "lower --min-bits-per-pixel or choose clips with --sources" in str(done.exception)
    assert (tmp_path / "o" / "sources.csv").exists()
