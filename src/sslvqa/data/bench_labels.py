"""Labels of the scenes of an open bench: a ledger in each scene's folder, and the table made from them."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sslvqa.distort import read_group
from sslvqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sslvqa.distort import GroupInfo
    from sslvqa.distort.many import Scene

__all__ = ["COLUMNS", "BenchScene", "label_group", "write_labels"]

COLUMNS = (
    *("path", "score", "content", "split", "scene", "version", "distortion", "level"),
    *("vmaf", "ssim", "xpsnr", "width", "height", "frames", "kind"),
)
"""Of ``labels.csv``; ``kind`` is that of ``--pairs-column``: versions of one content by one distortion."""

_LEDGER = "labels.jsonl"


@dataclass(frozen=True, slots=True)
class BenchScene:
    """One scene to make and label."""

    scene: Scene
    content: str
    split: str
    samples: int


def label_group(group: GroupInfo, *, samples: int) -> None:
    """Measure the versions that have no label yet; each label is a line of ``labels.jsonl`` at once.

    Args:
        group: Reference and versions.
        samples: Frames that VMAF is computed on.

    Raises:
        MissingExtraError: ``vmaf-torch`` is not installed.
        VideoError: A version cannot be read.
    """
    from sslvqa.data.labels import FullReference, vmaf_label

    known = _read_labels(group.directory)
    basis = {"reference": group.versions[0].sha256, "samples": samples, "label": vmaf_label()}
    missing = [item for item in group.versions if not _is_known(known.get(item.sha256), basis)]
    if not missing:
        return
    reference = FullReference(group.path(group.versions[0]), samples=samples)
    with (group.directory / _LEDGER).open("a", encoding="utf-8") as stream:
        stream.write("\n" if stream.tell() else "")  # the last line may be cut short by a kill
        for item in missing:
            scores = asdict(reference.score(group.path(item)))
            stream.write(json.dumps({"sha256": item.sha256, **basis, **scores}) + "\n")
            stream.flush()


def _is_known(entry: dict[str, Any] | None, basis: dict[str, Any]) -> bool:
    return entry is not None and all(entry.get(key) == value for key, value in basis.items())


def _read_labels(directory: Path) -> dict[str, dict[str, Any]]:
    """Labels by the hash of the version's file; a line that a kill cut short is left out."""
    path = directory / _LEDGER
    entries: dict[str, dict[str, Any]] = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
            entries[entry["sha256"]] = entry
        except (ValueError, KeyError, TypeError):
            continue
    return entries


def write_labels(out_dir: Path, plans: Iterable[BenchScene]) -> Path:
    """Write ``labels.csv`` from what is finished so far, atomically; paths relative to ``out_dir``."""
    path = out_dir / "labels.csv"
    part = out_dir / f".labels.{os.getpid()}.csv"
    with part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        for plan in plans:
            writer.writerows(_rows(plan, out_dir))
    part.replace(path)
    return path


def _rows(plan: BenchScene, out_dir: Path) -> Iterator[dict[str, Any]]:
    directory = plan.scene.directory
    try:
        group = read_group(directory)
    except DataError:  # not begun
        return
    labels = _read_labels(directory)
    wanted = {0, *(item.id for item in plan.scene.distortions)}
    for item in group.versions:
        entry = labels.get(item.sha256)
        if entry is None or item.id not in wanted:
            continue
        yield {
            "path": group.path(item).relative_to(out_dir).as_posix(),
            "score": round(entry["vmaf"], 4),
            "content": plan.content,
            "split": plan.split,
            "scene": group.scene,
            "version": item.id,
            "distortion": item.family,
            "level": item.level,
            "vmaf": round(entry["vmaf"], 4),
            "ssim": round(entry["ssim"], 6),
            "xpsnr": round(entry["xpsnr"], 4),
            "width": group.width_px,
            "height": group.height_px,
            "frames": entry["frames"],
            "kind": f"{plan.content} {item.family}",
        }
