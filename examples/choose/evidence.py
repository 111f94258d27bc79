"""Does a choice of videos need fewer labels than chance? Simulated on a table whose labels are known.

    sslvqa choose bench/scenes --out all.csv --strategy doubt --n 1     # makes the records
    python examples/choose/evidence.py bench/labels.csv all.ndjson --out evidence.ndjson

Contents are split: a third is for the test, the rest is the pool. From `--start` random labels on, each
round asks for `--step` more by one strategy; ridge regression on the features of the records, its
strength set by leave-one-out, predicts the test videos. All strategies of one seed share split and first
labels. One line an experiment (strategy and seed) is appended to the output; a repeated command does what is
missing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sslvqa.data.manifest import Manifest, read_manifest
from sslvqa.data.splits import hold_out
from sslvqa.evaluate import srocc
from sslvqa.rate import choose_next, doubt_ranks

STRATEGIES = ("random", "diverse", "doubt", "both")
STRENGTHS = np.logspace(-2, 4, 13)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="manifest with labels")
    parser.add_argument("records", type=Path, help="ndjson of sslvqa choose: scores and features")
    parser.add_argument("--out", type=Path, required=True, help="ndjson to append to")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--start", type=int, default=10)
    parser.add_argument("--step", type=int, default=10)
    parser.add_argument("--budget", type=int, default=100, help="labels at the end")
    args = parser.parse_args()
    videos = load(args.table, args.records)
    budgets = range(args.start, args.budget + 1, args.step)
    lines = args.out.read_text().splitlines() if args.out.is_file() else []
    results = {(item["strategy"], item["seed"]): item for item in map(json.loads, lines)}
    for seed in range(args.seeds):
        for strategy in STRATEGIES:
            if (strategy, seed) in results:
                if results[strategy, seed]["budgets"] != list(budgets):
                    parser.error(f"{args.out} has other budgets; give another --out")
                continue
            item = experiment(videos, strategy, seed, list(budgets))
            results[strategy, seed] = item
            with args.out.open("a") as stream:
                stream.write(json.dumps(item) + "\n")
    report(results, list(budgets))


def load(table: Path, records: Path) -> dict:
    """Return manifest row, features and signs of doubt of every labelled video that has a record."""
    stored = {}
    for line in records.read_text().splitlines():
        record = json.loads(line)
        if "features" in record:
            interval = record["interval"]
            width = interval["high"] - interval["low"] if interval else 0.0
            signs = (record["disagreement"] or 0.0, record["spread"], width)
            stored[str(Path(record["path"]).resolve())] = (record["features"], signs)
    manifest = read_manifest(table).labelled
    found = {str(row.path.resolve()): row for row in manifest.rows}
    print(f"{len(stored.keys() & found.keys())} of {len(found)} labelled videos have a record")
    kept = manifest.select(row for key, row in found.items() if key in stored)
    return {"manifest": kept, "stored": stored}


def experiment(videos: dict, strategy: str, seed: int, budgets: list[int]) -> dict:
    pool, test = hold_out(videos["manifest"], fraction=1 / 3, seed=seed)
    x, doubt, y = arrays(pool, videos["stored"])
    x_test, _, y_test = arrays(test, videos["stored"])
    chosen = [int(i) for i in np.random.default_rng(seed).permutation(len(y))[: budgets[0]]]
    found = []
    for budget in budgets:
        rest = np.setdiff1d(np.arange(len(y)), chosen)
        if budget > len(chosen) and rest.size:
            picks = choose_next(
                x[rest],
                doubt[rest],
                count=budget - len(chosen),
                strategy=strategy,
                rated=x[chosen],
                seed=seed + 1000 * budget,
            )
            chosen += [int(rest[i]) for i in picks]
        found.append(srocc(fit(x[chosen], y[chosen])(x_test), y_test).value)
    return {"strategy": strategy, "seed": seed, "budgets": budgets, "srocc": found}


def arrays(manifest: Manifest, stored: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    items = [stored[str(row.path.resolve())] for row in manifest.rows]
    doubt = doubt_ranks([signs for _, signs in items])
    return np.array([features for features, _ in items]), doubt, np.array(manifest.scores)


def fit(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Ridge regression on standardised features; leave-one-out errors come from the hat matrix."""
    mean, deviation = x.mean(axis=0), np.where(x.std(axis=0) > 1e-9, x.std(axis=0), 1.0)
    u, s, vt = np.linalg.svd((x - mean) / deviation, full_matrices=False)
    target = y - y.mean()

    def error(strength: float) -> float:
        share = s**2 / (s**2 + strength)
        hat = np.einsum("ik,k,jk->ij", u, share, u) + 1 / len(y)
        return float(np.mean(((target - hat @ target) / np.maximum(1 - np.diag(hat), 1e-9)) ** 2))

    strength = min(STRENGTHS, key=error)
    weights = vt.T @ (s / (s**2 + strength) * (u.T @ target))
    return lambda z: (z - mean) / deviation @ weights + y.mean()


def report(results: dict, budgets: list[int]) -> None:
    """Mean SROCC at each budget, and the paired difference to random over the seeds with its error."""
    seeds = sorted({seed for _, seed in results})
    curves = {name: np.array([results[name, seed]["srocc"] for seed in seeds]) for name in STRATEGIES}
    print("labels   " + "".join(f"{budget:>8}" for budget in budgets) + "   mean - random")
    for name, values in curves.items():
        gain = (values - curves["random"]).mean(axis=1)
        spread = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
        row = "".join(f"{value:8.3f}" for value in values.mean(axis=0))
        print(f"{name:<9}{row}   {gain.mean():+.4f} ± {1.96 * spread:.4f}")


if __name__ == "__main__":
    main()
