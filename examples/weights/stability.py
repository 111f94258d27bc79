"""How far does a score move with the places that its fragments happen to have?

    python examples/weights/stability.py nano.open3 test.csv --seeds 5

Scores every video of a table with seeds 0, 1, ...; prints, as JSON, the standard deviation over the seeds in
percent of the model's scale: its median, mean and 95th percentile over the videos.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from sslvqa import score_many
from sslvqa.data.manifest import read_manifest
from sslvqa.hub import load_model
from sslvqa.scoring import FailedScore, VideoScore


def main(arguments: list[str] | None = None) -> int:
    """Score and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="shipped name or folder")
    parser.add_argument("table", type=Path, help="CSV or NDJSON with a column path")
    parser.add_argument("--seeds", type=int, default=5, help="how many, 2 or more")
    parser.add_argument("--clips", type=int, help="clips of a video; default: the model's")
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error("--seeds must be 2 or more")
    scores = np.array([_scores(options, seed) for seed in range(options.seeds)])
    scale = load_model(options.model).card.scale
    moved = 100 * scores.std(axis=0, ddof=1) / (scale.maximum - scale.minimum)
    result = {
        "model": options.model,
        "videos": scores.shape[1],
        "seeds": options.seeds,
        "percent_of_scale": {
            "median": round(float(np.median(moved)), 3),
            "mean": round(float(moved.mean()), 3),
            "p95": round(float(np.quantile(moved, 0.95)), 3),
        },
    }
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    return 0


def _scores(options: argparse.Namespace, seed: int) -> list[float]:
    paths = [row.path for row in read_manifest(options.table).rows]
    scores = score_many(paths, model=options.model, seed=seed, clips=options.clips)
    return [number_of(score) for score in scores]


def number_of(score: VideoScore | FailedScore) -> float:
    """The number, or an error that names the file: a video left out would spoil the comparison of seeds."""
    if isinstance(score, FailedScore):
        raise SystemExit(f"{score.path}: {score.error}")
    return score.score


if __name__ == "__main__":
    sys.exit(main())
