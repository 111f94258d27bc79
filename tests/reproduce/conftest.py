from __future__ import annotations

import csv

import numpy as np
import pytest

from sslvqa.data.bench_labels import COLUMNS
from sslvqa.data.synthetic import write_synthetic_video
from sslvqa.distort import PAPER_DISTORTIONS, build_group
from sslvqa.hub.names import ARCHITECTURES, Architecture
from sslvqa.nn.swin3d.model import SwinConfig
from sslvqa.reproduce import OpenBench, Recipe, Starts, make_plan
from sslvqa.reproduce.store import write_rows
from sslvqa.reproduce.tables import Amounts, Sizes
from sslvqa.sampling import ViewGeometry

TINY = Architecture(
    "tiny",
    backbone=SwinConfig(
        embed_dim=8, depths=(1, 1), heads=(2, 2), window=(2, 4, 4), gate="none", gated_stages=(), fragments=2
    ),
    geometry=ViewGeometry(grid=2, fragment_px=16, frames=4, interval=1),
    head_channels=8,
    projection_channels=6,
)
SIZES = Sizes(main=Amounts(8, 6), labels=(4, 8), unlabelled=(3, 6))
CONTENTS = {"a": "train", "b": "train", "c": "train", "d": "calibration", "x": "test", "y": "test"}


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """An architecture small enough for tests, and few draws of the bootstrap."""
    monkeypatch.setitem(ARCHITECTURES, "tiny", TINY)
    for module in ("results", "compare"):
        monkeypatch.setattr(f"sslvqa.reproduce.{module}.RESAMPLES", 10)
    return TINY


@pytest.fixture(scope="session")
def bench_folder(tmp_path_factory):
    """A miniature open benchmark: 6 contents of 8 versions, one of them not to be rated."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "sources").mkdir()
    rows = []
    for number, (content, split) in enumerate(CONTENTS.items()):
        source = write_synthetic_video(
            folder / "sources" / f"{content}.mp4", width=72, height=48, frames=6, seed=number
        )
        group = build_group(source, folder / "scenes" / content, distortions=PAPER_DISTORTIONS[:7])
        for version in group.versions:
            family = "contrast" if version.id == 7 else version.family
            vmaf = 99.0 - 9 * version.id - number
            numbers = {"score": vmaf, "vmaf": vmaf, "ssim": 0.9, "xpsnr": 30, "width": 72, "height": 48}
            names = {"content": content, "split": split, "scene": content, "distortion": family}
            path = group.path(version).relative_to(folder).as_posix()
            rows.append({**names, **numbers, "path": path, "version": version.id, "level": 1, "frames": 6})
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture
def bench(bench_folder):
    return OpenBench(bench_folder, sizes=SIZES)


@pytest.fixture
def recipe(tmp_path):
    """One step each, of batches of four."""
    file = tmp_path / "settings.toml"
    file.write_text(
        "labelled_batch = 4\nunlabelled_batch = 3\n"
        "[corpus]\nclips = 2\nfinal_clips = 1\n[output]\nclips = 1\n"
    )
    options = (("runtime.workers", 0), ("runtime.threads", 1))
    return Recipe("tiny", "nano_cpu", steps=1, pretrain_steps=1, file=file, options=options)


@pytest.fixture
def plan_of(bench, recipe, tmp_path):
    """Plan tables of the miniature benchmark in the test's folder."""

    def plan(*tables, draws=1, given=None, out=tmp_path / "out", **changes):
        starts = Starts(out / "starts", bench=bench, recipe=recipe, given=given or {})
        values = {"bench": bench, "recipe": recipe, "starts": starts, "out": out, "draws": draws}
        return make_plan(tables, **{**values, **changes})

    return plan


@pytest.fixture
def pretend(plan_of):
    """Put predictions in place of runs: by label, how much noise is on the scores; more draws, more noise."""

    def fill(table, noise, draws=3, **options):
        plan = plan_of(table, draws=draws, given={"statistical": "nano.open1"}, **options)
        for job in plan.jobs.values():
            folder = plan.folder(job)
            record = {"decided_by": plan.decided_by(job), "versions": {"sslvqa": "0", "maths": 1}}
            folder.write_record({**record, "seconds": 60.0, "bench": "b", "method": job.cell.row.method})
            ((database, part),) = job.draw.tests.items()
            rng = np.random.default_rng(job.index)
            spread = noise(job)
            rows = [
                {"video": row.name, "content": row.content, "label": row.score, "score": score, "error": ""}
                for row in part.rows
                for score in [row.score + spread * rng.standard_normal()]
            ]
            file = folder.test_file(database, part)
            file.parent.mkdir(exist_ok=True)
            if not file.is_file():  # two rows may be learned alike
                write_rows(file, rows, header=True)
        return plan

    return fill
