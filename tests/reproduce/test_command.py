"""The command on the open benchmark, and the statistics of its tables."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from sslvqa.cli.main import app
from sslvqa.errors import ConfigError, DataError, MissingExtraError
from sslvqa.reproduce import TABLES, RunFolder, write_table
from sslvqa.reproduce.compare import compare_rows, content_differences
from sslvqa.reproduce.page import markdown
from sslvqa.reproduce.results import table_results


@pytest.fixture
def run(bench_folder, tmp_path):
    """Run the command on the miniature benchmark."""

    def invoke(*arguments):
        small = ["--labels", "8", "--unlabelled", "6", "--labels-sweep", "4,8", "--unlabelled-sweep", "3,6"]
        base = ["--open", str(bench_folder), "--out", str(tmp_path / "out"), "--architecture", "tiny"]
        return CliRunner().invoke(app, ["reproduce", *arguments, *base, *small])

    return invoke


def test_all_plans_every_table_of_the_open_benchmark(run):
    result = run("all", "--plan")
    assert result.exit_code == 0, result.output
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    states = [line[0] for line in lines]
    assert states.count("missing") == len(set(map(tuple, lines[: states.count("missing")])))
    assert {line[0] for line in lines} == {"missing", "impossible"}
    names = " ".join(line[2] for line in lines)
    for word in ("MixMatch", "random", "without consistency loss", "4 labels", "3 unlabelled", "all labels"):
        assert word in names
    assert "a fifth of" not in names, "table3 splits several databases"
    assert "0 of " in result.stderr


def test_no_runs_only_write_the_tables(run, tmp_path):
    arguments = ["--start", "statistical=nano.open1", "--max-runs", "0", "--draws", "1"]
    result = run("table5", *arguments)
    assert result.exit_code == 1
    assert [line.rsplit("/", 1)[-1] for line in result.stdout.splitlines()] == [
        "table5.open.csv",
        "table5.open.runs.csv",
        "table5.open.md",
    ]
    assert "Fewer than 3 draws say little" in (tmp_path / "out" / "table5.open.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["table5", "--start", "statistical"], "--start is 'statistical'; expected NAME=FOLDER"),
        (["table9"], "no table 'table9'"),
        (["table3"], "the open benchmark has no table3: it is one set"),
    ],
)
def test_wrong_use_is_named(run, arguments, words):
    result = run(*arguments)
    assert isinstance(result.exception, ConfigError)
    assert words in str(result.exception)


@pytest.mark.parametrize("option", ["--steps", "--pretrain-steps"])
def test_no_steps_are_refused_and_not_taken_for_the_default(run, option):
    result = run("table5", option, "0")
    assert (result.exit_code, option in result.stderr) == (2, True)


def test_a_sweep_that_is_no_list_of_numbers_is_named(bench_folder, tmp_path):
    arguments = ["--open", str(bench_folder), "--out", str(tmp_path), "--labels-sweep", "a,b"]
    result = CliRunner().invoke(app, ["reproduce", "figure3", *arguments])
    assert "--labels-sweep is 'a,b'; expected whole numbers" in str(result.exception)


def test_a_better_method_has_a_better_median_and_an_interval_above_zero(pretend, monkeypatch):
    monkeypatch.setattr("sslvqa.reproduce.compare.RESAMPLES", 40)
    table = TABLES["significance"]
    noise = {"ssl_vqa": 2.0, "supervised": 60.0}
    plan = pretend(table, lambda job: noise.get(job.cell.row.method, 8.0 + job.index), draws=6)
    results = table_results(table, plan)
    tests = compare_rows(results)
    assert len(tests) == 2, "no random splits, no corrected t-test"
    for found in tests.values():
        comparison = found.comparisons["SSL-VQA", "Supervised"]
        assert found.comparisons["Supervised", "SSL-VQA"].p_worse == comparison.p_better
    assert next(iter(tests.values())).comparisons["SSL-VQA", "Supervised"].verdict == "better"
    differences = {item.second: item for item in content_differences(results, first="SSL-VQA")}
    assert differences["Supervised"].value > 0
    assert differences["Supervised"].interval.low > 0
    page = markdown(table, plan, results, figure=None)
    assert "| SROCC of SSL-VQA less that of | difference | 95 % interval over contents |" in page


def test_three_draws_are_called_underpowered(pretend):
    table = TABLES["significance"]
    plan = pretend(table, lambda job: 4.0 if job.cell.row.method == "ssl_vqa" else 50.0)
    comparison = next(iter(compare_rows(table_results(table, plan)).values())).comparisons
    assert comparison["SSL-VQA", "Supervised"].underpowered
    assert comparison["SSL-VQA", "Supervised"].verdict == "indistinguishable"


def test_nothing_is_compared_before_two_rows_have_a_common_draw(plan_of):
    table = TABLES["significance"]
    with pytest.raises(DataError, match="fewer than two rows"):
        compare_rows(table_results(table, plan_of(table)))


@pytest.mark.parametrize("name", ["table2", "figure3"])
def test_a_table_has_a_figure_that_is_the_same_every_time(pretend, name, tmp_path):
    table = TABLES[name]
    plan = pretend(table, lambda job: 60.0 / (job.cell.amounts.labels or 1), draws=1)
    files = write_table(table, plan)
    assert [file.name.split(".", 2)[2] for file in files] == ["csv", "runs.csv", "md", "svg"]
    before = files[-1].read_bytes()
    assert write_table(table, plan)[-1].read_bytes() == before
    assert f"({files[-1].name})" in files[2].read_text()


def test_without_matplotlib_a_table_has_no_figure(pretend, monkeypatch):
    def missing(*_, **__):
        raise MissingExtraError("figures need matplotlib")

    monkeypatch.setattr("sslvqa.reproduce.write.draw_figure", missing)
    table = TABLES["table5"]
    files = write_table(table, pretend(table, lambda _: 5.0, draws=1))
    assert len(files) == 3
    assert ".svg" not in files[2].read_text()


def test_a_file_that_is_no_predictions_is_named(tmp_path, bench):
    from sslvqa.reproduce.tables import SSL_VQA, Amounts, Cell

    ((name, part),) = bench.draw(Cell(SSL_VQA, "few", Amounts(8, 6)), 0).tests.items()
    folder = RunFolder(tmp_path)
    file = folder.test_file(name, part)
    file.parent.mkdir()
    file.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="is no file of predictions; delete it"):
        folder.read_predictions(name, part)
