"""Studies: the plan of a session, storing, resuming, checks of raters, export."""

from __future__ import annotations

import csv
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import ConfigError, DataError
from sslvqa.rate import (
    Study,
    StudySettings,
    StudyVideo,
    bradley_terry,
    check_raters,
    plan_session,
    read_pairs,
    read_votes,
    write_votes,
)


def pool(count, *, contents=None, high=0, low=0):
    videos = [StudyVideo(i, f"c{i if contents is None else i % contents}", "test") for i in range(count)]
    videos += [StudyVideo(count + i, f"h{i}", "high") for i in range(high)]
    return videos + [StudyVideo(count + high + i, f"l{i}", "low") for i in range(low)]


def plan(videos, seed=0, asked=None, **options):
    return plan_session(
        videos, StudySettings(**options), asked=asked or {}, generator=np.random.default_rng(seed)
    )


@given(
    count=st.integers(1, 40),
    contents=st.integers(1, 6),
    repeats=st.integers(0, 5),
    training=st.integers(0, 5),
    rest=st.integers(0, 9),
    anchors=st.integers(0, 2),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_every_video_is_asked_once_in_any_plan(count, contents, repeats, training, rest, anchors, seed):
    videos = pool(count, contents=contents, high=anchors, low=anchors)
    options = {"repeats": repeats, "training": training, "break_every": rest}
    trials = plan(videos, seed, **options)
    assert trials == plan(videos, seed, **options)
    kinds = [trial.kind for trial in trials]
    assert kinds == sorted(kinds, key=lambda kind: kind != "training")
    assert Counter(t.left for t in trials if t.kind == "test") == Counter(range(count))
    assert Counter(kinds)["anchor"] == 2 * anchors
    assert Counter(kinds)["training"] == min(training, count)
    assert not trials[0].break_before
    firsts = {trial.left: place for place, trial in enumerate(trials) if trial.kind == "test"}
    for place, trial in enumerate(trials):
        if trial.kind == "repeat":
            assert place > firsts[trial.left]


def test_neighbours_differ_in_content_and_persons_in_order():
    orders = [[t.left for t in plan(pool(24, contents=4), seed, repeats=0, training=0)] for seed in range(8)]
    assert all(a % 4 != b % 4 for order in orders for a, b in pairwise(order))
    assert len({tuple(order) for order in orders}) == 8


def test_repeats_are_far_from_the_first_time_and_breaks_are_regular():
    trials = plan(pool(60), repeats=6, training=0, break_every=20)
    places = {t.left: i for i, t in enumerate(trials) if t.kind == "test"}
    gaps = [i - places[t.left] for i, t in enumerate(trials) if t.kind == "repeat"]
    assert len(gaps) == 6
    assert min(gaps) >= 20
    assert [i for i, t in enumerate(trials) if t.break_before] == [20, 40, 60]


def test_videos_asked_least_come_first():
    trials = plan(pool(10), asked={i: i % 2 for i in range(10)}, per_person=5, repeats=0, training=0)
    assert {t.left for t in trials} == {0, 2, 4, 6, 8}


def test_pairs_connect_all_videos_and_repeats_exchange_the_sides():
    trials = plan(pool(12, high=1, low=1), method="pair", repeats=3, training=2)
    test = [(t.left, t.right) for t in trials if t.kind == "test"]
    assert len(test) == 12
    assert Counter(v for pair in test for v in pair) == dict.fromkeys(range(12), 2)
    assert all((t.right, t.left) in test for t in trials if t.kind == "repeat")
    assert [{t.left, t.right} for t in trials if t.kind == "anchor"] == [{12, 13}]
    few = plan(pool(3), method="pair", per_person=50, repeats=0, training=0)
    assert len({frozenset((t.left, t.right)) for t in few}) == len(few) == 3


def test_settings_out_of_range_are_refused():
    for options in ({"method": "dcr"}, {"per_person": 0}, {"repeats": -1}, {"training": -1}):
        with pytest.raises(ConfigError, match=r"must be|cannot be"):
            StudySettings(**options)
    with pytest.raises(DataError, match="pair needs more"):
        plan(pool(1), method="pair")


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"v{i}.mp4" for i in range(14)]
    for path in paths:
        path.write_bytes(b"x")
    return paths


def make(tmp_path, files, *, high=0, low=0, **options):
    cut = len(files) - high - low
    return Study.create(
        tmp_path / "study.sqlite",
        StudySettings(**options),
        files[:cut],
        high=files[cut : cut + high],
        low=files[cut + high :],
    )


def rate_all(study, token, opinion):
    """Answer all questions; ``opinion(name of left, name of right or None, position)`` is the vote."""
    state = study.state(token)
    while state.question:
        at = state.question.position
        names = [study.video_path(token, at).stem]
        names.append(study.video_path(token, at, side=1).stem if state.question.pair else None)
        state = study.answer(token, at, opinion(*names, at), seconds=2.0)
    return state


def number(name):
    return int(name[1:])


