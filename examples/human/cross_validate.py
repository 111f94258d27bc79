"""Few human ratings, cross-validated by content: does a start help, and what does a model know untrained?

    python examples/human/cross_validate.py rated.csv --score temporal_quality static_quality \
        --content prompt_id --group model --start stvqrl=RUN --start scratch=scratch --out OUT

Every start is trained (Q_R alone, on the labels of the other folds) and scores the videos of its fold; the
shipped model scores all of them untrained. SROCC is over all videos and within a group, with intervals by
content. Several score columns are averaged. A repeated command does what is missing.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.evaluate import bootstrap_by_content, srocc
from sslvqa.scoring import FailedScore, Scorer, VideoScore, score_each
from sslvqa.train import TRAIN_PRESETS, train

if TYPE_CHECKING:
    from collections.abc import Sequence

UNTRAINED = "untrained"


@dataclass(frozen=True)
class Rated:
    """One video."""

    path: Path
    score: float
    content: str
    group: str


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("--path", default="file", help="column of the paths, from the table's folder")
    parser.add_argument("--score", nargs="+", default=["score"], help="columns whose mean is the label")
    parser.add_argument("--content", default="content", help="column that folds keep together")
    parser.add_argument("--group", default=None, help="column to look within")
    parser.add_argument("--start", action="append", default=[], metavar="NAME=RUN", help="RUN may be scratch")
    parser.add_argument("--model", default="default", help="scores untrained")
    parser.add_argument("--preset", default="nano_cpu")
    parser.add_argument("--architecture", default="nano")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    videos = read_table(args)
    folds = divide(videos, args.folds, seed=args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    found = {UNTRAINED: scores_of(args.model, videos)}
    for start in args.start:
        name, _, run = start.partition("=")
        found[name] = np.full(len(videos), np.nan)
        for number, held in enumerate(folds):
            path = args.out / f"{name}-{number}"
            predictions = path / "predictions.json"
            if not predictions.exists():
                learned = [video for i, video in enumerate(videos) if i not in set(held)]
                model = fit(learned, run, path, args)
                predictions.write_text(json.dumps(scores_of(model, [videos[i] for i in held]).tolist()))
            found[name][held] = json.loads(predictions.read_text())
    results = {name: summary(videos, values, seed=args.seed) for name, values in found.items()}
    (args.out / "results.json").write_text(json.dumps(results, indent=1))
    for name, result in results.items():
        cells = [f"{key} {value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]" for key, value in result.items()]
        print(f"{name:10} {len(videos)} videos: SROCC {'; '.join(cells)}")


def read_table(args: argparse.Namespace) -> list[Rated]:
    with args.table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [
        Rated(
            (args.table.parent / row[args.path]).resolve(),
            float(np.mean([float(row[column]) for column in args.score])),
            row[args.content],
            row[args.group] if args.group else "",
        )
        for row in rows
    ]


def divide(videos: Sequence[Rated], folds: int, *, seed: int) -> list[list[int]]:
    """Indices of each fold; contents stay together."""
    contents = sorted({video.content for video in videos})
    order = np.random.default_rng(seed).permutation(len(contents))
    fold = {contents[place]: number % folds for number, place in enumerate(order)}
    return [[i for i, video in enumerate(videos) if fold[video.content] == k] for k in range(folds)]


def fit(learned: Sequence[Rated], run: str, path: Path, args: argparse.Namespace) -> Path:
    """Train Q_R on labels; returns the model directory."""
    path.mkdir(parents=True, exist_ok=True)
    table = path / "labels.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "score", "content"])
        writer.writerows([video.path, video.score, video.content] for video in learned)
    config = TRAIN_PRESETS[args.preset](str(table), "", str(path / "run"))
    config = replace(
        config,
        method="supervised",
        pristine=None,
        init=run,
        architecture=args.architecture,
        epochs=args.steps,
        max_steps=args.steps,
        validate_epochs=0,
        labels_table=replace(config.labels_table, calibration_minimum=len(learned) + 1),  # use every label
        runtime=replace(config.runtime, seed=args.seed),
    )
    return train(config, resume=(path / "run").exists())


def scores_of(model: str | Path, videos: Sequence[Rated]) -> np.ndarray:
    results = score_each([video.path for video in videos], scorer=Scorer(model))
    return np.array([number_of(result) for result in results])


def number_of(result: VideoScore | FailedScore) -> float:
    """The number, or an error that names the file: folds are compared on the same videos."""
    if isinstance(result, FailedScore):
        raise SystemExit(f"{result.path}: {result.error}")
    return result.score


def summary(videos: Sequence[Rated], scores: np.ndarray, *, seed: int) -> dict[str, list[float]]:
    """SROCC over all videos, and its mean within the groups: value and 95 % interval by content."""
    labels = np.array([video.score for video in videos])
    groups = np.array([video.group for video in videos])

    def overall(rows: np.ndarray) -> float:
        return srocc(scores[rows], labels[rows]).value

    def within(rows: np.ndarray) -> float:
        return float(np.nanmean([overall(rows[groups[rows] == name]) for name in sorted(set(groups))]))

    result = {}
    for name, statistic in {"overall": overall, "within a group": within}.items():
        interval = bootstrap_by_content(
            statistic, [video.content for video in videos], generator=np.random.default_rng(seed)
        )
        low, high = (np.nan, np.nan) if interval is None else (interval.low, interval.high)
        result[name] = [statistic(np.arange(len(videos))), low, high]
    return result


if __name__ == "__main__":
    main()
