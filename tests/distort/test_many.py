"""Many videos at once: planning, failures, worker processes, the command."""

import json
import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sslvqa.cli.distort import distort
from sslvqa.distort import PAPER_DISTORTIONS, read_group
from sslvqa.distort.many import auto_scale, distort_many, plan_scenes, segment_starts
from sslvqa.distort.pool import run_jobs
from sslvqa.errors import ConfigError, DataError


@settings(max_examples=25, deadline=None)
@given(total=st.integers(1, 500), frames=st.integers(1, 64), segments=st.integers(1, 9))
def test_segments_lie_in_the_video_and_do_not_overlap(total, frames, segments):
    starts = segment_starts(total, frames, segments)
    assert len(starts) == max(1, min(segments, total // frames))
    assert starts[0] >= 0
    assert starts[-1] + min(frames, total) <= max(total, frames)
    assert all(later - earlier >= frames for earlier, later in pairwise(starts))


@pytest.mark.parametrize(
    ("size", "scale"),
    [((640, 360), 1), ((1280, 720), 2), ((1080, 1920), 3), ((100, 80), 1)],
)
def test_large_videos_are_shrunk_towards_360_lines(size, scale):
    assert auto_scale(*size) == scale


def test_scene_names_depend_on_content_not_on_the_folder(make_video, tmp_path):
    first = make_video("one/a.mp4", width=64, height=64, frames=12)
    second = tmp_path / "two/a.mp4"
    second.parent.mkdir()
    shutil.copy(first, second)  # x264 does not always make the same bytes of such small frames
    third = make_video("three/a.mp4", width=64, height=64, frames=12, seed=1)
    plans = [
        plan_scenes(path, tmp_path, frames=4, segments=2, bank="both", versions=3)
        for path in (first, second, third)
    ]
    names = [[scene.directory.name for scene in scenes] for scenes in plans]
    assert names[0] == names[1] != names[2]
    assert [scene.distortions for scene in plans[0]] == [scene.distortions for scene in plans[1]]
    assert plans[0][0].distortions != plans[0][1].distortions
    assert plans[0][0].distortions[:12] == PAPER_DISTORTIONS


def test_a_bad_video_is_reported_and_the_others_are_made(make_video, tmp_path):
    good = make_video(width=64, height=64, frames=8)
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"junk")
    results = list(distort_many([bad, good, good], tmp_path / "out", frames=4, bank="extended", versions=2))
    assert [bool(result.error) for result in results] == [True, False]
    assert "bad.mp4" in results[0].error
    assert len(read_group(results[1].directory).versions) == results[1].versions == 3


def test_workers_run_one_thread_each_and_hand_back_errors():
    outcomes = {outcome.job: outcome for outcome in run_jobs(_job, ["threads", "data error"], workers=2)}
    assert outcomes["threads"].result == "1"
    assert outcomes["data error"].error == "nothing to do"


def test_a_worker_that_dies_leaves_messages_not_a_hang():
    outcomes = list(run_jobs(os._exit, [3, 3], workers=2))
    assert len(outcomes) == 2
    assert all("run the same command again" in outcome.error for outcome in outcomes)


def test_workers_end_with_a_killed_parent(tmp_path):
    """A run that is killed must not leave workers that write to the folder of its successor."""
    marks = [tmp_path / name for name in ("a", "b")]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_many; from pathlib import Path\n"
        "from sslvqa.distort.pool import run_jobs\n"
        "marks = [Path(mark) for mark in sys.argv[2:]]\n"
        "if __name__ == '__main__': list(run_jobs(test_many._beat, marks, workers=2))"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    words = [sys.executable, str(script), str(Path(__file__).parent), *map(str, marks)]
    with subprocess.Popen(words) as parent:
        wait_until(lambda: all(mark.exists() for mark in marks))
        parent.kill()
    time.sleep(0.5)
    sizes = [mark.stat().st_size for mark in marks]
    time.sleep(0.5)
    assert [mark.stat().st_size for mark in marks] == sizes


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def _beat(path):
    for _ in range(1200):
        with path.open("ab") as stream:
            stream.write(b".")
        time.sleep(0.05)


def test_a_bug_in_a_job_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        list(run_jobs(_job, ["bug"]))


def test_no_workers_is_a_usage_error():
    with pytest.raises(ConfigError, match="allowed is 1 or more"):
        list(run_jobs(_job, ["threads"], workers=0))


def _job(name):
    if name == "data error":
        raise DataError("nothing to do")
    if name == "bug":
        raise ZeroDivisionError
    return os.environ.get("OMP_NUM_THREADS")


@pytest.fixture
def command():
    app = typer.Typer()
    app.command()(distort)
    return lambda *words, **options: CliRunner().invoke(app, [str(word) for word in words], **options)


def test_the_command_prints_one_line_a_scene_and_fails_softly(command, make_video, tmp_path):
    good = make_video(width=64, height=64, frames=8)
    words = [
        "--out",
        tmp_path / "out",
        "--frames",
        4,
        "--bank",
        "extended",
        "--versions",
        2,
        "--format",
        "ndjson",
    ]
    done = command("-", *words, input=f"{good}\n{tmp_path / 'absent.mp4'}\n")
    assert done.exit_code == 1
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["schema"] for record in records] == [1, 1]
    assert {bool(record["error"]) for record in records} == {True, False}
    assert "no such file" in done.stderr
    again = command(good, *words)
    assert again.exit_code == 0
    assert json.loads(again.stdout)["versions"] == 3


def test_the_command_shows_a_table_on_request_and_refuses_nonsense(command, make_video, tmp_path):
    good = make_video(width=64, height=64, frames=8)
    words = ["--out", tmp_path / "out", "--frames", 4, "--bank", "extended", "--versions", 1]
    done = command(good, *words, "--format", "table")
    assert done.exit_code == 0
    assert "64x64" in done.stdout
    refused = command(good, *words, "--segments", 0)
    assert refused.exit_code == 1
    assert "segments is 0; allowed is 1 or more" in refused.stderr
