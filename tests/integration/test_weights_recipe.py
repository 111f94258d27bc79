"""The recipe of release weights at toy scale: parts, data, training in pieces, parts back, a score."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import sslvqa
from sslvqa.data.synthetic import write_synthetic_video
from sslvqa.distort.extended import ORDERED_FAMILIES
from sslvqa.errors import DataError
from sslvqa.hub import ARCHITECTURES, find_architecture, load_card, load_model
from sslvqa.hub.weights import file_sha256
from sslvqa.nn.swin3d.model import SwinConfig
from sslvqa.sampling import ViewGeometry
from sslvqa.scoring import Scorer, check_golden
from sslvqa.train import TrainConfig
from sslvqa.train.checkpoint import find_checkpoint
from sslvqa.train.settings import read_config

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "examples" / "weights"
SIZES = ("nano", "mobile", "swin_t")


def example(name: str):
    """A module of examples/weights; its siblings import each other by their plain names."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, RECIPE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", autouse=True)
def modules():
    """The recipe's modules under their plain names, for this module alone."""
    names = ("recipes", "carry", "work", "plan", "page", "job", "scenes", "exchange", "build", "rebuild")
    before = {name: sys.modules.pop(name, None) for name in names}
    loaded = {name: example(name) for name in names}
    yield loaded
    for name, module in before.items():
        sys.modules.pop(name, None)
        if module is not None:
            sys.modules[name] = module


