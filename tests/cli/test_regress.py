"""``sslvqa regress``."""

import json

import numpy as np
import pytest

FEATURES = {"live-vqc": "LIVE_VQC", "konvid-1k": "KONVID_1K"}


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(40, 3))
    np.save(tmp_path / "x.npy", x)
    lines = [f"v{n}.mp4,{1 + 3 * value}" for n, value in enumerate(x[:, 0])]
    (tmp_path / "y.csv").write_text("\n".join(["video,mos", *lines]))
    return tmp_path / "x.npy", tmp_path / "y.csv"


def test_medians_carry_hashes_and_a_second_run_goes_on(run, files, tmp_path):
    out = tmp_path / "splits.csv"
    first = run("regress", *files, "--splits", 2, "--out", out)
    assert first.code == 0, first.err
    one = json.loads(first.out)
    assert one["medians"]["srocc"] > 0.9
    assert (one["splits"], one["train"], one["test"]) == (2, 32, 8)
    second = run("regress", *files, "--splits", 3, "--out", out)
    assert second.err.count("split ") == 1
    assert json.loads(second.out)["data_sha256"] == one["data_sha256"]
    assert json.loads(second.out)["splits_sha256"] != one["splits_sha256"]
    table = run("regress", *files, "--splits", 3, "--out", out, "--format", "table")
    assert "plcc_logistic" in table.out


def test_rows_that_do_not_fit_and_wrong_use_exit_with_2(run, files, tmp_path):
    np.save(tmp_path / "short.npy", np.ones((39, 3)))
    found = run("regress", tmp_path / "short.npy", files[1])
    assert found.code == 2
    assert "for 40 labels" in found.err
    assert run("regress", *files, "--format", "csv").code == 2
    assert run("regress", *files, "--out", tmp_path / "no/s.csv").code == 2
