"""Fixtures for all tests: synthetic videos, the shared reference material, and an untouched global RNG."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from sslvqa.data.synthetic import write_synthetic_video

SHARED = Path(os.environ.get("SSLVQA_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(autouse=True)
def _restore_rng_state():
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


@pytest.fixture
def make_video(tmp_path):
    """Write a synthetic video below the test's folder and return its path."""

    def make(name: str = "a.mp4", **options) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_synthetic_video(path, **options)

    return make


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared material (golden numbers, real clips); skips loudly where it is absent."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"SHARED MATERIAL ABSENT: no {SHARED / 'golden'}; set SSLVQA_SHARED to run this test")
    return SHARED
