"""Many files, some of them bad; interrupted and continued."""

import io
import itertools
import json
import os
import time
from dataclasses import replace
from functools import partial

import pytest

from sslvqa.errors import ConfigError
from sslvqa.hub import LoadedModel, load_model
from sslvqa.scoring import FailedScore, Scorer, VideoScore, read_each, score_each, scored_records


@pytest.fixture
def scorer(model_dir):
    return Scorer(model_dir, clips=1)


@pytest.fixture(params=["local", "ray"])
def score_all(request, scorer):
    """Both ways to score many files: one contract."""
    if request.param == "ray":
        return request.getfixturevalue("ray_pool").score_each
    return partial(score_each, scorer=scorer)


def test_a_bad_file_is_a_record_and_the_rest_continue(score_all, make_video, tmp_path, scorer):
    good = make_video("good.mp4", width=64, height=64, frames=8)
    (tmp_path / "bad.mp4").write_text("no video")
    results = list(score_all([good, tmp_path / "bad.mp4", tmp_path / "absent.mp4", good]))
    results.sort(key=lambda item: item.path)
    assert [type(item) for item in results] == [FailedScore, FailedScore, VideoScore, VideoScore]
    assert results[2] == results[3] == scorer.score(good)
    assert [item.error_type for item in results[:2]] == ["VideoNotFoundError", "UnreadableVideoError"]
    assert set(json.loads(results[0].to_json())) == {"schema", "path", "error", "error_type"}


def test_every_file_has_one_record_and_none_of_an_iteration_that_was_left(score_all, tmp_path):
    first, second = ([str(tmp_path / f"{part}{i}.mp4") for i in range(20)] for part in "ab")
    left = score_all(first)
    next(left)
    left.close()
    assert sorted(item.path for item in score_all(second)) == sorted(second)
    assert list(score_all([])) == []


