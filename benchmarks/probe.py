"""How far do few labels go without fine-tuning? Ridge regression on frozen features, over many draws.

For each start of the backbone and each number of labels: SROCC on the test contents of an open benchmark,
median over the draws and the worst one. The penalty ``chosen`` is chosen for each draw by leaving out one
video at a time; the others are fixed, and 1 is that of ``fit_head``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from sslvqa.data.datasets import VideoDataset
from sslvqa.evaluate import srocc
from sslvqa.methods import Compute
from sslvqa.reproduce import OpenBench
from sslvqa.reproduce.tables import HEAD_ALONE, Amounts, Cell, Sizes
from sslvqa.train import TRAIN_PRESETS
from sslvqa.train.build import build_baseline
from sslvqa.train.head import Reading, fit_ridge, head_features
from sslvqa.train.start import read_start, start_patches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sslvqa.reproduce import Draw

PENALTIES = (0.01, 0.1, 1.0, 10.0)
GRID = 10.0 ** np.arange(-4, 2.25, 0.25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", help="folder made by sslvqa data open-bench")
    parser.add_argument("--start", action="append", required=True, help="scratch, a pretrain run, or a model")
    parser.add_argument("--labels", type=int, nargs="+", default=[25, 50, 100, 200, 400])
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    options = parser.parse_args()
    sizes = Sizes(main=Amounts(max(options.labels), 1), labels=tuple(options.labels), unlabelled=(1,))
    bench = OpenBench(options.bench, sizes=sizes)
    draws = {
        count: [bench.draw(Cell(HEAD_ALONE, "few", Amounts(count, 0)), k) for k in range(options.draws)]
        for count in options.labels
    }
    found = []
    for start in options.start:
        features = features_of([draw for each in draws.values() for draw in each], start)
        for count, each in draws.items():
            for penalty in (*PENALTIES, "chosen"):
                values = [test(draw, features, penalty) for draw in each]
                row = {"start": Path(start).name, "labels": count, "penalty": penalty, "srocc": values}
                found.append(row)
                print(f"{row['start']:>12} {count:4} labels, penalty {penalty!s:>6}: "
                      f"{np.median(values):.3f}, worst {min(values):.3f}", flush=True)  # fmt: skip
    options.out.write_text(json.dumps(found) + "\n")


def features_of(draws: list[Draw], start: str) -> dict[str, NDArray[np.float64]]:
    """Features of all videos of some draws, by name."""
    rows = {
        row.name: row for draw in draws for part in (draw.labelled, *draw.tests.values()) for row in part.rows
    }
    preset = TRAIN_PRESETS["nano_cpu"]("", "", "")
    weights = read_start(start, preset.architecture, kind="regressor")
    regressor = build_baseline(replace(preset, method="supervised"), weights).model
    dataset = VideoDataset(list(rows.values()), weights.architecture.geometry, preset=preset.pair)
    if weights.regressor is None:
        labelled = VideoDataset(draws[0].labelled.rows, weights.architecture.geometry, preset=preset.pair)
        start_patches([regressor.backbone], labelled, torch.Tensor.cpu)
    features, _ = head_features(regressor, dataset, reading=Reading(Compute(bf16=True)))
    return dict(zip(rows, features, strict=True))


def test(draw: Draw, features: dict[str, NDArray[np.float64]], penalty: float | str) -> float:
    """SROCC on the test contents of a ridge regression on the labelled ones."""
    (part,) = draw.tests.values()
    known, wanted = (
        np.stack([features[row.name] for row in rows]) for rows in (draw.labelled.rows, part.rows)
    )
    scores = np.array([row.score for row in draw.labelled.rows])
    factor = choose(known, scores) if penalty == "chosen" else float(penalty)
    weights = fit_ridge(known, scores, factor=factor)
    return srocc(wanted @ weights, [row.score for row in part.rows]).value


def choose(features: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """The penalty with the least squared error of videos left out one at a time."""
    left, sizes, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    target, energy = scores - scores.mean(), (sizes**2).sum() / len(scores)

    def error(factor: float) -> float:
        kept = sizes**2 / (sizes**2 + factor * energy)
        own = (left**2 * kept).sum(axis=1) + 1 / len(scores)
        return float(np.square((target - (left * kept) @ (left.T @ target)) / (1 - own)).mean())

    return min(GRID.tolist(), key=error)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
