"""What a recipe costs on a machine: work, floors, what limits each stage, and whether it fits in the time.

    python examples/weights/plan.py --size swin_t --machine h200
    python examples/weights/plan.py --size swin_t --data RUN/data-64    # making and reading: measured there

Operations are counted, not measured: 2 for a multiply-add, products with weights and of attention; a backward
pass is two forward passes. Arithmetic and reading overlap: of their times the larger counts.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from recipes import ALL_LABELS, RECIPES, RUNS, Recipe, pretrain_config, runtime_of, train_config
from work import activation_bytes, forward_flop, parameters

from sslvqa.data.datasets import ItemKey, VideoDataset
from sslvqa.data.manifest import ManifestRow
from sslvqa.hub import Architecture, find_architecture

CALIBRATION_CONTENTS, TEST_CONTENTS, TRAIN_SCENES = 12, 10, 106
"""Of sources.csv."""
VERSIONS_RATED = 28.5
"""Versions of a scene that have a label which counts: 33 less tone; 342 of 12 contents, 285 of 10."""
FINAL_CLIPS = 4


@dataclass(frozen=True)
class Machine:
    """Stated facts of a machine."""

    name: str
    tflops: float
    """Rate of a large bf16 matrix product."""
    efficiency: float
    """Share of it that a training step is assumed to reach."""
    cores: int
    minutes: float
    """From the first call on; infinite when nobody wants it back."""
    piece_minutes: float
    call_seconds: float
    """Lost by each call: transfers, starting Python, reading tables, writing a checkpoint."""
    calls: int
    """Besides the pieces: six that bring wheels and clips, two that fetch the last weights."""


MACHINES = {
    # 748 TFLOP/s measured there (benchmarks/gpu.py --parts peak); steps of mobile reached 0.075 of it and of
    # swin_t_bands 0.068, not compiled, alone (their metrics.jsonl); 15 minutes, 2/3 to start it
    "h200": Machine("one NVIDIA H200, 16 CPU cores", 750, 0.07, 16, 14.3, 9, 10, 8),
    # 855 GFLOP/s measured; a step of nano took 5.85 s for 96 passes forward and backward (its metrics.jsonl)
    "cpu": Machine("2 cores of an AMD EPYC (Zen 5)", 0.855, 0.17, 2, math.inf, math.inf, 0, 0),
}


@dataclass(frozen=True)
class Costs:
    """What making and reading the data takes, in seconds of one core."""

    bench: float = 2.08
    """Of a megapixel-frame of a scene, for its 33 versions (64 scenes of 48 frames; group.json)."""
    labels: float = 1.9
    """The same, for VMAF of 6 frames, SSIM and XPSNR of all (`label_seconds` of sslvqa data open-bench)."""
    spare: float = 2.19
    """Of a megapixel-frame of another clip, for the paper's 12, mostly frame interpolation (31 clips)."""
    bench_megapixels: float = 0.107
    """Mean over the scenes."""
    spare_megapixels: float = 0.183
    read: float = 0.104
    """To open one version and cut the two views of a training item, see :data:`READING`."""
    cut: float = 0.036
    """The same from decoded planes that lie in memory."""


READING = {"nano": (0.031, 0.005), "mobile": (0.039, 0.007), "swin_t": (0.104, 0.036)}
"""Costs.read and Costs.cut: process time, 48 and 12 versions of 48 frames; swin_t: read for 64 frames."""


def costs_of(recipe: Recipe) -> Costs:
    """The costs known for a size."""
    read, cut = READING.get(recipe.architecture, READING["swin_t"])
    return Costs(read=read, cut=cut)


@dataclass(frozen=True)
class Stage:
    """One row of the plan."""

    name: str
    steps: int = 0
    learned: int = 0
    """Passes of a view through a network, forward and backward."""
    seen: int = 0
    """Passes forward only."""
    items: int = 0
    """Files opened, for two views each."""
    core_seconds: float = 0.0
    """Of making data."""
    activations: int = 0
    """Passes whose activations are kept at once."""
    recomputed: bool = False

    def flop(self, forward: float) -> float:
        """Operations, when one pass forward takes ``forward``."""
        return forward * (self.learned * (4 if self.recomputed else 3) + self.seen)

    def seconds(self, forward: float, machine: Machine, read: float) -> tuple[float, float]:
        """Of arithmetic, and of the cores."""
        feeders = max(machine.cores - 1, 1)
        cores = self.core_seconds / machine.cores + self.items * read / feeders
        return self.flop(forward) / (machine.tflops * machine.efficiency * 1e12), cores


def stages(recipe: Recipe, costs: Costs) -> list[Stage]:
    """The rows of a recipe."""
    rows = [_data(recipe, costs)] + ([] if recipe.grown_from else [_pretrain(recipe)])
    return rows + [row for name in recipe.runs for row in (_train(recipe, name), _finish(recipe, name))]


