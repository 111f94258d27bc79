"""Time of a score against length, resolution and number of clips, as a table and a figure.

Videos are synthetic H.264 with a key frame every five seconds, made in a temporary folder. One of three is
varied at a time; the rest is 10 s of 640x360 at 30 frames a second, and the model's own number of clips.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

from sslvqa.data.synthetic import write_synthetic_video
from sslvqa.scoring import Scorer
from sslvqa.video import open_video

if TYPE_CHECKING:
    from collections.abc import Iterator

mpl.use("Agg")

FPS = 30
LENGTHS = (10, 30, 60, 180, 600)
SIZES = ((426, 240), (640, 360), (1280, 720), (1920, 1080), (3840, 2160))
CLIPS = (1, 2, 4, 8, 16)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for growth.json and growth.png")
    parser.add_argument("--model", default="default")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for varied, value, path, clips in cases(Path(folder)):
            scorer = Scorer(options.model, clips=clips, threads=options.threads)
            rows.append({"varied": varied, "value": value, **measure(scorer, path, options.runs)})
            print(rows[-1], flush=True)
    (options.out / "growth.json").write_text(json.dumps(rows, indent=1))
    draw(rows, options.out / "growth.png")


def cases(folder: Path) -> Iterator[tuple[str, float, Path, int | None]]:
    """What is varied, its value, the video and the number of clips."""
    for seconds in LENGTHS:
        yield "length in s", seconds, make(folder, SIZES[1], seconds), None
    for size in SIZES:
        yield "height in px", size[1], make(folder, size, LENGTHS[0]), None
    for clips in CLIPS:
        yield "clips", clips, make(folder, SIZES[1], LENGTHS[0]), clips


def make(folder: Path, size: tuple[int, int], seconds: int) -> Path:
    path = folder / f"{size[1]}_{seconds}.mp4"
    if not path.exists():
        options = {"options": {"g": str(5 * FPS), "preset": "veryfast"}, "fps": FPS}
        write_synthetic_video(path, width=size[0], height=size[1], frames=FPS * seconds, **options)
    return path


def measure(scorer: Scorer, path: Path, runs: int) -> dict[str, float]:
    """Median time of a score, and of the part that reads the file."""
    scorer.score(path)
    total, reading = [], []
    for _ in range(runs):
        started = time.perf_counter()
        read = scorer.read(path)
        reading.append(time.perf_counter() - started)
        scorer.finish(read)
        total.append(time.perf_counter() - started)
    with open_video(path) as video:
        for plan in scorer.plan(video.info):
            list(video.frames(sorted(plan.clip.indices)))
        decoded = video.frames_decoded
    return {
        "score_seconds": statistics.median(total),
        "read_seconds": statistics.median(reading),
        "frames_decoded": decoded,
    }


def draw(rows: list[dict[str, float]], path: Path) -> None:
    from matplotlib import pyplot as plt

    kinds = list(dict.fromkeys(row["varied"] for row in rows))
    figure, axes = plt.subplots(1, len(kinds), figsize=(11, 3.2), sharey=True, layout="constrained")
    for axis, kind in zip(axes, kinds, strict=True):
        chosen = [row for row in rows if row["varied"] == kind]
        x = [row["value"] for row in chosen]
        axis.plot(x, [row["score_seconds"] for row in chosen], "o-", label="score")
        axis.plot(x, [row["read_seconds"] for row in chosen], "s--", label="of it: seek, decode, cut")
        axis.set(xlabel=kind, xscale="log", xticks=x, xticklabels=[f"{value:g}" for value in x])
        axis.minorticks_off()
        axis.grid(visible=True, alpha=0.3)
    axes[0].set(ylabel="time in s", ylim=(0, None))
    axes[0].legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
