"""Train a weight set from a folder of clips: one command, resumable, the same for every size.

    python examples/weights/build.py CLIPS --out RUN --size nano

Stages, each skipped when its product exists and continued when it was interrupted:
labelled bench (VMAF) → unlabelled groups → ST-VQRL → SSL-VQA, SSL-VQA⁻ and SSL-VQA from random weights →
results on contents that no stage has seen, as RUN/SIZE/results.json.

`sources.csv` beside this file is the choice of pristine clips, made by eye; contents of its splits `test` and
`calibration` are kept out of every training stage, unlabelled and self-supervised ones included.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LICENCE = "research use: learned in part from re-hosted web videos without a media licence (ugc_*)"
LABEL_KIND = "VMAF (vmaf-torch, vmaf_v0.6.1) of synthetic distortions, not human opinion"
DESCRIPTION = (
    "SSL-VQA on {labelled} labelled and {unlabelled} unlabelled videos, started from ST-VQRL; it predicts "
    "VMAF. Made by examples/weights/build.py --size {size}."
)
LIMITS = (
    "The labels are a full-reference measure of synthetic distortions; no human rated anything.",
    "VMAF says little about exposure, contrast, shake and camera noise: such versions had no labels.",
    "Learned on scenes of 320x180 to 640x360 px; native 1080p and 4K content looks blurred to it.",
    "The interval holds for videos like the calibration contents, not for all videos.",
)


@dataclass(frozen=True)
class Recipe:
    """What differs between sizes."""

    preset: str
    extended_versions: int
    group_versions: int
    scenes_per_batch: int
    accumulate: int
    pretrain_steps: int
    train_epochs: int
    labels: int = 500
    unlabelled: int = 600


RECIPES = {
    "nano": Recipe("nano_cpu", 20, 8, 2, 1, 1000, 9),
    "mobile": Recipe("nano_cpu", 20, 8, 2, 1, 3000, 20),
    "swin_t": Recipe("paper", 20, 10, 6, 1, 1000, 30),
}
TONE = ("contrast", "underexposure", "overexposure")
"""Families that VMAF punishes as no viewer would (contrast x 0.6: mean VMAF 10): unlabelled videos only."""
RUNS = {
    "ssl_vqa": ("ssl_vqa", True),
    "ssl_vqa_minus": ("ssl_vqa_minus", True),
    "ssl_vqa_random": ("ssl_vqa", False),
}


def main() -> None:
    """Run all stages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, help="folder of source clips")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--size", choices=RECIPES, default="nano")
    parser.add_argument(
        "--sources", type=Path, default=HERE / "sources.csv", help="pristine clips and splits"
    )
    parser.add_argument("--unlabelled", type=int, default=60, help="other clips used without labels")
    parser.add_argument("--workers", type=int, default=2, help="processes for making the data")
    parser.add_argument("--ship", type=Path, help="folder to write the model to as float16, e.g. hub/weights")
    parser.add_argument("--only", choices=[*RUNS, "data", "pretrain"], help="stop after this one")
    options = parser.parse_args()
    recipe, out = RECIPES[options.size], options.out
    out.mkdir(parents=True, exist_ok=True)

    bench = out / "bench"
    make_bench(options, recipe, bench)
    make_groups(options, out / "ugc")
    tables = write_tables(bench, out / "ugc", out / "tables")
    collect_groups(bench, out / "ugc", out / "groups")
    if options.only == "data":
        return
    run_folder = out / options.size
    pretrain(options.size, recipe, out / "groups", run_folder / "stvqrl")
    if options.only == "pretrain":
        return
    results_file = run_folder / "results.json"
    results = json.loads(results_file.read_text()) if results_file.exists() else {}
    for name, (method, pretrained) in RUNS.items():
        if options.only and options.only != name:
            continue
        init = str(run_folder / "stvqrl") if pretrained else "scratch"
        train(options.size, recipe, name, method, init, tables, run_folder / name)
        results[name] = evaluate(run_folder / name / "model", tables["test"], run_folder / name)
        results_file.write_text(json.dumps(results, indent=1))
    if options.ship:
        ship(run_folder / "ssl_vqa" / "model", results["ssl_vqa"], options.ship)
    sys.stdout.write(f"{results_file}\n")


def sslvqa(*arguments: object, capture: bool = False) -> str:
    """Run a command of the package; its progress goes to stderr."""
    command = [sys.executable, "-m", "sslvqa", *map(str, arguments)]
    sys.stderr.write("$ sslvqa " + " ".join(map(str, arguments)) + "\n")
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE if capture else None)
    if done.returncode:
        raise SystemExit(f"that command failed ({done.returncode}); run this script again to go on")
    return done.stdout or ""


def make_bench(options: argparse.Namespace, recipe: Recipe, bench: Path) -> None:
    """Labelled set: reference, the paper's 12 and drawn versions of each pristine scene, with VMAF."""
    finished = bench / "finished"
    if not finished.exists():
        sslvqa(
            *("data", "open-bench", options.clips, "--out", bench, "--sources", options.sources),
            *("--versions", recipe.extended_versions, "--samples", 6, "--workers", options.workers),
        )
        finished.touch()


