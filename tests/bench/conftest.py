"""A tiny model and video for the pipelines."""

import pytest

from sslvqa.hub import load_model
from sslvqa.scoring import Scorer


@pytest.fixture(scope="module")
def scorer(model_dir):
    return Scorer(load_model(model_dir), clips=2, threads=1)


@pytest.fixture
def clip(make_video):
    return make_video("a.mp4", width=96, height=80, frames=30)
