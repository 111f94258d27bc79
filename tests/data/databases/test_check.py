from __future__ import annotations

from pathlib import Path

import pytest

from sslvqa.data import ManifestRow
from sslvqa.data.databases import check as module
from sslvqa.data.databases.check import FileCheck, check_batch, check_file, check_files, same_bytes
from sslvqa.errors import ConfigError, VideoLimitError
from sslvqa.video import RawGeometry


def test_a_good_video_is_hashed_counted_and_decoded(make_video):
    path = make_video(width=48, height=32, frames=5)
    found = check_file("a.mp4", str(path), None)
    assert (found.error, found.frames, found.width_px, found.height_px) == (None, 5, 48, 32)
    assert found.bytes == path.stat().st_size
    assert len(found.sha256) == 64
    assert found.to_json()["schema"] == 1


def test_bad_files_are_records_with_the_reason(tmp_path, make_video):
    (tmp_path / "empty.mp4").touch()
    whole = make_video(width=64, height=64, frames=30)
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "a.yuv").write_bytes(bytes(2000))
    small = RawGeometry(16, 16)
    found = {
        name: check_file(name, str(tmp_path / name), small if name == "a.yuv" else None)
        for name in ("empty.mp4", "cut.mp4", "gone.mp4", "a.yuv")
    }
    assert "empty" in found["empty.mp4"].error
    assert found["cut.mp4"].error
    assert "cannot be read" in found["gone.mp4"].error
    assert "check the geometry" in found["a.yuv"].error
    assert found["a.yuv"].frames == 5


def test_files_are_checked_in_another_process_in_order(make_video):
    rows = [
        ManifestRow(make_video(f"{n}.mp4", width=48, height=32, frames=2, seed=n), str(n)) for n in range(3)
    ]
    rows.append(ManifestRow(Path("gone.mp4"), "gone"))
    found = list(check_files(rows))
    assert [item.name for item in found] == ["0", "1", "2", "gone"]
    assert [item.error is None for item in found] == [True, True, True, False]


def test_a_file_that_kills_the_process_is_the_only_one_blamed(monkeypatch, make_video):
    def run_limited(function, jobs, *, timeout_seconds):
        if any("bomb" in path for _, path, _ in jobs):
            raise VideoLimitError(f"killed after {timeout_seconds:g} s")
        return check_batch(jobs)

    monkeypatch.setattr(module, "run_limited", run_limited)
    good = make_video(width=48, height=32, frames=2)
    rows = [ManifestRow(good, "a"), ManifestRow(good.with_name("bomb.mp4"), "b"), ManifestRow(good, "c")]
    found = list(check_files(rows, timeout_seconds=7))
    assert [item.error for item in found] == [None, "killed after 7 s", None]


def test_twins_are_found_by_their_bytes():
    checks = [FileCheck(name, name, None, sha256=digest) for name, digest in zip("abcd", "xyxz", strict=True)]
    assert same_bytes([*checks, FileCheck("e", "e", "broken")]) == [("a", "c")]


def test_no_workers_are_refused():
    with pytest.raises(ConfigError, match="workers is 0"):
        next(check_files([], workers=0))