def make_groups(options: argparse.Namespace, groups: Path) -> None:
    """The paper's 12 versions of clips that are not in the bench."""
    finished = groups / "finished"
    if finished.exists():
        return
    with options.sources.open() as file:
        taken = {row["file"] for row in csv.DictReader(file)}
    spare = sorted(p for p in options.clips.iterdir() if p.suffix == ".mp4" and p.name not in taken)
    step = max(len(spare) // options.unlabelled, 1)
    sslvqa(
        *("distort", *spare[::step][: options.unlabelled], "--out", groups),
        *("--frames", 48, "--scale", 1, "--workers", options.workers),
    )
    finished.touch()


def write_tables(bench: Path, ugc: Path, folder: Path) -> dict[str, Path]:
    """Tables of the stages, with absolute paths."""
    folder.mkdir(exist_ok=True)
    with (bench / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["path"] = str((bench / row["path"]).resolve())
        row["kind"] = f"{row['content']} {row['distortion']}"
    rated = [row for row in rows if not any(name in row["distortion"] for name in TONE)]
    train = [row for row in rows if row["split"] == "train"]
    other = [{"path": str(p.resolve())} for p in sorted(ugc.rglob("*.mp4"))]
    content = {
        "labelled": [row for row in rated if row["split"] in {"train", "calibration"}],
        "pristine": [row for row in train if row["distortion"] == "reference"],
        "unlabelled": [{"path": row["path"]} for row in train] + other,
        "test": [row | {"split": ""} for row in rated if row["split"] == "test"],
    }
    paths = {}
    for name, table in content.items():
        paths[name] = folder / f"{name}.csv"
        with paths[name].open("w", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]), extrasaction="ignore")
            writer.writeheader()
            writer.writerows(table)
    return paths


def collect_groups(bench: Path, ugc: Path, folder: Path) -> None:
    """One folder with a link to every group that ST-VQRL may see."""
    folder.mkdir(exist_ok=True)
    with (bench / "labels.csv").open() as file:
        scenes = {bench / "scenes" / row["scene"] for row in csv.DictReader(file) if row["split"] == "train"}
    for group in sorted(scenes | {sidecar.parent for sidecar in ugc.rglob("group.json")}):
        link = folder / group.name
        if not link.exists():
            link.symlink_to(group.resolve())


def pretrain(size: str, recipe: Recipe, groups: Path, run: Path) -> None:
    """ST-VQRL."""
    if (run / "backbone.safetensors").exists():
        return
    sslvqa(
        *("pretrain", "--videos", groups, "--out", run, "--preset", recipe.preset, "--architecture", size),
        *("--versions", recipe.group_versions, "--scenes-per-batch", recipe.scenes_per_batch),
        *("--accumulate", recipe.accumulate, "--epochs", 10_000, "--max-steps", recipe.pretrain_steps),
        "--resume",
    )


def train(
    size: str, recipe: Recipe, name: str, method: str, init: str, tables: dict[str, Path], run: Path
) -> None:
    """SSL-VQA or an ablation of it."""
    if (run / "model" / "card.toml").exists():
        return
    extra = ["--unlabelled", tables["unlabelled"]] if method == "ssl_vqa" else []
    tag = "open1" if name == "ssl_vqa" else name.replace("_", "-")
    sslvqa(
        *("train", "--labels", tables["labelled"], "--pristine", tables["pristine"], *extra),
        *("--method", method, "--preset", recipe.preset, "--architecture", size, "--init", init),
        *("--epochs", recipe.train_epochs, "--labels-limit", recipe.labels),
        *("--unlabelled-limit", recipe.unlabelled),
        *("--tag", tag, "--label", "VMAF", "--label-kind", LABEL_KIND, "--licence", LICENCE),
        *("--out", run, "--resume"),
    )


def evaluate(model: Path, test: Path, run: Path) -> dict[str, object]:
    """Measures on unseen contents, and the order of levels inside one content and distortion."""
    text = sslvqa(
        *("evaluate", model, test, "--pairs-column", "kind", "--gap", 10, "--group-column", "distortion"),
        *("--predictions", run / "predictions.csv", "--format", "json"),
        capture=True,
    )
    return dict(json.loads(text))


def ship(model: Path, result: dict[str, object], folder: Path) -> None:
    """Write the model as float16 with its limits and its result on unseen contents."""
    from sslvqa.hub import ResultCard, load_model, save_model
    from sslvqa.scoring import store_golden

    loaded = load_model(model)
    part = result["groups"]["all"]
    interval = part["intervals"]["srocc"]
    names = ("srocc", "plcc", "plcc_logistic", "krocc", "rmse")
    unseen = ResultCard(
        dataset="test contents of sources.csv",
        protocol="contents that no stage has seen; without tone distortions; last step, no selection",
        videos=part["videos"],
        contents=part["contents"],
        srocc_interval=(interval["low"], interval["high"]),
        **{name: part["measures"][name] for name in names},
    )
    training, size = loaded.card.training, loaded.card.architecture.name
    description = DESCRIPTION.format(labelled=training.labelled, unlabelled=training.unlabelled, size=size)
    update = {"description": description, "limits": LIMITS, "results": (*loaded.card.results, unseen)}
    target = folder / loaded.card.name
    save_model(target, loaded.model, loaded.card.model_copy(update=update), dtype="float16")
    store_golden(target)


if __name__ == "__main__":
    main()
