"""examples/human: without a start only the shipped model is compared; a video that fails ends it by name."""

import json
import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "human" / "cross_validate.py"


@pytest.fixture
def compare(make_video, tmp_path, monkeypatch):
    for seed in range(4):
        make_video(f"{seed}.mp4", width=160, height=128, frames=8, seed=seed)
    lines = [f"{seed}.mp4,{seed},c{seed}" for seed in range(4)]
    (tmp_path / "rated.csv").write_text("\n".join(["file,score,content", *lines]) + "\n")

    def run():
        words = [str(SCRIPT), str(tmp_path / "rated.csv"), "--out", str(tmp_path / "new" / "out")]
        monkeypatch.setattr(sys, "argv", words)
        runpy.run_path(str(SCRIPT), run_name="__main__")
        return json.loads((tmp_path / "new" / "out" / "results.json").read_text())

    return run


@pytest.mark.filterwarnings("ignore:Mean of empty slice")  # a draw of one content of the four
def test_the_shipped_model_alone_is_compared_with_the_ratings(compare):
    (name, result), *others = compare().items()
    assert (name, others) == ("untrained", [])
    assert -1 <= result["overall"][0] <= 1


def test_a_video_that_cannot_be_scored_is_named(compare, tmp_path):
    (tmp_path / "2.mp4").write_bytes(b"junk")
    with pytest.raises(SystemExit, match=r"2\.mp4"):
        compare()
