"""Models and the runs of ``sslvqa reproduce``, tested on kinds of distortion that none has learned from.

    sslvqa data open-bench CLIPS --out unseen --sources examples/weights/sources.csv --samples 6 --unseen
    python benchmarks/unseen.py unseen/labels.csv --model nano.open1 --results results --table table4 --out F

``results`` is the --out of ``sslvqa reproduce``: the runs that its tables name are tested.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from sslvqa.data.manifest import read_manifest
from sslvqa.evaluate import evaluate_predictions
from sslvqa.scoring import Scorer, score_rated

GAP = 10.0
"""Labels of a pair whose order counts are this far apart."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, help="labels.csv of a set made with --unseen")
    parser.add_argument(
        "--model", action="append", default=[], help="shipped name or NAME=DIR; again for more"
    )
    parser.add_argument("--results", type=Path, help="--out of sslvqa reproduce")
    parser.add_argument("--table", action="append", default=[], help="table2, table4, ...; again for more")
    parser.add_argument("--out", type=Path, required=True, help="JSON to write; runs that it has stay")
    options = parser.parse_args()
    videos = read_videos(options.videos)
    known = json.loads(options.out.read_text())["runs"] if options.out.exists() else {}
    for key, names, model in jobs(options):
        if key not in known:
            known[key] = names | measure(model, videos)
            write(options.out, known, len(videos))
            print(known[key], flush=True)


def jobs(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, str], str | Path]]:
    """Key, what it is called, and model of all that is tested."""
    for given in options.model:
        name, _, folder = given.partition("=")
        yield name, {"row": name, "start": ""}, folder or name
    for table in options.table:
        with (options.results / f"{table}.open.runs.csv").open() as file:
            for run in csv.DictReader(file):
                names = {name: run[name] for name in ("row", "method", "start", "labelled", "draw")}
                yield run["key"], names, options.results / "runs" / run["key"] / "model"


def read_videos(table: Path) -> list[tuple[str, str, float, str]]:
    """Path, content, label, and the ladder of levels that a video belongs to."""
    with table.open() as file:
        kinds = {row["path"]: f"{row['scene']} {row['distortion']}" for row in csv.DictReader(file)}
    rows = read_manifest(table).labelled.rows
    return [(str(row.path), row.content, row.score or 0.0, kinds[row.name]) for row in rows]


def measure(model: str | Path, videos: list[tuple[str, str, float, str]]) -> dict[str, float | None]:
    """SROCC and PLCC to the label, and the share of pairs of one scene and distortion in order."""
    scored = [item for item in score_rated(videos, scorer=Scorer(model)) if item.result is not None]
    found = evaluate_predictions(
        [item.result.score for item in scored],
        [item.label for item in scored],
        groups=[item.group for item in scored],
        gap=GAP,
        resamples=0,
    ).to_dict()
    names = ("srocc", "plcc", "plcc_logistic")
    return {name: found["measures"][name] for name in names} | {"order": found["order"]["accuracy"]}


def write(path: Path, runs: dict[str, dict], videos: int) -> None:
    """All runs, and the median over the draws of each row."""
    rows: dict[tuple[str, str], list[dict]] = {}
    for run in runs.values():
        rows.setdefault((run["row"], run["start"]), []).append(run)
    medians = [
        {"row": row, "start": start, "draws": len(members)}
        | {name: round(median(run[name] for run in members), 4) for name in ("srocc", "plcc", "order")}
        for (row, start), members in rows.items()
    ]
    path.write_text(json.dumps({"videos": videos, "medians": medians, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
