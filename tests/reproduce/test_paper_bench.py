"""The paper's protocols on miniatures of its databases, and what is said where they are absent."""

from __future__ import annotations

import csv

import pytest
from typer.testing import CliRunner

from sslvqa.cli.main import app
from sslvqa.data import ManifestRow, write_manifest
from sslvqa.data.synthetic import write_synthetic_video
from sslvqa.errors import ConfigError
from sslvqa.reproduce import Budget, DatabaseFolders, PaperBench, Row, Table, reproduce, write_table
from sslvqa.reproduce.tables import Amounts, Cell, Sizes

SIZES = Sizes(main=Amounts(6, 4), labels=(4, 6), unlabelled=(4, 6))
MINUS = Row("SSL-VQA-", "ssl_vqa_minus", "random")
TRAIN = 14


def video(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_synthetic_video(
        path, width=48, height=32, frames=4, seed=seed, options={"crf": str(20 + seed % 20)}
    )


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    """LSVQ, KoNViD-1k and LIVE Mobile as their owners lay them out, with a few tiny videos each."""
    root = tmp_path_factory.mktemp("databases")
    names = [f"yfcc-batch1/{place}" for place in range(TRAIN + 5)]
    for seed, name in enumerate(names):
        video(root / "lsvq" / f"{name}.mp4", seed)
    lines = [f"{name},{40 + place}.5,{place >= TRAIN}" for place, name in enumerate(names)]
    (root / "lsvq" / "labels_train_test.csv").write_text("\n".join(["name,mos,is_test", *lines]))
    flickr = [33399628 + place for place in range(20)]
    for seed, number in enumerate(flickr):
        video(root / "konvid-1k" / "KoNViD_1k_videos" / f"{number}.mp4", 50 + seed)
    labels = root / "konvid-1k" / "KoNViD_1k_metadata" / "KoNViD_1k_mos.csv"
    labels.parent.mkdir()
    rows = [f"{number},{1.5 + place / 4}" for place, number in enumerate(flickr)]
    labels.write_text("\n".join(['"flickr_id","mos"', *rows]))
    for seed, scene in enumerate(("bf", "dv")):
        video(root / "live-mobile" / f"{scene}_org.mp4", 80 + seed)
    return root


@pytest.fixture
def paper(databases):
    return PaperBench(DatabaseFolders([databases]), sizes=SIZES)


def test_draws_follow_the_papers_protocol(paper):
    cell = Cell(Row("SSL-VQA", "ssl_vqa", "random"), "few", Amounts(6, 4))
    first, second = paper.draw(cell, 0), paper.draw(cell, 1)

    def names(*parts):
        return {row.name for part in parts for row in part.rows}

    assert names(first.labelled, first.unlabelled) == names(second.labelled, second.unlabelled)
    assert names(first.labelled) != names(second.labelled)
    assert set(first.tests) == {"LSVQ-test", "KoNViD-1k"}
    more = paper.draw(Cell(cell.row, "few", Amounts(4, 6)), 0)
    assert names(more.labelled) < names(first.labelled)
    assert names(first.unlabelled) < names(more.unlabelled)
    assert len(paper.draw(Cell(MINUS, "full", Amounts(None, 0)), 0).labelled) == TRAIN
    fifth = paper.draw(Cell(MINUS, "target", Amounts(None, 0), "KoNViD-1k"), 0)
    assert (len(fifth.labelled), fifth.unlabelled, len(fifth.tests["KoNViD-1k"])) == (4, None, 4)
    with_others = paper.draw(Cell(cell.row, "target", Amounts(None, None), "KoNViD-1k"), 0)
    assert len(with_others.unlabelled) == 12
    assert with_others.unlabelled.scores == ()


def test_a_table_is_made_from_the_official_files_and_says_what_is_absent(paper, plan_of, tmp_path):
    table = Table("few", "Few labels", (MINUS,), ("LSVQ-test", "KoNViD-1k", "LIVE-VQC"), number=1)
    plan, told = plan_of(table, bench=paper), []
    outcome = reproduce([table], plan, budget=Budget(), tell=told.append)
    assert outcome.made == 1
    assert not outcome.is_whole
    page = (tmp_path / "out" / "few.paper.md").read_text()
    assert "| SROCC | LSVQ-test: ours | published | KoNViD-1k: ours | published | LIVE-VQC: ours |" in page
    (line,) = (line for line in page.splitlines() if line.startswith("| SSL-VQA- |"))
    assert line.endswith("| – | 0.683 |")
    assert "| 0.719 |" in line
    assert "| VSFA |  | 0.663 |" in page
    assert "- live-vqc: live-vqc is not in" in page
    assert "its owners publish it at https://live.ece.utexas.edu" in page
    runs = list(csv.DictReader((tmp_path / "out" / "few.paper.runs.csv").read_text().splitlines()))
    assert {row["database"]: row["videos"] for row in runs} == {"LSVQ-test": "5", "KoNViD-1k": "20"}


def test_splits_of_one_database_have_a_corrected_test_and_no_bootstrap(paper, pretend):
    ours = Row("SSL-VQA", "ssl_vqa", "random")
    table = Table("fifths", "Fifths", (MINUS, ours), ("KoNViD-1k",), protocol="target", significance=True)
    noise = {"ssl_vqa": 0.01, "ssl_vqa_minus": 1.0}
    plan = pretend(table, lambda job: noise[job.cell.row.method], bench=paper)
    page = write_table(table, plan)[2].read_text()
    assert "Rank sum, as in the paper" in page
    assert "underpowered" in page
    assert "Corrected t-test (Nadeau and Bengio" in page
    (line,) = (line for line in page.splitlines() if line.startswith("| SSL-VQA- | +"))
    assert line.endswith("| – |")


def test_a_database_may_be_a_manifest(databases, tmp_path):
    rows = [
        ManifestRow(databases / "lsvq" / f"yfcc-batch1/{place}.mp4", str(place), 1.0 + place)
        for place in range(3)
    ]
    table = write_manifest(tmp_path / "mine.csv", rows)
    assert len(DatabaseFolders(named={"konvid-1k": table})("konvid-1k")) == 3
    with pytest.raises(ConfigError, match="no database named 'konvid'"):
        DatabaseFolders(named={"konvid": table})


def test_a_malformed_database_is_absent_and_does_not_end_the_others(databases, tmp_path):
    broken = tmp_path / "mine.csv"
    broken.write_text("file,mos\nnot there.mp4,3\n")
    folders = DatabaseFolders([databases], named={"live-vqc": broken})
    paper = PaperBench(folders, sizes=SIZES)
    table = Table("few", "Few labels", (MINUS,), ("KoNViD-1k", "LIVE-VQC"))
    assert "not there.mp4" in paper.absent(table)["live-vqc"]
    (cell,) = table.cells(SIZES)
    assert "KoNViD-1k" in paper.draw(cell, 0).tests


def test_without_databases_the_command_says_so_and_shows_the_published_numbers(tmp_path):
    command = ["reproduce", "table2", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1, result.output
    assert result.stdout.splitlines()[-1] == str(tmp_path / "out" / "table2.paper.md")
    assert "absent: lsvq-train: lsvq-train is not in" in result.stderr
    assert "27 runs cannot be made: " in result.stderr
    page = (tmp_path / "out" / "table2.paper.md").read_text()
    assert "No run has been made yet: only the published numbers are here." in page
    assert "| FixMatch | – | 0.722 | – | 0.582 | – | 0.727 | – | 0.685 |" in page


def test_the_open_benchmark_is_used_only_when_asked_and_never_with_databases(tmp_path):
    for options in ([], ["--data", "x", "--open", "y"]):
        result = CliRunner().invoke(app, ["reproduce", "all", "--out", str(tmp_path), *options])
        assert isinstance(result.exception, ConfigError)
        assert "either --data with the paper's databases or --open" in str(result.exception)
