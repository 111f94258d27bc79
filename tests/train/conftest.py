from __future__ import annotations

from dataclasses import replace

import pytest

from sslvqa.data import ManifestRow, write_manifest
from sslvqa.hub.names import ARCHITECTURES, Architecture
from sslvqa.nn.swin3d.model import SwinConfig
from sslvqa.sampling import ViewGeometry
from sslvqa.train import CorpusConfig, OptimConfig, OutputConfig, RuntimeConfig, TrainConfig

TINY = Architecture(
    "tiny",
    backbone=SwinConfig(
        embed_dim=8, depths=(1, 1), heads=(2, 2), window=(2, 4, 4), gate="none", gated_stages=(), fragments=2
    ),
    geometry=ViewGeometry(grid=2, fragment_px=16, frames=4, interval=1),
    head_channels=8,
    projection_channels=6,
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """An architecture small enough for tests."""
    monkeypatch.setitem(ARCHITECTURES, "tiny", TINY)
    return TINY


@pytest.fixture
def videos(make_video, tmp_path):
    """Fourteen rated videos of falling quality (videos/), three pristine ones (pristine/), ratings.csv."""
    rows = []
    for index in range(14):
        options = {"options": {"crf": str(10 + 3 * index)}}
        path = make_video(f"videos/{index:02}.mp4", width=72, height=48, frames=6, seed=index % 4, **options)
        row = ManifestRow(path, path.name, score=90.0 - 5 * index, content=f"c{index}")
        rows.append(replace(row, split="calibration") if index in {3, 8, 11} else row)
    for index in range(3):
        make_video(f"pristine/{index}.mp4", width=72, height=48, frames=6, seed=20 + index)
    return write_manifest(tmp_path / "ratings.csv", rows)


@pytest.fixture
def config(videos, tmp_path):
    """A run of five steps: 11 labelled, 4 unlabelled videos."""
    for index in range(4):
        path = tmp_path / "videos" / f"{index:02}.mp4"
        copy = tmp_path / "more" / f"{index}.mp4"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return TrainConfig(
        labels=str(videos),
        pristine=str(tmp_path / "pristine"),
        unlabelled=str(tmp_path / "more"),
        out=str(tmp_path / "run"),
        architecture="tiny",
        labelled_batch=4,
        unlabelled_batch=3,
        epochs=2,
        max_steps=5,
        validate_epochs=1,
        corpus=CorpusConfig(clips=4, final_clips=1),
        optim=OptimConfig(lr=1e-3, head_lr=1e-3, warmup_epochs=1.0, final_ratio=0.0, grad_clip=5.0),
        output=OutputConfig(tag="test", clips=1),
        runtime=RuntimeConfig(workers=0),
    )
