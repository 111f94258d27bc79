"""Scoring on Ray: what only processes can do wrong; the contract of a batch is in test_batch."""

import os
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslvqa.errors import ConfigError, MissingExtraError, ModelError, UnknownModelError, WorkerLostError
from sslvqa.scoring import FailedScore, RayPool, Scorer, VideoScore, ray_batch, score_on_ray
from sslvqa.scoring.handout import Handout
from sslvqa.scoring.ray_cluster import divide, import_ray


def test_a_lost_worker_costs_no_file_but_the_one_that_ends_it_twice(ray_pool, make_video, tmp_path):
    paths = [str(tmp_path / f"{name}.mp4") for name in ("once", "deadly", "odd", "good", "absent")]
    for name in ("once", "deadly", "odd", "good"):
        make_video(f"{name}.mp4", width=64, height=64, frames=8)
    results = {os.path.basename(item.path): item for item in ray_pool.score_each(paths)}  # noqa: PTH119
    assert len(results) == 5
    assert isinstance(results["once.mp4"], VideoScore)
    assert isinstance(results["good.mp4"], VideoScore)
    kinds = {name: item.error_type for name, item in results.items() if isinstance(item, FailedScore)}
    assert kinds == {
        "deadly.mp4": "WorkerLostError",
        "odd.mp4": "RuntimeError",
        "absent.mp4": "VideoNotFoundError",
    }
    assert "ended, twice" in results["deadly.mp4"].error


def test_paths_are_taken_as_they_are_needed(ray_pool, tmp_path):
    taken = []
    paths = (taken.append(number) or tmp_path / f"{number}.mp4" for number in range(200))
    for done, _ in enumerate(ray_pool.score_each(paths), start=1):
        assert len(taken) <= done + ray_pool.workers + 1
    assert done == 200


def test_files_that_share_batches_are_given_together(ray_running, model_dir, make_video, tmp_path):
    good = make_video("good.mp4", width=64, height=64, frames=8)
    paths = [good, tmp_path / "absent.mp4", good, good]
    with RayPool(model_dir, workers=1, threads=1, clips=1, batch=2) as pool:
        assert pool.kind == Scorer(model_dir, clips=1, batch=2).kind
        assert pool._slots[0].facts.files_at_once == 16
        results = list(pool.score_each(paths))
    assert [item.path for item in results] == list(map(str, paths))
    assert len({item.score for item in results if isinstance(item, VideoScore)}) == 1


def test_a_wrong_setting_is_the_error_of_the_scorer(ray_running, model_dir):
    with pytest.raises(ConfigError, match="clips is 0"):
        list(score_on_ray(["a.mp4"], model=model_dir, workers=1, threads=1, clips=0))


def test_a_worker_with_other_weights_ends_the_job(ray_running, model_dir, monkeypatch):
    monkeypatch.setattr(ray_batch, "load_card", lambda model: SimpleNamespace(weights_sha256="0" * 64))
    with pytest.raises(ModelError, match=r"has weights .*, this machine 000000000000"):
        list(score_on_ray(["a.mp4"], model=model_dir, workers=1, threads=1))


def test_workers_that_never_start_end_the_job(ray_running, model_dir, monkeypatch):
    class Stillborn:
        def start(self, *args, **options):
            os._exit(1)

    monkeypatch.setattr(ray_batch, "RayWorker", Stillborn)
    with pytest.raises(WorkerLostError, match="3 workers in a row ended before they were ready"):
        list(score_on_ray(["a.mp4"], model=model_dir, workers=1, threads=1))


def test_what_is_wrong_at_once_is_said_before_ray_starts(monkeypatch, model_dir):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UnknownModelError):
        RayPool("nothing")
    with pytest.raises(ConfigError, match="timeline_seconds is 0"):
        RayPool(model_dir, timeline_seconds=0)
    with pytest.raises(MissingExtraError, match=r"pip install 'sslvqa\[ray\]'"):
        RayPool(model_dir)
    with pytest.raises(MissingExtraError):
        import_ray()


@pytest.mark.parametrize(
    ("machines", "options", "expected"),
    [
        ([{"CPU": 2}], {}, (2, 1, 0, 2)),
        ([{"CPU": 8}, {"CPU": 8}, {}], {"workers": 3}, (3, 4, 0, 3)),  # 5 would fit only once on each
        ([{"CPU": 8}], {"threads": 3}, (2, 3, 0, 2)),
        ([{"CPU": 2}], {"workers": 5}, (5, 1, 0, 2)),
        ([{"CPU": 16, "GPU": 2}, {"CPU": 4}], {}, (2, 8, 1, 2)),
        ([{"CPU": 16, "GPU": 2}], {"device": "cpu", "workers": 2}, (2, 8, 0, 2)),
        ([{"CPU": 4}], {"device": "cuda", "workers": 2}, (2, 2, 1, 0)),
        ([], {}, (1, 1, 0, 0)),
    ],
)
def test_processors_are_divided(machines, options, expected):
    assert divide(machines, **options) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [({"workers": 0}, "workers is 0"), ({"threads": 0}, "threads is 0"), ({"device": "cuda:1"}, "'cuda:1'")],
)
def test_what_cannot_be_divided_is_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        divide([{"CPU": 4}], **options)


def test_looking_whether_files_are_left_costs_nothing_later():
    handout = Handout(["a.mp4", "b.mp4"])
    assert all(handout.left for _ in range(1_000_000))
    assert handout.take(2).paths == ("a.mp4", "b.mp4")
    assert not handout.left
    assert handout.take(2) is None


@given(st.integers(0, 30), st.integers(1, 4), st.integers(1, 5), st.sets(st.integers(0, 29)), st.randoms())
def test_every_file_is_scored_or_given_up_once_whatever_ends_its_worker(count, workers, most, deadly, random):
    handout = Handout(str(number) for number in range(count))
    hands, done, given_up = [], Counter(), Counter()
    while handout.left or hands:
        while handout.left and len(hands) < workers:
            hands.append(handout.take(most))
        parcel = hands.pop(random.randrange(len(hands)))
        if deadly & set(map(int, parcel.paths)):
            given_up.update(handout.put_back(parcel))
        else:
            done.update(parcel.paths)
    assert done == Counter(str(number) for number in range(count) if number not in deadly)
    assert given_up == Counter(str(number) for number in deadly if number < count)