@pytest.fixture(scope="module")
def toys(modules):
    """Every size with its own settings, on a tiny network, a few frames and two steps."""
    tiny = replace(
        ARCHITECTURES["nano"],
        name="tiny",
        backbone=SwinConfig(
            embed_dim=8,
            depths=(1, 1),
            heads=(2, 2),
            window=(2, 4, 4),
            gate="none",
            gated_stages=(),
            fragments=2,
        ),
        geometry=ViewGeometry(grid=2, fragment_px=16, frames=4, interval=1),
        head_channels=8,
        projection_channels=6,
    )
    recipes = modules["recipes"].RECIPES
    runs = {
        "nano": ("moments", "ssl_vqa_random"),
        "mobile": ("tuned", "ssl_vqa"),
        "swin_t": ("ssl_vqa", "ssl_vqa_minus"),
        "swin_t_bands": ("tuned",),
    }
    small = {
        size: replace(
            recipe,
            architecture="tiny",
            frames=8,
            spare_clips=2,
            versions=4,
            scenes_per_batch=2,
            pretrain_steps=2,
            train_epochs=2,
            labels=6,
            unlabelled=6,
            chunk=min(recipe.chunk, 8),
            extended_versions=2,
            samples=2,
            runs=runs[size],
        )
        for size, recipe in recipes.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", tiny)
        for size, recipe in small.items():
            patch.setitem(recipes, size, recipe)
        yield small


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Four chosen clips, two others, and the list of their hashes."""
    folder = tmp_path_factory.mktemp("source") / "clips"
    folder.mkdir()
    for seed in range(6):
        write_synthetic_video(
            folder / f"c{seed}.mp4", width=96, height=80, frames=10, seed=seed, options={"crf": "12"}
        )
    sides = ("train", "train", "calibration", "test")
    lines = [f"c{seed}.mp4,c{seed},{side},1,0" for seed, side in enumerate(sides)]
    (folder.parent / "sources.csv").write_text(
        "\n".join(["file,content,split,scale,start_frame", *lines]) + "\n"
    )
    hashes = [f"{file_sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder.parent / "clips.sha256").write_text("".join(hashes))
    return folder


def pack_clips(carry, clips: Path, out: Path) -> Path:
    names = carry.wanted_clips(clips, clips.parent / "sources.csv", 2)
    files = carry.check_clips(clips, names, clips.parent / "clips.sha256")
    return carry.pack(carry.CLIPS, files, out, part_bytes=20_000)


def call(modules, out: Path, clips: Path, *words: object) -> int:
    """One piece, as a machine would run it."""
    common = ["--out", out, "--sources", clips.parent / "sources.csv", "--workers", 1, *words]
    return modules["build"].main([str(word) for word in common])


@pytest.fixture(scope="module")
def run(modules, toys, clips, tmp_path_factory):
    """A folder with the data of all sizes, made from clips that came in parts, one call after the other."""
    pytest.importorskip("vmaf_torch", reason="VMAF-TORCH ABSENT: pip install 'sslvqa[train]'")
    base = tmp_path_factory.mktemp("machine")
    index = pack_clips(modules["carry"], clips, base / "packed")
    parts = sorted((base / "packed").glob("clips.[0-9]*"))
    assert len(parts) > 2
    out, page = base / "run", base / "page.png"
    for number, files in enumerate([parts[:1], [index], parts[1:]]):
        carried = base / f"carried{number}"
        carried.mkdir()
        for file in files:
            shutil.copy(file, carried)
        code = call(modules, out, clips, "--parts", carried, "--only", "data", "--page", page)
        assert code == (0 if number == 2 else modules["build"].NOT_FINISHED)
        assert (out / "data-8").exists() == (number == 2)
    assert page.is_file()
    assert sorted(path.name for path in (out / "clips").iterdir()) == [f"c{seed}.mp4" for seed in range(6)]
    assert not list((out / "parts").iterdir()), "packages that are put together need no more room"
    return out


@pytest.mark.parametrize("size", SIZES)
def test_a_size_is_trained_in_pieces_and_its_weights_come_back_in_parts(
    size, modules, toys, run, clips, stop_after, tmp_path, monkeypatch
):
    build, carry = modules["build"], modules["carry"]
    stop_after(1)
    assert call(modules, run, clips, "--size", size) == build.NOT_FINISHED
    assert find_checkpoint(run / size / "stvqrl").name == "checkpoint-00000001"
    stop_after(0)
    assert call(modules, run, clips, "--size", size) == 0
    results = json.loads((run / size / "results.json").read_text())
    assert tuple(results) == toys[size].runs
    levels = results[toys[size].runs[0]]["levels"]["kinds"]
    assert {name: part["pairs"] for name, part in levels.items()} == dict.fromkeys(ORDERED_FAMILIES, 6)

    monkeypatch.setattr(carry, "GIVEN_PART_BYTES", 20_000)
    monkeypatch.setattr(modules["exchange"], "GIVEN_FILES", 4)
    monkeypatch.setattr(modules["exchange"], "GIVEN_BYTES", 70_000)
    back = tmp_path / "back"
    for number in range(40):
        folder = tmp_path / f"call{number}"
        assert call(modules, run, clips, "--size", size, "--give", folder) == 0
        files = [path for path in folder.iterdir() if path.name != "results.json"]
        assert len(files) <= 4
        assert sum(path.stat().st_size for path in files) <= 70_000
        shutil.copytree(folder, back, dirs_exist_ok=True)
        if not files:
            break
    made = [path for index in carry.indexes(back) for path in carry.join(index, tmp_path / "joined")]
    assert tmp_path / "joined" / "stvqrl" / "backbone.safetensors" in made
    release = tmp_path / "joined" / toys[size].runs[0] / "release"
    card = load_card(release)
    assert {item.dtype for item in card.weights} == {"float16"}
    assert (card.scale.minimum, card.scale.maximum) == (0.0, 100.0)
    assert f"--size {size}" in card.description
    assert card.results[-1].videos == 15
    check_golden(load_model(release))
    score = Scorer(release).score(clips / "c3.mp4")
    parts = (score.score, score.q_r, *([] if score.q_d is None else [score.q_d]))
    assert all(map(math.isfinite, parts))


def test_a_bench_travels_in_parts_and_is_made_whole_there(modules, run, tmp_path, monkeypatch):
    rebuild, bench = modules["rebuild"], run / "data-8" / "bench"

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["rebuild.py", *map(str, words)])
        return rebuild.main()

    with pytest.raises(SystemExit, match="does not fit"):
        call("pack", bench, "--out", tmp_path / "small", "--megabytes", 0.001)
    whole = sum(path.stat().st_size for path in bench.rglob("*.mp4")) / 1e6
    least = sum(path.stat().st_size for path in bench.rglob("00_*.mp4")) / 1e6
    each = 0.06 + least + 0.2 * (whole - least)
    assert call("pack", bench, "--out", tmp_path / "part", "--megabytes", each, each) == 0
    parts = [tmp_path / "part.0", tmp_path / "part.1"]
    carried = [path for part in parts for path in part.rglob("*.mp4")]
    assert len(list(bench.rglob("00_*.mp4"))) < len(carried)
    out = tmp_path / "data-8"
    assert call("make", parts[0], "--out", out, "--workers", 1) == 0
    assert not (out / "bench" / "finished").exists()
    assert call("make", *parts, "--out", out, "--workers", 1, "--cache", tmp_path / "frames") == 0
    assert (out / "bench" / "finished").exists()
    names = {path.relative_to(bench) for path in bench.rglob("*.mp4")}
    assert {path.relative_to(out / "bench") for path in out.rglob("*.mp4")} == names
    assert len(list((tmp_path / "frames").iterdir())) == len(names)


def test_what_a_lost_machine_gave_goes_on_on_another_one(modules, toys, run, clips, tmp_path, monkeypatch):
    build = modules["build"]
    given, carried, out = tmp_path / "given", tmp_path / "carried", tmp_path / "run"
    assert call(modules, run, clips, "--only", "pretrain", "--give", given, "--again") == 0
    carried.mkdir()
    for file in given.glob("nano.stvqrl.*"):
        shutil.copy(file, carried)
    shutil.copytree(run / "data-8", out / "data-8")
    monkeypatch.setattr(build, "pretrain", lambda *args, **kwargs: pytest.fail("the backbone was given"))
    monkeypatch.setitem(modules["recipes"].RECIPES, "nano", replace(toys["nano"], runs=("ssl_vqa_minus",)))
    assert call(modules, out, clips, "--parts", carried, run / "clips") == 0
    assert load_card(out / "nano" / "ssl_vqa_minus" / "release").training.pretrained == "stvqrl"


def test_a_piece_without_time_left_stops_before_it_trains(modules, toys, run, clips, tmp_path, monkeypatch):
    build = modules["build"]
    monkeypatch.setattr(build.threading, "Timer", lambda *_: type("T", (), {"start": lambda self: None})())
    out = tmp_path / "run"
    shutil.copytree(run / "data-8", out / "data-8")
    code = call(modules, out, clips, run / "clips", "--size", "mobile", "--minutes", 0.5)
    assert code == build.NOT_FINISHED
    assert (out / "mobile" / "tables" / "test.csv").is_file()
    assert not (out / "mobile" / "stvqrl").exists()


def test_the_document_tunes_as_the_recipe_does(modules, tmp_path):
    recipes = modules["recipes"]
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "train.md").read_text(), re.DOTALL)
    (text,) = [block for block in blocks if "epochs = 40" in block]
    (tmp_path / "tuned.toml").write_text(text)
    tables = dict.fromkeys(("labelled", "pristine", "unlabelled"), tmp_path)
    made = recipes.train_config(
        recipes.RECIPES["nano"], "tuned", tables, "start", tmp_path, recipes.runtime_of(1)
    )
    shown = read_config(tmp_path / "tuned.toml", TrainConfig, options={"labels": "l", "out": "o"})
    for name in ("method", "turned", "labelled_batch", "epochs", "pair", "head", "loss", "optim"):
        assert getattr(shown, name) == getattr(made, name), name


def test_labels_never_rise_with_the_level_of_a_distortion(modules):
    table = [
        ("rate", "1", 80.0),
        ("rate", "3", 72.0),
        ("rate", "2", 70.0),
        ("mix", "0", 9.0),
        ("mix", "0", 99.0),
    ]
    rows = [
        {"path": str(number), "scene": "s", "distortion": name, "level": level, "score": str(score)}
        for number, (name, level, score) in enumerate(table)
    ]
    rows.append(rows[1] | {"path": "other", "scene": "t"})
    scores = [float(row["score"]) for row in modules["scenes"].in_order(rows)]
    assert scores == [80.0, 71.0, 71.0, 9.0, 99.0, 72.0]


def test_a_clip_that_is_not_the_listed_one_is_named(modules, clips, tmp_path):
    carry = modules["carry"]
    copy = shutil.copytree(clips, tmp_path / "clips")
    (copy / "c1.mp4").write_bytes(b"other")
    (copy / "c2.mp4").unlink()
    names = carry.wanted_clips(copy, clips.parent / "sources.csv", 2)
    with pytest.raises(DataError, match=r"2 of 6 clips(?s:.*)c1.mp4: another file(?s:.*)c2.mp4: absent"):
        carry.check_clips(copy, names, clips.parent / "clips.sha256")
    (copy / "new.mp4").write_bytes(b"new")
    with pytest.raises(DataError, match=r"new\.mp4: not in clips\.sha256"):
        carry.check_clips(copy, (["new.mp4"], []), clips.parent / "clips.sha256")


def test_the_clips_of_the_list_are_checked_before_a_bench_is_made_of_them_and_not_after(
    modules, toys, clips, tmp_path, monkeypatch
):
    carry, scenes = modules["carry"], modules["scenes"]
    monkeypatch.setattr(carry, "SOURCES", clips.parent / "sources.csv")
    monkeypatch.setattr(carry, "HASHES", clips.parent / "clips.sha256")
    copy = shutil.copytree(clips, tmp_path / "clips")
    (copy / "c1.mp4").write_bytes(b"other")
    job = modules["job"].Job(toys["nano"], copy, tmp_path / "run", "nano", sources=carry.SOURCES)
    with pytest.raises(DataError, match=r"1 of 6 clips(?s:.*)c1\.mp4: another file"):
        scenes.make_bench(job)
    assert not job.data.exists()
    (job.data / "bench").mkdir(parents=True)
    (job.data / "bench" / "finished").touch()
    scenes.make_bench(job)


def test_packing_twice_gives_the_same_bytes_and_a_damaged_part_is_named(modules, clips, tmp_path):
    carry = modules["carry"]
    first = pack_clips(carry, clips, tmp_path / "a")
    second = pack_clips(carry, clips, tmp_path / "b")
    assert first.read_text() == second.read_text()
    sizes = [part["bytes"] for part in json.loads(first.read_text())["parts"]]
    assert set(sizes[:-1]) == {20_000}
    made = carry.join(first, tmp_path / "out")
    assert [path.read_bytes() for path in made] == [(clips / path.name).read_bytes() for path in made]
    (tmp_path / "b" / "clips.001").write_bytes(b"damaged")
    (tmp_path / "b" / "clips.002").unlink()
    with pytest.raises(DataError, match=r"2 parts are absent or damaged: clips\.001, clips\.002"):
        carry.join(second, tmp_path / "other")


def test_the_list_of_hashes_has_every_clip_of_the_table_of_sources(modules):
    carry = modules["carry"]
    listed = {line.split()[1] for line in carry.HASHES.read_text().splitlines()}
    pristine, _ = carry.wanted_clips(RECIPE, carry.SOURCES, 0)
    assert set(pristine) <= listed


@pytest.mark.parametrize(("name", "gflop"), [("swin_t", 175.5), ("mobile", 23.8)])
def test_operations_of_a_view_are_those_counted_elsewhere(modules, name, gflop):
    assert modules["work"].forward_flop(find_architecture(name)) / 1e9 == pytest.approx(gflop, rel=2e-3)


def test_a_size_grows_from_the_release_of_a_smaller_one(modules, run, clips, tmp_path, capfd):
    alone = tmp_path / "alone"
    (alone / "swin_t_bands").mkdir(parents=True)
    (alone / "data-8").symlink_to(run / "data-8")
    assert call(modules, alone, clips, "--size", "swin_t_bands") == 2
    assert "make weights SIZE=mobile first" in capfd.readouterr().err
    assert call(modules, run, clips, "--size", "mobile", "--only", "tuned") == 0  # unless it is made already
    assert call(modules, run, clips, "--size", "swin_t_bands") == 0
    smaller, larger = (load_model(run / size / "tuned" / "release") for size in ("mobile", "swin_t_bands"))
    start = load_file(run / "swin_t_bands" / "grown" / "backbone.safetensors")
    for name, value in smaller.model.regressor.backbone.state_dict().items():
        assert torch.equal(start[name], value)
    assert larger.card.training.pretrained == "grown"
    assert "started from the released mobile" in larger.card.description
    assert not (run / "swin_t_bands" / "stvqrl").exists()


@pytest.fixture
def recipes(modules):
    """The table as it is, whatever the toys put over it."""
    spec = importlib.util.spec_from_file_location("recipes_as_they_are", RECIPE / "recipes.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module.RECIPES
    del sys.modules[spec.name]


def test_the_plan_of_swin_t_counts_the_papers_views(modules, recipes):
    plan = modules["plan"]
    rows = {row.name: row for row in plan.stages(recipes["swin_t"], plan.Costs())}
    assert rows["ST-VQRL"].learned == 200 * 10 * 2 * 30
    assert rows["ssl_vqa"].learned == 30 * 32 * (16 + 16) * 2 * 2
    assert rows["ssl_vqa_minus"].learned == rows["ssl_vqa"].learned // 2


def test_a_plan_that_does_not_fit_says_by_how_much_to_scale(modules, recipes):
    plan = modules["plan"]
    short = replace(plan.MACHINES["h200"], minutes=12)
    assert "does not fit, scale steps and epochs by 0." in plan.report(recipes["swin_t"], short, plan.Costs())


def test_the_document_shows_the_plan_as_it_is_printed(modules, recipes):
    text = (ROOT / "docs" / "weights.md").read_text()
    shown = dict(
        re.findall(r"^\$ python examples/weights/plan\.py (.+)\n((?:.*\n)*?)```", text, re.MULTILINE)
    )
    assert shown
    plan = modules["plan"]
    for words, output in shown.items():
        options = dict(re.findall(r"--(\w+) (\S+)", words))
        machine = plan.MACHINES[options["machine"]]
        if "efficiency" in options:
            machine = replace(machine, efficiency=float(options["efficiency"]))
        recipe = recipes[options["size"]]
        assert output == plan.report(recipe, machine, plan.costs_of(recipe))


def test_costs_are_measured_where_there_are_data(modules, toys, run):
    plan = modules["plan"]
    costs = plan.measured(run / "data-8", toys["nano"], plan.Costs(), files=2)
    assert costs.bench_megapixels == pytest.approx(96 * 80 / 1e6)
    assert 0 < costs.read < 5
    assert costs.bench > 0


def test_the_page_shows_scenes_of_every_split_with_the_reference_first(modules, run, tmp_path):
    page = modules["page"]
    bench = run / "data-8" / "bench"
    chosen = page.choose(page.read_rows(bench), count=3, versions=5)
    assert {rows[0]["split"] for rows in chosen} == {"train", "calibration", "test"}
    for rows in chosen:
        assert rows[0]["distortion"] == "reference"
        labels = [float(row["score"]) for row in rows[1:]]
        assert labels == sorted(labels, reverse=True)
    page.draw_page(bench, chosen, tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.width == 6 * (page.CUT[0] + page.GAP) + page.GAP
        assert picture.height > 3 * page.CUT[1]
    some = page.read_rows(bench, frozenset({"mpeg2"}))
    assert {row["distortion"] for rows in some.values() for row in rows} == {"reference", "mpeg2"}
    with pytest.raises(DataError, match=r"no labels\.csv"):
        page.read_rows(tmp_path)


def test_stability_tells_how_far_scores_move_with_the_seed(make_video, tmp_path, capsys):
    make_video("a.mp4", width=160, height=128, frames=12)
    make_video("b.mp4", width=200, height=144, frames=12, seed=1)
    table = tmp_path / "t.csv"
    table.write_text("path\na.mp4\nb.mp4\n")
    stability = example("stability")
    assert stability.main(["nano.open3", str(table), "--seeds", "2", "--clips", "1"]) == 0
    result = json.loads(capsys.readouterr().out)
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    first, second = ([item.score for item in sslvqa.score_many(paths, seed=seed, clips=1)] for seed in (0, 1))
    moved = [abs(a - b) / 2**0.5 for a, b in zip(first, second, strict=True)]
    assert result["videos"] == 2
    assert min(moved) > 0
    scale = load_card("nano.open3").scale
    expected = sum(moved) / 2 / (scale.maximum - scale.minimum) * 100
    assert result["percent_of_scale"]["mean"] == pytest.approx(expected, abs=2e-3)


def test_stability_names_a_file_that_cannot_be_scored(tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"junk")
    table = tmp_path / "t.csv"
    table.write_text("path\nbad.mp4\n")
    with pytest.raises(SystemExit, match=r"bad\.mp4"):
        example("stability").main(["nano.open3", str(table)])
