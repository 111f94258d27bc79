"""``sslvqa score``: output, exit codes, what a failure or an interrupt leaves behind."""

import csv
import io
import json
import os

import pytest

from sslvqa.scoring import Scorer, VideoScore


@pytest.fixture
def good(make_video):
    return make_video("clips/good.mp4", width=64, height=64, frames=12)


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.mp4"
    path.write_text("no video")
    return path


def test_a_pipe_gets_ndjson_which_is_the_json_of_python(run, model_dir, good):
    found = run("score", good, "--model", model_dir, "--clips", 1)
    assert (found.code, found.err) == (0, "")
    assert VideoScore.from_json(found.out) == Scorer(model_dir, clips=1).score(str(good))


def test_a_bad_file_has_a_record_and_the_exit_code_is_1(run, model_dir, good, bad):
    found = run("score", bad, good, "-m", model_dir)
    first, second = map(json.loads, found.out.splitlines())
    assert found.code == 1
    assert first["error_type"] == "UnreadableVideoError"
    assert second["score"] > 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--model", "nano.nothing"], "no model named 'nano.nothing'"),
        (["--clips", "0"], "clips is 0"),
        (["--resume"], "--resume continues an ndjson file"),
        (["--timeline-seconds", "0"], "positive length"),
        (["--timeline-seconds", "inf"], "positive length"),
        (["--format", "xml"], "xml"),
        (["--output", "absent/out.csv"], "there is no folder absent"),
        (["--map", "map.txt"], "ends in '.txt'"),
        (["--map", "m.png", "--map-strength", "2"], "--map-strength is 2"),
        (["--ray-workers", "2"], "--ray-workers is 2, but --ray is not given"),
        (["--ray", "local", "--map", "m.png"], "give it without --ray"),
        (["--ray", "local", "--model", "nano.nothing"], "no model named 'nano.nothing'"),
    ],
)
def test_wrong_use_exits_with_2_and_one_line(run, model_dir, good, args, words):
    model = [] if "--model" in args else ["--model", model_dir]
    found = run("score", good, *model, *args)
    assert found.code == 2
    assert words in found.err
    assert "Traceback" not in found.err


def test_a_map_needs_exactly_one_video(run, model_dir, good, bad, tmp_path):
    found = run("score", good, bad, "-m", model_dir, "--map", tmp_path / "m.png")
    assert found.code == 2
    assert "2 are given" in found.err


@pytest.mark.parametrize("name", ["m.png", "m.mp4"])
def test_a_map_is_drawn(run, model_dir, good, tmp_path, name):
    style = ("--map-strength", 0.5, "--map-palette", "viridis", "--map-range", "scale", "--map-draws", 2)
    found = run("score", good, "-m", model_dir, "--map", tmp_path / name, "--clips", 1, *style)
    assert found.code == 0
    assert f"map: {tmp_path / name}" in found.err
    assert (tmp_path / name).stat().st_size > 1000
    json.loads(found.out)


def test_formats_hold_the_same_number(run, model_dir, good, bad):
    args = ("score", good, bad, "-m", model_dir, "--clips", 1)
    value = Scorer(model_dir, clips=1).score(good).score
    document = json.loads(run(*args, "--format", "json").out)
    assert [("score" in item, "error" in item) for item in document] == [(True, False), (False, True)]
    rows = list(csv.DictReader(io.StringIO(run(*args, "--format", "csv").out)))
    assert document[0]["score"] == float(rows[0]["score"]) == pytest.approx(value)
    assert rows[1]["error_type"] == "UnreadableVideoError"
    table = run(*args, "--format", "table")
    assert f"{value:.2f}" in table.out
    assert "failed" in table.out
    assert "bad.mp4" in table.err


def test_a_timeline_has_a_row_for_each_window(run, model_dir, good):
    args = ("score", good, "-m", model_dir, "--timeline-seconds", 0.2)
    rows = list(csv.DictReader(io.StringIO(run(*args, "--format", "csv").out)))
    assert [float(row["start_seconds"]) for row in rows] == pytest.approx([0, 0.2, 0.4])
    assert len(json.loads(run(*args).out)["timeline"]) == 3
    assert all(float(row["low"]) <= float(row["score"]) <= float(row["high"]) for row in rows)
    table = run(*args, "--format", "table").out
    worst = min(rows, key=lambda row: float(row["score"]))
    assert f"{float(worst['score']):.2f} at {float(worst['start_seconds']):.1f} s" in table


