"""Real human scores: the shipped features give the published numbers (needs the shared material).

``benchmarks/regress/`` has the results, split by split. Here the first of them are computed again: 20 of
LIVE-VQC, 2 of KoNViD-1k, of which a split takes several seconds.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sslvqa.data.features import read_feature_matrix, read_score_table
from sslvqa.evaluate import data_hash, read_results, regress_splits

RESULTS = Path(__file__).parents[2] / "benchmarks" / "regress"
SPLITS = {"LIVE_VQC": 20, "KONVID_1K": 2}
PUBLISHED = {
    ("KONVID_1K", "VIDEVAL"): (0.7832, 0.7803),
    ("KONVID_1K", "BRISQUE"): (0.6567, 0.6576),
    ("LIVE_VQC", "VIDEVAL"): (0.7522, 0.7514),
    ("LIVE_VQC", "BRISQUE"): (0.5925, 0.6380),
}
"""Median SROCC and PLCC (after the logistic fit) over 100 splits: VIDEVAL's README, the paper's Table."""


def load(shared, database, method):
    folder = shared / "data/features"
    matrix = read_feature_matrix(folder / f"{database}_{method}_feats.mat")
    return matrix, read_score_table(folder / f"{database}_metadata.csv")


@pytest.mark.shared
@pytest.mark.parametrize(("database", "method"), PUBLISHED)
def test_splits_computed_again_are_those_of_the_committed_run(shared, database, method):
    matrix, table = load(shared, database, method)
    committed = read_results(
        RESULTS / f"{database}-{method}.csv", data=data_hash(matrix, table.scores, table.contents)
    )
    splits = range(1, SPLITS[database] + 1)
    for result in regress_splits(matrix, table.scores, splits=splits, names=table.names):
        before = committed[result.split]
        assert (result.sha256, result.train, result.test) == (before.sha256, before.train, before.test)
        assert result.measures["srocc"] == pytest.approx(before.measures["srocc"], abs=0.01)
        assert result.measures["plcc_logistic"] == pytest.approx(before.measures["plcc_logistic"], abs=0.01)


@pytest.mark.parametrize(("database", "method"), PUBLISHED)
def test_committed_medians_are_the_published_ones(database, method):
    with (RESULTS / f"{database}-{method}.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["split"]) for row in rows] == list(range(1, 101))
    for name, published in zip(("srocc", "plcc_logistic"), PUBLISHED[database, method], strict=True):
        values = np.array([float(row[name]) for row in rows])
        assert np.median(values) == pytest.approx(published, abs=0.002)
