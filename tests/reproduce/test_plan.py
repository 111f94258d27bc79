"""What is to be made: tables, cells, draws, keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sslvqa.errors import ConfigError, DataError
from sslvqa.reproduce import TABLES, OpenBench, Row, Table, find_tables
from sslvqa.reproduce.bench import Draw, take
from sslvqa.reproduce.published import published_methods, published_value, read_published
from sslvqa.reproduce.tables import SSL_VQA, Amounts, Cell

FEW = Cell(SSL_VQA, "few", Amounts(8, 6))
RANDOM = Table("t", "T", (Row("random", "ssl_vqa", "random"),), ("KoNViD-1k",))


def test_every_published_number_is_there_and_found_by_its_place():
    assert len(read_published()) == 176
    assert published_value(2, "SSL-VQA", "KoNViD-1k", "srocc") == 0.765
    assert published_value(1, "SSL-VQA-", "LIVE-VQC", "plcc") == 0.688
    assert published_value(None, "SSL-VQA", "KoNViD-1k", "srocc") is None
    assert published_value(5, "SSL-VQA", "LSVQ-test", "srocc") is None


@pytest.mark.parametrize("name", ["table1", "table2", "table3", "table4", "table5", "table7"])
def test_rows_of_the_paper_that_can_be_learned_here_stand_beside_its_numbers(name):
    table = TABLES[name]
    methods = published_methods(table.number)
    assert {row.label for row in table.rows} & set(methods)
    for row in table.rows:
        found = [published_value(table.number, row.label, item, "srocc") for item in table.databases]
        assert all(value is not None for value in found) or row.label not in methods


def test_all_is_every_table_and_an_unknown_one_is_named():
    assert [table.name for table in find_tables(["all"])] == list(TABLES)
    assert [table.name for table in find_tables(["table5", "table2"])] == ["table2", "table5"]
    with pytest.raises(ConfigError, match=r"no table 'table6'; expected table1, .* or all"):
        find_tables(["table6"])


def test_methods_without_unlabelled_videos_are_one_cell_of_a_sweep_over_them(bench):
    cells = TABLES["figure3"].cells(bench.sizes)
    supervised = [cell.amounts for cell in cells if cell.row.label == "Supervised"]
    ours = [cell.amounts for cell in cells if cell.row.method == "ssl_vqa"]
    assert supervised == [Amounts(4, 0), Amounts(8, 0)]
    assert ours == [Amounts(4, 6), Amounts(8, 6), Amounts(8, 3)]


def test_numbers_of_videos_below_one_are_refused(bench):
    with pytest.raises(ConfigError, match="number of labels is 1; expected 2 or more"):
        bench.sizes.changed(labels=(1, 4))


def test_draws_are_nested_disjoint_and_seeded(bench):
    few, many = bench.draw(replace(FEW, amounts=Amounts(4, 3)), 0), bench.draw(FEW, 0)

    def names(part):
        return {row.name for row in part.rows}

    assert names(few.labelled) < names(many.labelled)
    assert names(few.unlabelled) < names(many.unlabelled)
    assert not names(many.labelled) & names(many.unlabelled)
    assert bench.draw(FEW, 0).sha256 == many.sha256
    assert bench.draw(FEW, 1).sha256 != many.sha256
    assert len({draw.labelled.sha256 for draw in (few, many, bench.draw(FEW, 1))}) == 3


def test_the_open_benchmark_tests_other_contents_and_never_labels_what_vmaf_misjudges(bench):
    draw = bench.draw(replace(FEW, protocol="full", amounts=Amounts(None, 0)), 0)
    (test,) = draw.tests.values()
    assert set(test.contents) == {"x", "y"}
    assert set(draw.labelled.contents) == {"a", "b", "c"}
    assert len(test) == 14
    assert len(draw.labelled) == 21
    assert [row.name for row in draw.pristine.rows] == [f"scenes/{c}/00_reference.mp4" for c in "abc"] or len(
        draw.pristine
    ) == 3


def test_videos_that_are_never_labelled_come_last_among_the_unlabelled(bench):
    draw = bench.draw(replace(FEW, amounts=Amounts(8, 16)), 0)
    marks = ["07_" in row.name for row in draw.unlabelled.rows]
    assert marks == [False] * 13 + [True] * 3


def test_more_videos_than_there_are_is_an_error(bench):
    with pytest.raises(DataError, match="17 unlabelled videos are wanted, but there are 16; ask for fewer"):
        bench.draw(replace(FEW, amounts=Amounts(8, 17)), 0)
    with pytest.raises(DataError, match="50 labelled videos are wanted"):
        take(bench.draw(FEW, 0).labelled, 50, seed=0, purpose="labelled")


def test_a_content_that_is_learned_from_and_tested_on_is_refused(bench):
    draw = bench.draw(FEW, 0)
    with pytest.raises(DataError, match=r"content '.' is learned from and tested on"):
        Draw(draw.labelled, None, draw.pristine, {"same": draw.labelled}, 0)


def test_a_folder_without_labels_is_no_open_benchmark(tmp_path):
    with pytest.raises(DataError, match=r"no labels.csv; expected a folder made by: sslvqa data open-bench"):
        OpenBench(tmp_path)


def test_rows_that_learn_alike_are_one_run_and_draws_come_first(plan_of):
    plan = plan_of(TABLES["table4"], TABLES["table5"], draws=2)
    assert [job.index for job in plan.jobs.values()] == [0] * 5 + [1] * 5
    assert {name.cell.row.start for name in plan.problems} == {"kinetics"}
    assert "give it: --start kinetics=FOLDER" in next(iter(plan.problems.values()))


def test_a_key_depends_on_what_decides_the_result_and_on_nothing_else(plan_of, recipe, tmp_path):
    def key(draw=0, **changes):
        plan = plan_of(RANDOM, draws=2, **changes)
        return plan.folder(list(plan.jobs.values())[draw]).path.name

    base = key()
    assert key(out=tmp_path / "elsewhere") == base
    assert key(recipe=replace(recipe, options=(("runtime.threads", 2), ("runtime.device", "cpu")))) == base
    others = [
        key(draw=1),
        key(recipe=replace(recipe, steps=2)),
        key(recipe=replace(recipe, options=(("optim.lr", 7e-5),))),
    ]
    precise = {key(recipe=replace(recipe, options=(("runtime.precision", p),))) for p in ("fp32", "bf16")}
    assert base in precise  # the preset takes what the processor has
    assert len({*precise, *others}) == 5


def test_a_run_has_no_key_before_its_start_is_learned_and_another_start_gives_another(plan_of, tmp_path):
    table = Table("t", "T", (SSL_VQA,), ("KoNViD-1k",))
    plan = plan_of(table)
    (job,) = plan.jobs.values()
    assert plan.folder(job) is None
    keys = set()
    for text in ("one", "two"):
        (tmp_path / "backbone.safetensors").write_text(text)
        given = plan_of(table, given={"statistical": str(tmp_path)})
        keys.add(given.folder(job).path.name)
    assert len(keys) == 2


def test_a_given_start_must_be_there(plan_of, tmp_path):
    with pytest.raises(ConfigError, match=r"start cosine=.*expected a finished pretrain run or a model"):
        plan_of(RANDOM, given={"cosine": str(tmp_path)})
