"""Methods of others on the open benchmark, from the same labelled videos as the runs of ``sslvqa reproduce``.

Each video is measured once; a regression is fitted for every number of labels and draw. Each method looks at
the frames that it wants, unless ``--per-second`` says otherwise (BRISQUE and NIQE only).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from sslvqa.evaluate import evaluate_predictions
from sslvqa.peers import PEERS, choose_frames, measure_each
from sslvqa.reproduce.open_bench import OPEN_SIZES, OpenBench
from sslvqa.reproduce.tables import Amounts, Cell, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sslvqa.data.manifest import ManifestRow

DRAWS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path, help="folder made by: sslvqa data open-bench")
    parser.add_argument("--methods", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--per-second", type=float, help="frames looked at for a second of video")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON to write")
    options = parser.parse_args()
    bench = OpenBench(options.bench)
    lines = []
    for name in options.methods:
        known: dict[str, object] = {}
        for labels in OPEN_SIZES.labels if PEERS[name]().learns_from == "labels" else [None]:
            runs = [
                _run(bench, name, labels, draw=draw, known=known, options=options)
                for draw in range(DRAWS if labels else 1)
            ]
            middle = {key: median(run[key] for run in runs) for key in runs[0]}
            lines.append(
                {
                    "method": name,
                    **choose_frames(PEERS[name](), options.per_second)._asdict(),
                    "labels": labels,
                    "draws": len(runs),
                    "median": middle,
                    "runs": runs,
                }
            )
            print(name, labels, {key: round(value, 3) for key, value in middle.items()}, flush=True)
    if options.out is not None:
        about = {"videos": "open benchmark", "label": bench.label_kind}
        options.out.write_text(json.dumps({**about, "results": lines}, indent=1) + "\n")


def _run(
    bench: OpenBench,
    name: str,
    labels: int | None,
    *,
    draw: int,
    known: dict[str, object],
    options: argparse.Namespace,
) -> dict[str, float]:
    cell = Cell(Row(name, "ssl_vqa"), "few", Amounts(labels or OPEN_SIZES.main.labels, 0))
    parts = bench.draw(cell, draw)
    (tested,) = parts.tests.values()
    peer = PEERS[name]()
    lessons = {"labels": parts.labelled.rows, "pristine": parts.pristine.rows, "nothing": ()}
    learned = lessons[peer.learns_from]

    def measured(rows: Sequence[ManifestRow]) -> list[object]:
        fresh = [row.path for row in rows if str(row.path) not in known]
        for path, found in zip(
            fresh,
            measure_each(fresh, peer, per_second=options.per_second, workers=options.workers),
            strict=True,
        ):
            known[str(path)] = found.value
        return [known[str(row.path)] for row in rows]

    peer.fit(measured(learned), [row.score or 0.0 for row in learned], [row.content for row in learned])
    found = evaluate_predictions(
        peer.predict(measured(tested.rows)), [row.score for row in tested.rows], resamples=0
    ).measures
    return {key: found[key].value for key in ("srocc", "plcc", "plcc_logistic")}


if __name__ == "__main__":
    main()
