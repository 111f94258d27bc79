"""Throughput of a batch of files, beside what reading alone and the networks alone allow."""

from __future__ import annotations

import argparse
import resource
import time
from typing import TYPE_CHECKING

from sslvqa.data.manifest import scan_videos
from sslvqa.scoring import Scorer, read_each, score_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", help="a folder of videos")
    parser.add_argument("--model", default="default")
    parser.add_argument("--limit", type=int, default=200, help="files")
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    scorer = Scorer(options.model, threads=options.threads)
    paths = [row.path for row in scan_videos(options.videos).rows][: options.limit]
    reading = scorer.read(paths[0])
    rates = {
        "one after another": rate(lambda: map(scorer.score, paths), len(paths)),
        "networks alone": rate(lambda: (scorer.finish(reading) for _ in paths), len(paths)),
        "reading alone": rate(lambda: (f.result() for _, f in read_each(paths, scorer=scorer)), len(paths)),
        "score_each": rate(lambda: score_each(paths, scorer=scorer), len(paths)),
    }
    for name, value in rates.items():
        print(f"{name:18} {value:6.2f} files/s")
    floor = min(rates["networks alone"], rates["reading alone"])
    both = 1 / (1 / rates["networks alone"] + 1 / rates["reading alone"])
    print(f"score_each is {rates['score_each'] / floor:.2f} of the slower of the two,")
    print(f"and {rates['score_each'] / both:.2f} of what both together allow when they share the cores")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def rate(work: Callable[[], Iterable[object]], files: int) -> float:
    started = time.perf_counter()
    for _ in work():
        pass
    return files / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
