"""What a machine that is lent takes and gives: parts that arrive, parts that travel back."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import carry
from job import Job
from safetensors import safe_open
from safetensors.torch import save_file

from sslvqa.train import Interrupted
from sslvqa.train.start import BACKBONE_FILE

GIVEN = "given.json"
GIVEN_BYTES, GIVEN_FILES = 60_000_000, 7


def take_parts(job: Job, arrived: Path) -> None:
    """Keep the parts that were carried here; put a package together once all of them are.

    Clips go to the folder of clips, anything else (what ``--give`` gave on a lost machine) to the run.

    Raises:
        Interrupted: Parts are still to come; all are named.
    """
    kept = job.out / "parts"
    kept.mkdir(parents=True, exist_ok=True)
    for path in arrived.iterdir():
        shutil.copyfile(path, kept / path.name)
    names = {path.stem for path in kept.glob("*.[0-9][0-9][0-9]")}
    waiting = [index.name for index in (carry.index_path(kept, name) for name in names) if not index.exists()]
    for index in carry.indexes(kept):
        missing = carry.missing_parts(index)
        if missing:
            waiting += missing
            continue
        name = carry.package_name(index)
        carry.join(index, job.clips if name == carry.CLIPS else job.run)
        for path in [index, *kept.glob(f"{name}.[0-9]*")]:
            path.unlink()
    if waiting:
        raise Interrupted(f"still to come: {', '.join(waiting)}; carry them and give the same command")


def give_parts(job: Job, folder: Path, *, again: bool) -> None:
    """Put parts of what is finished into ``folder``: those not given before, as many as one call may take.

    ``results.json`` comes each time. ``carry.py join`` names the parts that got lost on the way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ledger = job.run / GIVEN
    given = [] if again or not ledger.exists() else json.loads(ledger.read_text())
    files, used = 0, 0
    for path in finished_parts(job):
        size = path.stat().st_size
        if path.name in given or files == GIVEN_FILES or used + size > GIVEN_BYTES:
            continue
        shutil.copyfile(path, folder / path.name)
        given.append(path.name)
        files, used = files + 1, used + size
        sys.stderr.write(f"given: {path.name}, {size / 1e6:.1f} MB\n")
    ledger.write_text(json.dumps(given))
    if (job.run / "results.json").exists():
        shutil.copyfile(job.run / "results.json", folder / "results.json")


def finished_parts(job: Job) -> list[Path]:
    """Indexes and parts of the backbone (float16) and of every released model, packed once."""
    folder = job.run / "packed"
    folder.mkdir(exist_ok=True)
    products: dict[str, dict[str, Path]] = {}
    backbone, half = job.run / "stvqrl" / BACKBONE_FILE, folder / BACKBONE_FILE
    if backbone.exists():
        if not half.exists():
            _halve(backbone, half)
        products[f"{job.size}.stvqrl"] = {f"stvqrl/{BACKBONE_FILE}": half}
    for name in job.recipe.runs:
        files = [path for path in job.release(name).glob("*") if path.is_file()]
        if files:
            products[f"{job.size}.{name}"] = {f"{name}/release/{path.name}": path for path in files}
    parts = []
    for name, files in products.items():
        index = carry.index_path(folder, name)
        if not index.exists():
            carry.pack(name, files, folder, part_bytes=carry.GIVEN_PART_BYTES)
        parts += [index, *sorted(folder.glob(f"{name}.[0-9]*"))]
    return parts


def _halve(source: Path, target: Path) -> None:
    """Write the same file with its numbers as float16; complete or absent."""
    scratch = target.with_name(f".{target.name}")
    with safe_open(source, framework="pt") as opened:
        state = {name: opened.get_tensor(name).half() for name in opened.keys()}  # noqa: SIM118
        save_file(state, scratch, metadata=opened.metadata())
    scratch.rename(target)