def test_folders_and_stdin_name_files_each_once(run, model_dir, good, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{good}\n\n"))
    found = run("score", "-", good.parent, good, "-m", model_dir, "--clips", 1)
    assert found.code == 0
    assert [json.loads(line)["path"] for line in found.out.splitlines()] == [str(good)]


def test_resume_scores_only_what_is_missing_or_failed(
    run, model_dir, good, make_video, tmp_path, monkeypatch
):
    other, out = make_video("other.mp4", width=64, height=64, frames=8), tmp_path / "out.ndjson"
    args = ("-m", model_dir, "--clips", 1, "-o", out)
    late = tmp_path / "late.mp4"
    assert run("score", good, late, *args).code == 1
    with out.open("a") as stream:
        stream.write('{"schema": 1, "pa')
    late.write_bytes(other.read_bytes())
    asked = []
    real = Scorer.read
    monkeypatch.setattr(Scorer, "read", lambda self, path, **k: asked.append(path) or real(self, path, **k))
    assert run("score", good, late, other, *args, "--resume").code == 0
    assert asked == [str(late), str(other)]
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record["path"] for record in records] == [str(good), str(late), str(other)]
    assert all("score" in record for record in records)


def test_resume_does_not_mix_windows(run, model_dir, good, tmp_path):
    out = tmp_path / "out.ndjson"
    args = ("score", good, "-m", model_dir, "--clips", 1, "-o", out, "--resume")
    assert run(*args, "--timeline-seconds", 0.2).code == 0
    assert run(*args, "--timeline-seconds", 0.2).code == 0
    before = out.read_text()
    found = run(*args)
    assert found.code == 2
    assert "scored with timeline_seconds 0.2, now None" in found.err
    assert out.read_text() == before


@pytest.mark.parametrize("kind", ["ndjson", "json", "csv", "txt"])
@pytest.mark.parametrize("name", ["a\u2028b\x85.mp4", os.fsdecode(b"caf\xe9.mp4")])
def test_any_name_of_a_file_is_written(run, model_dir, make_video, tmp_path, kind, name):
    video, out = make_video(name, width=64, height=64, frames=8), tmp_path / f"out.{kind}"
    absent, args = tmp_path / f"absent-{name}", ("-m", model_dir, "--clips", 1, "-o", out)
    assert run("score", video, absent, *args).code == 1
    text = out.read_text()
    if kind == "ndjson":
        records = [json.loads(line) for line in text.splitlines()]
        assert [record["path"] for record in records] == [str(video), str(absent)]
        assert run("score", video, *args, "--resume").code == 0
    elif kind == "json":
        assert [record["path"] for record in json.loads(text)] == [str(video), str(absent)]
    elif kind == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["path"].endswith(name.replace("\udce9", "\\udce9")) for row in rows] == [True, True]
    else:
        assert "failed" in text


def test_on_ray_the_records_are_the_same_and_resume_goes_on(
    ray_running, run, model_dir, good, bad, make_video, tmp_path
):
    other, out = make_video("other.mp4", width=64, height=64, frames=8), tmp_path / "out.ndjson"
    args = ("-m", model_dir, "--clips", 1)
    assert run("score", good, *args, "-o", out).code == 0
    found = run(
        "score",
        good,
        bad,
        other,
        *args,
        "--ray",
        "local",
        "--ray-workers",
        1,
        "--threads",
        1,
        "-o",
        out,
        "--resume",
    )
    assert (found.code, found.out) == (1, "")
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record["path"] for record in records] == [str(good), str(bad), str(other)]
    assert records[1]["error_type"] == "UnreadableVideoError"
    assert VideoScore.from_dict(records[2]) == Scorer(model_dir, clips=1).score(str(other))


@pytest.mark.parametrize("kind", ["ndjson", "json", "csv"])
def test_an_interrupt_leaves_a_valid_file(run, model_dir, good, tmp_path, monkeypatch, kind):
    real, out = Scorer.read, tmp_path / f"out.{kind}"

    def read(self, path, **options):
        if path == "second.mp4":
            raise KeyboardInterrupt
        return real(self, path, **options)

    monkeypatch.setattr(Scorer, "read", read)
    found = run("score", good, "second.mp4", "-m", model_dir, "-o", out)
    assert found.code == 130
    assert "interrupted" in found.err
    text = out.read_text()
    if kind == "csv":
        assert [row["path"] for row in csv.DictReader(io.StringIO(text))] == [str(good)]
    else:
        records = json.loads(text) if kind == "json" else [json.loads(line) for line in text.splitlines()]
        assert [record["path"] for record in records] == [str(good)]


def test_no_records_are_still_a_json_document(run, model_dir, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    out = tmp_path / "out.json"
    assert run("score", "-", "-m", model_dir, "-o", out).code == 0
    assert json.loads(out.read_text()) == []
