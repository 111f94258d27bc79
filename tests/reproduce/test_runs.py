"""Whole tables on the miniature benchmark: made, stopped, resumed, found again."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace

import sslvqa.reproduce.work as work
from sslvqa.reproduce import TABLES, Budget, OpenBench, Row, Table, reproduce

RANDOM = Row("random", "ssl_vqa_minus", "random")
OTHER = Row("other", "ssl_vqa_minus", "random", changes=(("loss.consistency", False),))
PAIR = Table("pair", "A table of two rows", (RANDOM, OTHER), ("KoNViD-1k",), number=4)


def cells(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_tables_are_made_with_their_starts_and_a_second_time_found(plan_of, tmp_path, monkeypatch):
    tables = TABLES["table4"], TABLES["table5"]
    plan, told = plan_of(*tables), []
    outcome = reproduce(tables, plan, budget=Budget(), tell=told.append)
    assert outcome.made == 5
    assert not outcome.is_whole, "there are no Kinetics weights"
    assert "learning the start 'cosine' first" in told
    assert told[-2] == "5 of 5 runs done"
    assert "1 runs cannot be made: start 'kinetics'" in told[-1]
    page = (tmp_path / "out" / "table4.open.md").read_text()
    assert "Benchmark: **open benchmark**; labels: VMAF" in page
    assert "| SROCC | open benchmark: ours | published, KoNViD-1k |" in page
    assert "| Video Swin-T, Kinetics | – | 0.728 |" in page
    line = next(line for line in page.splitlines() if line.startswith("| ST-VQRL, statistical loss |"))
    assert line.endswith("| 0.765 |")
    assert not line.startswith("| ST-VQRL, statistical loss | –")
    assert (tmp_path / "out" / "table5.open.svg").read_text().startswith("<?xml")
    runs = cells(tmp_path / "out" / "table5.open.runs.csv")
    assert [row["row"] for row in runs] == [row.label for row in TABLES["table5"].rows]
    assert len({row["key"] for row in runs}) == 3
    assert len({row["split_sha256"] for row in runs}) == 1
    assert {row["videos"] for row in runs} == {"14"}
    summary = cells(tmp_path / "out" / "table5.open.csv")
    assert {row["published"] for row in summary if row["measure"] == "srocc"} == {"0.756", "0.742", "0.765"}

    monkeypatch.setattr(work, "train", None)  # calling it would fail
    again = plan_of(*tables)
    assert reproduce(tables, again, budget=Budget()).made == 0
    assert (tmp_path / "out" / "table4.open.md").read_text() == page
    text = "".join(p.read_text() for p in (tmp_path / "out").rglob("run.json"))
    assert str(tmp_path) not in text, "results travel: they name no folder of this machine"


def test_a_row_with_known_levels_is_another_run_that_learns_their_order(plan_of, tmp_path):
    ranked = replace(RANDOM, label="ranked", ranks=True)
    table = replace(PAIR, rows=(RANDOM, ranked))
    plan = plan_of(table)
    assert reproduce([table], plan, budget=Budget()).made == 2
    losses = {}
    for job in plan.jobs.values():
        lines = (plan.folder(job).path / "metrics.jsonl").read_text().splitlines()
        losses[job.cell.row.label] = {name for line in map(json.loads, lines) for name in line}
    assert losses["ranked"] - losses["random"] == {"ranking_r", "ranking_d"}


def test_a_session_makes_as_many_runs_as_it_may_and_the_next_goes_on(plan_of, tmp_path):
    told = []
    first = reproduce([PAIR], plan_of(PAIR), budget=Budget(runs=1), tell=told.append)
    assert (first.made, first.is_whole) == (1, False)
    assert told[-1].startswith("1 of 2 runs done, about 0.0 h left")
    page = (tmp_path / "out" / "pair.open.md").read_text()
    assert "| other | – | – |" in page
    second = reproduce([PAIR], plan_of(PAIR), budget=Budget())
    assert (second.made, second.is_whole) == (1, True)


def test_a_stopped_session_goes_on_to_the_result_of_an_unbroken_one(plan_of, stop_after, tmp_path, recipe):
    table = replace(PAIR, rows=(RANDOM,))
    three = replace(recipe, steps=3)

    def session(out):
        plan = plan_of(table, recipe=three, out=tmp_path / out)
        return reproduce([table], plan, budget=Budget()), plan

    _, whole = session("whole")
    stop_after(2)
    stopped, plan = session("broken")
    assert "stopped after step 2 of 3" in str(stopped.stopped)
    assert stopped.made == 0
    (tmp_path / "broken").rename(tmp_path / "moved")
    stop_after(0)
    resumed, plan = session("moved")
    assert resumed.is_whole

    def scores(plan):
        (job,) = plan.jobs.values()
        (item,) = job.draw.tests.items()
        return plan.folder(job).read_predictions(*item).scores.tolist()

    assert scores(plan) == scores(whole)
    assert not list((tmp_path / "moved").rglob("checkpoint-*"))


def test_a_session_whose_time_is_over_keeps_what_it_tested(plan_of, tmp_path, monkeypatch):
    table = replace(PAIR, rows=(RANDOM,))
    budget, calls = Budget(hours=1), []

    def check():
        calls.append(1)
        if len(calls) == 3:
            budget._ends = 0
        Budget.check(budget)

    monkeypatch.setattr(budget, "check", check)
    stopped = reproduce([table], plan_of(table), budget=budget)
    assert "the time is over" in str(stopped.stopped)
    (part,) = (tmp_path / "out").rglob("*.part")
    assert len(part.read_text().splitlines()) == 4
    with part.open("a") as stream:
        stream.write("cut sho")
    monkeypatch.setattr(work, "train", None)
    assert reproduce([table], plan_of(table), budget=Budget()).is_whole
    (tests,) = (tmp_path / "out").rglob("tests/*.csv")
    names = [row["video"] for row in cells(tests)]
    assert len(names) == len(set(names)) == 14


def test_a_test_killed_before_its_first_score_is_begun_anew(tmp_path):
    scratch = tmp_path / "x.part"
    for text in ("", "video,con"):
        scratch.write_text(text)
        assert work._known(scratch) == set()
        assert not scratch.exists()


def test_a_run_that_fails_does_not_end_the_others(plan_of, recipe):
    wild = replace(RANDOM, label="wild", changes=(("optim.lr", 1e30), ("optim.head_lr", 1e30)))
    table = replace(PAIR, rows=(wild, OTHER))
    told = []
    plan = plan_of(table, recipe=replace(recipe, steps=3))
    outcome = reproduce([table], plan, budget=Budget(), tell=told.append)
    assert list(outcome.failed) == ["wild, 8 labels, draw 0"]
    assert outcome.made == 1
    assert any("failed: numbers of step" in line for line in told)


def test_a_video_that_does_not_decode_is_left_out_and_named(plan_of, tmp_path, bench_folder, monkeypatch):
    copy = shutil.copytree(bench_folder, tmp_path / "copy")
    bench = OpenBench(copy, sizes=plan_of(PAIR).bench.sizes)
    table = replace(PAIR, rows=(RANDOM,))
    (job,) = plan_of(table, bench=bench).jobs.values()
    (test,) = job.draw.tests.values()
    job.draw.labelled.rows[0].path.write_text("no video")
    test.rows[0].path.write_text("no video")
    plan = plan_of(table, bench=bench)
    assert reproduce([table], plan, budget=Budget()).is_whole
    assert plan.folder(job).record()["left_out"] == [job.draw.labelled.rows[0].name]
    page = (tmp_path / "out" / "pair.open.md").read_text()
    assert "1 tests of single videos failed and are left out" in page