def test_a_session_is_resumed_by_its_link_alone(tmp_path, files):
    study = make(tmp_path, files, training=2, repeats=0)
    token = study.join("Ann")
    study.answer(token, 0, 3)
    study.answer(token, 0, 5)  # a second click, or the same request sent again
    again = Study(study.path)
    state = again.state(token)
    assert (state.done, state.total, state.question.position) == (1, 16, 1)
    assert again.answers()[0].vote == 3
    again.store_screen(token, {"width_px": 1920, "ratio": 1.5})
    assert again.state(token).screened
    done = rate_all(again, token, lambda *_: 4)
    assert (done.question, done.done) == (None, 16)


def test_answers_off_the_scale_or_out_of_turn_are_refused(tmp_path, files):
    study = make(tmp_path, files)
    token = study.join()
    for vote in (0, 6, 2.5, float("nan")):
        with pytest.raises(DataError, match="acr5 takes 1 to 5"):
            study.answer(token, 0, vote)
    with pytest.raises(DataError, match="question 3 is not due; the next one is 0"):
        study.answer(token, 3, 4)
    with pytest.raises(DataError, match="nobody has this link"):
        study.answer("guess", 0, 4)
    with pytest.raises(DataError, match="no video 1"):
        study.video_path(token, 0, side=1)
    with pytest.raises(DataError, match="at most 2000"):
        study.store_screen(token, {"x": "y" * 3000})


def test_persons_who_join_at_once_get_numbers_of_their_own(tmp_path, files):
    study = make(tmp_path, files, per_person=5, repeats=0, training=0)
    with ThreadPoolExecutor(8) as pool_:
        tokens = list(pool_.map(lambda _: study.join(), range(16)))
    assert sorted(study.state(token).person for token in tokens) == list(range(1, 17))
    for token in tokens:
        rate_all(study, token, lambda *_: 3)
    asked = Counter(answer.left for answer in study.answers())
    assert max(asked.values()) - min(asked.values()) <= 1


def test_a_careless_person_is_flagged_and_a_careful_one_is_not(tmp_path, files):
    study = make(tmp_path, files, high=1, low=1, repeats=4, training=1)
    generator = np.random.default_rng(0)
    votes = {"v12": 5, "v13": 1}
    careful, random_, same = (study.join(name) for name in ("careful", "random", "same"))
    rate_all(study, careful, lambda left, *_: votes.get(left, 1 + number(left) % 5))
    rate_all(study, random_, lambda left, _, at: {"v12": 1, "v13": 5}.get(left, generator.integers(1, 6)))
    rate_all(study, same, lambda *_: 3)
    checks = {check.rater: check for check in check_raters(study)}
    assert checks["1 careful"].reasons == ()
    assert checks["1 careful"].repeat_difference == 0
    assert checks["2 random"].anchors_reversed
    assert any("same" in reason for reason in checks["3 same"].reasons)
    out = tmp_path / "votes.csv"
    assert write_votes(out, study) == 3 * (12 + 4)
    with out.open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["flagged"] for row in rows if row["rater"] == "1 careful"} == {"no"}
    assert not {row["video"] for row in rows} & {"v12.mp4", "v13.mp4"}
    kept = read_votes(out, where={"flagged": "no"})
    assert kept.votes.raters == ("1 careful",)
    assert write_votes(out, study, everything=True) == 3 * (1 + 12 + 4 + 2)


def test_a_pair_study_comes_back_as_scores(tmp_path, files):
    study = make(tmp_path, files, high=1, low=1, method="pair", repeats=3, training=0)
    for _person in range(6):
        rate_all(study, study.join(), lambda a, b, _: float(quality(a) > quality(b)))
    check = check_raters(study)[0]
    assert (check.repeat_difference, check.anchors_reversed, check.reasons) == (0, False, ())
    out = tmp_path / "votes.csv"
    write_votes(out, study)
    scores = bradley_terry(read_pairs(out))
    order = [name for _, name in sorted(zip(scores.score, scores.videos, strict=True))]
    assert np.corrcoef([int(name[1:-4]) for name in order], range(12))[0, 1] > 0.9


def quality(name):
    return {"v12": 99, "v13": -1}.get(name, number(name))


def test_studies_that_cannot_be_made_or_read_say_why(tmp_path, files):
    study = make(tmp_path, files)
    with pytest.raises(DataError, match="exists already"):
        Study.create(study.path, StudySettings(), files)
    with pytest.raises(DataError, match="no video"):
        Study.create(tmp_path / "b.sqlite", StudySettings(), [tmp_path / "none.mp4"])
    with pytest.raises(DataError, match="two roles"):
        Study.create(tmp_path / "b.sqlite", StudySettings(), files, high=files[:1])
    with pytest.raises(DataError, match="no study"):
        Study(tmp_path / "c.sqlite")
    (tmp_path / "d.sqlite").write_text("text")
    with pytest.raises(DataError, match="is no study"):
        Study(tmp_path / "d.sqlite")
    assert not (tmp_path / "b.sqlite").exists()