@pytest.mark.parametrize(
    ("paths", "step"), [("x", "read_and_run"), ("x", "finish"), ("xy", "read"), ("xy", "finish")]
)
def test_an_unforeseen_exception_is_a_record_too_but_an_interrupt_is_not(scorer, monkeypatch, paths, step):
    monkeypatch.setattr(scorer, "read", lambda *a, **k: None)
    monkeypatch.setattr(scorer, "read_and_run", lambda *a, **k: (None, None))
    monkeypatch.setattr(scorer, step, lambda *a, **k: (_ for _ in ()).throw(RuntimeError()))
    expected = [FailedScore(path, "RuntimeError", "RuntimeError") for path in paths]
    assert list(score_each(list(paths), scorer=scorer)) == expected
    monkeypatch.setattr(scorer, step, lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        list(score_each(list(paths), scorer=scorer))


def test_a_wrong_setting_ends_a_batch_before_its_first_file(scorer, monkeypatch):
    monkeypatch.setattr(scorer, "read", lambda *a, **k: pytest.fail("read"))
    for seconds, paths in itertools.product((0.0, float("inf")), ("x", "xy")):
        with pytest.raises(ConfigError, match=f"timeline_seconds is {seconds}"):
            list(score_each(list(paths), scorer=scorer, timeline_seconds=seconds))


def test_an_open_file_without_a_name_has_a_record_too(scorer):
    (found,) = score_each([io.BytesIO(b"no video")], scorer=scorer)
    assert (found.path, found.error_type) == ("<file object>", "UnreadableVideoError")


@pytest.fixture
def reads(scorer, monkeypatch):
    """Names of files as they are read, with the threads of their decoders."""
    log = []

    def read(source, *, threads, **_):
        log.append((source, threads))
        return source

    monkeypatch.setattr(scorer, "read", read)
    return log


def test_as_many_files_are_read_ahead_as_there_are_readers(scorer, reads):
    scorer.threads = 3
    readings = read_each([str(number) for number in range(20)], scorer=scorer)
    for number in range(20):
        source, reading = next(readings)
        assert source == reading.result() == str(number)
        time.sleep(0.01)
        assert len(reads) <= number + 1 + 3
    assert next(readings, None) is None
    assert {threads for _, threads in reads} == {1}


def test_a_single_file_is_decoded_by_all_threads(scorer, reads):
    scorer.threads = 3
    assert [source for source, _ in read_each(["a"], scorer=scorer)] == ["a"]
    assert reads == [("a", 3)]


def test_what_was_not_begun_is_dropped_when_the_iteration_is_left(scorer, reads):
    readings = read_each([str(number) for number in range(20)], scorer=scorer)
    next(readings)
    readings.close()
    assert len(reads) < 20


def test_finished_records_are_read_back_without_failures_and_a_half_line(scorer, make_video, tmp_path):
    good = make_video("good.mp4", width=64, height=64, frames=8)
    line = scorer.score(good).to_json()
    failed = FailedScore("bad.mp4", "why", "VideoError").to_json()
    path = tmp_path / "out.ndjson"
    path.write_text(f"{line}\n{failed}\n{line[:50]}")
    assert list(scored_records(path, kind=scorer.kind)) == [str(good)]
    assert scored_records(tmp_path / "new.ndjson", kind=scorer.kind) == {}


def test_scores_of_another_kind_are_not_continued(scorer, model_dir, make_video, tmp_path):
    path = tmp_path / "out.ndjson"
    path.write_text(scorer.score(make_video(width=64, height=64, frames=8)).to_json() + "\n")
    with pytest.raises(ConfigError, match=r"scored with seed 0, now 5"):
        scored_records(path, kind=Scorer(model_dir, clips=1, seed=5).kind)


def test_another_card_of_the_same_weights_is_another_kind(scorer, model_dir, make_video, tmp_path):
    path = tmp_path / "out.ndjson"
    path.write_text(scorer.score(make_video(width=64, height=64, frames=8)).to_json() + "\n")
    model, card = load_model(model_dir)
    settings = {"clips": 1, "precision": scorer.kind.precision}

    def kind(**changes):
        return Scorer(LoadedModel(model, card.model_copy(update=changes)), **settings).kind

    assert scored_records(path, kind=kind(name="tiny.copy", results=(), limits=())), "the same number"
    changed = card.calibration.model_copy(update={"weight": 0.4})
    with pytest.raises(ConfigError, match="scored with card_sha256 "):
        scored_records(path, kind=kind(calibration=changed))
    with pytest.raises(ConfigError, match=r"scored with scale 'TEST 0\.\.100: random numbers', now 'MOS "):
        scored_records(path, kind=kind(scale=card.scale.model_copy(update={"label": "MOS"})))


def test_other_windows_are_another_kind_and_outputs_that_do_not_tell_go_on(scorer, make_video, tmp_path):
    path, windows = tmp_path / "out.ndjson", replace(scorer.kind, timeline_seconds=0.2)
    record = scorer.score(make_video(width=64, height=64, frames=8), timeline_seconds=0.2).to_dict()
    path.write_text(json.dumps(record) + "\n")
    assert len(scored_records(path, kind=windows)) == 1
    for other in (None, 0.1):
        with pytest.raises(ConfigError, match=f"scored with timeline_seconds 0.2, now {other}"):
            scored_records(path, kind=replace(windows, timeline_seconds=other))
    for name in ("timeline_seconds", "card_sha256"):  # as in outputs of earlier versions
        del record["provenance"][name]
    path.write_text(json.dumps(record) + "\n")
    assert len(scored_records(path, kind=scorer.kind)) == len(scored_records(path, kind=windows)) == 1
    with pytest.raises(ConfigError, match="scored with scale "):
        scored_records(path, kind=replace(windows, scale="MOS 1..5: opinion"))


@pytest.mark.parametrize("name", ["a\u2028b\x85.mp4", os.fsdecode(b"caf\xe9.mp4")])
def test_any_name_of_a_file_comes_back_from_its_record(scorer, make_video, tmp_path, name):
    result = scorer.score(make_video(name, width=64, height=64, frames=8))
    path = tmp_path / "out.ndjson"
    path.write_text(result.to_json() + "\n")
    assert VideoScore.from_json(result.to_json()) == result
    assert list(scored_records(path, kind=scorer.kind)) == [str(tmp_path / name)]


def test_a_record_of_an_earlier_version_may_hold_other_ends_of_lines(scorer, make_video, tmp_path):
    name, path = "a\u2028b\x85.mp4", tmp_path / "out.ndjson"
    record = scorer.score(make_video(name, width=64, height=64, frames=8)).to_dict()
    path.write_text(json.dumps(record, ensure_ascii=False) + "\n")
    assert list(scored_records(path, kind=scorer.kind)) == [str(tmp_path / name)]


@pytest.mark.parametrize(
    ("text", "words"), [("{\n{}\n", ":1: not a score"), ("[1]\n{}\n", ":1: not a score")]
)
def test_a_file_of_something_else_is_refused(scorer, tmp_path, text, words):
    path = tmp_path / "out.ndjson"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        scored_records(path, kind=scorer.kind)
