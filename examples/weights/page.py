"""A page of examples with labels: the same cut of the versions of some scenes, the best label first.

    python examples/weights/page.py RUN/data-48/bench --out page.png

Each picture is the middle of one frame in its own pixels, so that compression and blur are seen as they are;
what happens in time (frame rate, drops) shows in the numbers only. Look at it before training on it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from sslvqa.errors import DataError
from sslvqa.video.reader import open_video

CUT = (224, 168)
"""Width and height of a picture, px."""
TEXT = 30
"""Height of the two lines below a picture, px."""
GAP = 6
INK, SOFT = "#111111", "#666666"

Row = dict[str, str]


def main() -> None:
    """Draw the page of a bench."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bench", type=Path, help="folder made by sslvqa data open-bench")
    parser.add_argument("--out", type=Path, default=Path("page.png"), help="PNG to write")
    parser.add_argument("--scenes", type=int, default=8, help="drawn from all, split by split")
    parser.add_argument("--versions", type=int, default=9, help="of each scene, evenly over its labels")
    parser.add_argument("--only", default="", help="families to show, with commas; default all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    families = frozenset(name for name in options.only.split(",") if name)
    scenes = read_rows(options.bench, families)
    chosen = choose(scenes, count=options.scenes, versions=options.versions, seed=options.seed)
    draw_page(options.bench, chosen, options.out)
    sys.stdout.write(f"{options.out}\n")


def read_rows(bench: Path, families: frozenset[str] = frozenset()) -> dict[str, list[Row]]:
    """Labelled versions by scene, the best label first; references stay whatever is asked for.

    Raises:
        DataError: The folder has no labels.
    """
    table = bench / "labels.csv"
    if not table.is_file():
        raise DataError(f"{bench} has no labels.csv; expected a folder made by sslvqa data open-bench")
    scenes: dict[str, list[Row]] = {}
    with table.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            named = {"reference", *row["distortion"].split("+")}
            if not families or named & families or row["distortion"] == "reference":
                scenes.setdefault(row["scene"], []).append(row)
    return {name: sorted(rows, key=lambda row: -float(row["score"])) for name, rows in scenes.items()}


def choose(
    scenes: dict[str, list[Row]], *, count: int = 8, versions: int = 9, seed: int = 0
) -> list[list[Row]]:
    """Some scenes of every split, and of each the reference and versions evenly over the order of labels."""
    order = np.random.default_rng(seed).permutation(sorted(scenes)).tolist()
    by_split: dict[str, list[str]] = {}
    for name in order:
        by_split.setdefault(scenes[name][0]["split"], []).append(name)
    turns = [name for turn in zip_longest(*by_split.values()) for name in turn if name is not None]
    chosen = []
    for name in turns[:count]:
        reference = [row for row in scenes[name] if row["distortion"] == "reference"]
        others = [row for row in scenes[name] if row["distortion"] != "reference"]
        places = np.linspace(0, len(others) - 1, min(versions, len(others))).round().astype(int)
        chosen.append([*reference, *(others[place] for place in places)])
    return chosen


def draw_page(bench: Path, scenes: Sequence[Sequence[Row]], out: Path) -> None:
    """Write the PNG: a line a scene."""
    width, height = CUT
    columns = max(len(rows) for rows in scenes)
    line = 20 + height + TEXT + GAP
    page = Image.new("RGB", (columns * (width + GAP) + GAP, len(scenes) * line + GAP), "white")
    pen = ImageDraw.Draw(page)
    for number, rows in enumerate(scenes):
        top = number * line + GAP
        head = rows[0]
        size = f"{head['width']}x{head['height']} px, {head['frames']} frames"
        pen.text((GAP, top), f"{head['content']} · {head['split']} · {size}", fill=INK, font_size=14)
        for column, row in enumerate(rows):
            left = GAP + column * (width + GAP)
            page.paste(cut(bench / row["path"]), (left, top + 20))
            level = f" {row['level']}" if row["level"] != "0" else ""
            words = f"{float(row['score']):.0f}  {row['distortion']}{level}"
            pen.text((left, top + 20 + height), words, fill=INK, font_size=13)
            measures = f"SSIM {float(row['ssim']):.3f}  XPSNR {float(row['xpsnr']):.0f} dB"
            pen.text((left, top + 34 + height), measures, fill=SOFT, font_size=11)
    page.save(out)


def cut(path: Path) -> Image.Image:
    """The middle of the middle frame, in its own pixels; a smaller frame is enlarged."""
    with open_video(path, threads=1) as video:
        middle = video.info.frame_count // 2
        frame = next(iter(video.frames([middle]))).rgb()
    picture = Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0)))
    factor = max(CUT[0] / picture.width, CUT[1] / picture.height, 1.0)
    picture = picture.resize((round(picture.width * factor), round(picture.height * factor)))
    left, top = (picture.width - CUT[0]) // 2, (picture.height - CUT[1]) // 2
    return picture.crop((left, top, left + CUT[0], top + CUT[1]))


if __name__ == "__main__":
    main()