def _data(recipe: Recipe, costs: Costs) -> Stage:
    scenes = TRAIN_SCENES + CALIBRATION_CONTENTS + TEST_CONTENTS
    bench = scenes * costs.bench_megapixels * (costs.bench + costs.labels)
    spare = recipe.spare_clips * costs.spare_megapixels * costs.spare
    return Stage("make and label the versions", core_seconds=recipe.frames * (bench + spare))


def _pretrain(recipe: Recipe) -> Stage:
    config = pretrain_config(recipe, Path(), Path(), runtime_of(1))
    items = config.max_steps * config.scenes_per_batch * config.versions
    kept = config.scenes_per_batch // config.accumulate * config.versions * 2
    return Stage("ST-VQRL", config.max_steps, learned=2 * items, items=items, activations=kept)


def _train(recipe: Recipe, name: str) -> Stage:
    tables = dict.fromkeys(("labelled", "pristine", "unlabelled"), Path())
    config = train_config(recipe, name, tables, "scratch", Path(), runtime_of(1))
    rated = round(VERSIONS_RATED * TRAIN_SCENES)
    first = rated * config.head.draws if config.head.epochs else 0  # of the head alone
    if config.max_steps == 0:
        return Stage(name, seen=2 * first, items=first)
    if name == "tuned":
        steps, views = rated // config.labelled_batch * config.epochs, 2 * config.labelled_batch
        items = first + steps * config.labelled_batch
        return Stage(name, steps, steps * views, seen=2 * first, items=items, activations=views)
    steps_per_epoch = -(-recipe.labels // config.labelled_batch)
    steps = steps_per_epoch * config.epochs
    batch = config.labelled_batch + (config.unlabelled_batch if RUNS[name].method == "ssl_vqa" else 0)
    every = config.corpus.refresh_steps or steps_per_epoch
    chunk = config.runtime.chunk
    recomputed = 0 < chunk < 2 * batch
    return Stage(
        name,
        steps,
        learned=steps * batch * 4,
        seen=config.corpus.clips * (steps // every),
        items=steps * batch + config.epochs * config.corpus.clips,
        activations=chunk if recomputed else 4 * batch,
        recomputed=recomputed,
    )


def _finish(recipe: Recipe, name: str) -> Stage:
    held, test = (round(VERSIONS_RATED * count) for count in (CALIBRATION_CONTENTS, TEST_CONTENTS))
    videos = recipe.labels + held + test
    if RUNS[name].method == "supervised":  # one network, no pristine corpus
        return Stage(f"calibrate, test {name}", seen=FINAL_CLIPS * videos, items=videos)
    return Stage(
        f"calibrate, test {name}",
        seen=2 * FINAL_CLIPS * videos + FINAL_CLIPS * TRAIN_SCENES,
        items=videos + TRAIN_SCENES,
    )


def measured(data: Path, recipe: Recipe, costs: Costs, *, files: int = 24) -> Costs:
    """The same costs from a folder of data: times in the sidecars, and reading some of its versions anew."""
    groups = {
        kind: [json.loads(path.read_text()) for path in sorted(data.glob(pattern))]
        for kind, pattern in (("bench", "bench/scenes/*/group.json"), ("spare", "spare-*/*/group.json"))
    }
    update: dict[str, float] = {}
    for kind, records in groups.items():
        if records:
            sizes = [record["width_px"] * record["height_px"] / 1e6 for record in records]
            work = sum(
                size * record["versions"][0]["frames"] for size, record in zip(sizes, records, strict=True)
            )
            spent = sum(version["seconds"] for record in records for version in record["versions"])
            update |= {kind: spent / work, f"{kind}_megapixels": statistics.mean(sizes)}
    paths = sorted(data.glob("bench/scenes/*/*.mp4"))
    chosen = paths[:: max(len(paths) // files, 1)][:files]
    if chosen:
        rows = [ManifestRow(path=path, name=path.name) for path in chosen]
        dataset = VideoDataset(rows, find_architecture(recipe.architecture).geometry)
        dataset[ItemKey("plan", 1, 0)]  # the first one also loads code
        began = time.process_time()
        for position in range(len(rows)):
            dataset[ItemKey("plan", 0, position)]
        update["read"] = (time.process_time() - began) / len(rows)
    return replace(costs, **update)


def report(recipe: Recipe, machine: Machine, costs: Costs) -> str:
    """The plan as text."""
    architecture = find_architecture(recipe.architecture)
    forward = forward_flop(architecture)
    weights = parameters(architecture.backbone) / 1e6
    peak = f"{machine.tflops:g} TFLOP/s bf16, {machine.efficiency:.0%} of it assumed"
    network = f"{weights:.1f} M parameters a network, {2 * weights:.0f} MB as float16"
    lines = [
        f"{recipe.architecture} on {machine.name}: {peak}",
        f"a view forward: {forward / 1e9:.1f} GFLOP; {network}; its checkpoint {12 * weights:.0f} MB",
        "",
        HEAD,
    ]
    lines += [_line(row, architecture, machine, costs) for row in stages(recipe, costs)]
    return "\n".join([*lines, "", *_verdict(recipe, machine, costs)]) + "\n"


HEAD = (
    "stage                          steps   passes  PFLOP    peak assumed reading minutes cores  GiB\n"
    "------------------------------ ----- -------- ------ ------- ------- ------- ------- ----- ----"
)


def _line(row: Stage, architecture: Architecture, machine: Machine, costs: Costs) -> str:
    forward = forward_flop(architecture)
    busy, reading = row.seconds(forward, machine, costs.read)
    peak = row.flop(forward) / machine.tflops / 1e12
    cores = row.items * costs.read / busy if row.items else machine.cores
    networks = 2 if row.recomputed or (row.name in RUNS and row.name not in ALL_LABELS) else 1
    kept = row.activations * activation_bytes(architecture)
    kept += 16 * networks * parameters(architecture.backbone) if row.learned else 0
    amounts = f"{row.steps:5} {row.learned + row.seen:8} {row.flop(forward) / 1e15:6.1f}"
    return (
        f"{row.name:30} {amounts} {peak:6.0f}s "
        f"{busy:6.0f}s {reading:6.0f}s {max(busy, reading) / 60:7.1f} {cores:5.0f} {kept / 2**30:4.0f}"
    )


def _verdict(recipe: Recipe, machine: Machine, costs: Costs) -> list[str]:
    scenes = TRAIN_SCENES + CALIBRATION_CONTENTS + TEST_CONTENTS
    pixels = 1e6 * recipe.frames * scenes * costs.bench_megapixels * (13 + recipe.extended_versions)
    pixels += 1e6 * recipe.frames * recipe.spare_clips * costs.spare_megapixels * 13
    forward = forward_flop(find_architecture(recipe.architecture))
    lines = [
        "peak, assumed: seconds of arithmetic. reading: of all cores. minutes: the larger. cores: what would",
        f"keep up with the arithmetic. Decoded planes of all versions: {1.5e-9 * pixels:.0f} GB.",
    ]
    for name, read in (("files", costs.read), ("decoded planes", costs.cut)):
        rows = [max(row.seconds(forward, machine, read)) for row in stages(recipe, costs)]
        total = f"reading {name}: {sum(rows) / 60:.1f} min"
        if not math.isinf(machine.minutes):
            pieces = math.ceil(sum(rows) / (60 * machine.piece_minutes - machine.call_seconds))
            whole = sum(rows) / 60 + (pieces + machine.calls) * machine.call_seconds / 60
            total += f", in {pieces} pieces and {machine.calls} calls with parts {whole:.1f} min: "
            scale = _scale(recipe, machine, costs, read)
            total += "fits" if scale >= 1 else f"does not fit, scale steps and epochs by {scale:.2f}"
        lines.append(total)
    return lines


def _scale(recipe: Recipe, machine: Machine, costs: Costs, read: float) -> float:
    """The share of steps and epochs that fits; 1 and more when all do."""
    forward = forward_flop(find_architecture(recipe.architecture))
    times = [(row, max(row.seconds(forward, machine, read))) for row in stages(recipe, costs)]
    fixed = sum(seconds for row, seconds in times if not row.learned)
    scaled = sum(seconds for row, seconds in times if row.learned)
    pieces = math.ceil((fixed + scaled) / (60 * machine.piece_minutes - machine.call_seconds))
    free = 60 * machine.minutes - (pieces + machine.calls) * machine.call_seconds - fixed
    return max(free / scaled, 0.0)


def main() -> None:
    """Print the plan of one size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=RECIPES, default="swin_t")
    parser.add_argument("--machine", choices=MACHINES, default="h200")
    parser.add_argument("--efficiency", type=float, help="share of the peak that a step reaches")
    parser.add_argument("--minutes", type=float, help="for everything")
    parser.add_argument("--data", type=Path, help="RUN/data-N: measure the costs of making and reading there")
    options = parser.parse_args()
    recipe, machine = RECIPES[options.size], MACHINES[options.machine]
    costs = costs_of(recipe)
    if options.efficiency is not None:
        machine = replace(machine, efficiency=options.efficiency)
    if options.minutes is not None:
        machine = replace(machine, minutes=options.minutes)
    if options.data is not None:
        costs = measured(options.data, recipe, costs)
        sys.stdout.write(f"measured in {options.data.name}: {costs}\n")
    sys.stdout.write(report(recipe, machine, costs))


if __name__ == "__main__":
    main()
