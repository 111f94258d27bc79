"""Does a faster setting keep the scores? Compare it with fp32 torch on the videos of a folder.

Holds if SROCC >= 0.999 and no score moves by a tenth of its interval.
"""

from __future__ import annotations

import argparse

import numpy as np

from sslvqa.data.manifest import scan_videos
from sslvqa.evaluate import srocc
from sslvqa.scoring import Scorer, VideoScore, score_each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", help="a folder of videos")
    parser.add_argument("--model", default="default", help="shipped name or model directory")
    parser.add_argument("--backend", default="torch", help="of the faster setting: torch or openvino")
    parser.add_argument("--precision", default="bf16", help="of the faster setting: fp32, bf16 or int8")
    parser.add_argument("--clips", type=int, default=None, help="clips of each video; default the model's")
    parser.add_argument("--every", type=int, default=1, help="take every n-th video only")
    options = parser.parse_args()
    paths = [row.path for row in scan_videos(options.videos).rows][:: options.every]
    settings = [("torch", "fp32"), (options.backend, options.precision)]
    exact, near = (
        list(
            score_each(
                paths,
                scorer=Scorer(options.model, clips=options.clips, backend=backend, precision=precision),
            )
        )
        for backend, precision in settings
    )
    pairs = [
        (a, b)
        for a, b in zip(exact, near, strict=True)
        if isinstance(a, VideoScore) and isinstance(b, VideoScore)
    ]
    moved = np.array([abs(a.score - b.score) for a, b in pairs])
    widths = np.array([a.interval.high - a.interval.low if a.interval else np.nan for a, _ in pairs])
    order = srocc([a.score for a, _ in pairs], [b.score for _, b in pairs]).value
    share = float(np.nanmax(moved / widths))
    print(f"{len(pairs)} of {len(paths)} videos; SROCC {order:.6f}; largest difference {moved.max():.4f}")
    print(f"largest share of an interval {share:.4f}; holds: {order >= 0.999 and share < 0.1}")


if __name__ == "__main__":
    main()
