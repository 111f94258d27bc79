"""Which clips of a folder may serve as pristine, by bits per pixel: a table that a person can correct."""

from __future__ import annotations

import csv
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sslvqa.data.cells import read_cells
from sslvqa.data.manifest import Manifest, ManifestRow, scan_videos
from sslvqa.data.splits import split_by_content
from sslvqa.distort.many import auto_scale
from sslvqa.errors import DataError, ManifestError, SslvqaError
from sslvqa.video.reader import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Candidate", "find_candidates", "read_sources", "with_splits", "write_sources"]

SPLITS = ("train", "calibration", "test")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One clip of the folder, and whether it is taken for pristine."""

    file: str
    """Relative to the folder."""
    content: str
    """What it shows; one content is never on two sides of a split."""
    split: str
    """``train``, ``calibration``, ``test``; empty when not taken."""
    scale: int
    """Shrunk by this factor before anything else."""
    start_frame: int | None
    """First frame used; None = segments are spread over the clip."""
    take: bool
    reason: str
    width_px: int = 0
    height_px: int = 0
    frames: int = 0
    bits_per_pixel: float = 0.0
    """Of the shrunk picture: file bits / (frames x pixels after scaling)."""


def find_candidates(
    folder: Path,
    *,
    min_bits_per_pixel: float,
    min_frames: int,
    min_side_px: int = 224,
    scale: int | None = None,
) -> tuple[Candidate, ...]:
    """Judge every clip below a folder.

    A clip is taken when it has ``min_frames`` frames, its shorter side after scaling is at least
    ``min_side_px`` and its bits per pixel after scaling reach the threshold. Bits per pixel tell little about
    how it looked before it was encoded: look at what is taken.

    Args:
        folder: Folder of clips.
        min_bits_per_pixel: Threshold.
        min_frames: Shortest clip.
        min_side_px: Smallest shorter side after scaling.
        scale: Factor to shrink by; None = :func:`sslvqa.distort.many.auto_scale`.

    Raises:
        DataError: No such folder, or no video in it.
    """
    rows = scan_videos(folder).rows
    return tuple(_judge(row, min_bits_per_pixel, min_frames, min_side_px, scale) for row in rows)


def _judge(
    row: ManifestRow, threshold: float, min_frames: int, min_side: int, scale: int | None
) -> Candidate:
    content = Path(row.name).stem
    try:
        info = probe(row.path)
    except SslvqaError as error:
        return Candidate(row.name, content, "", 1, None, take=False, reason=f"unreadable: {error}")
    width, height, frames = info.width_px, info.height_px, info.frame_count
    factor = scale or auto_scale(width, height)
    pixels = max(1, frames * (width // factor) * (height // factor))
    density = 8 * row.path.stat().st_size / pixels
    if frames < min_frames:
        reason = f"{frames} frames, fewer than {min_frames}"
    elif min(width, height) // factor < min_side:
        reason = f"shorter side after scaling below {min_side} px"
    elif density < threshold:
        reason = f"{density:.3f} bits per pixel, below {threshold:g}"
    else:
        reason = ""
    return Candidate(
        file=row.name,
        content=content,
        split="",
        scale=factor,
        start_frame=None,
        take=not reason,
        reason=reason or f"{density:.3f} bits per pixel after scaling by {factor}",
        width_px=width,
        height_px=height,
        frames=frames,
        bits_per_pixel=round(density, 4),
    )


def with_splits(
    candidates: Iterable[Candidate], *, seed: int, fractions: Sequence[float] = (0.6, 0.2, 0.2)
) -> tuple[Candidate, ...]:
    """Give each taken content a side; sides that the table already names stay.

    With fewer than three contents to place, all of them go to ``train``.
    """
    items = tuple(candidates)
    side = {item.content: item.split for item in items if item.take and item.split}
    free = sorted({item.content for item in items if item.take} - set(side))
    if len(free) >= len(SPLITS):
        rows = tuple(ManifestRow(path=Path(name), name=name, content=name) for name in free)
        shares = dict(zip(SPLITS, fractions, strict=True))
        parts = split_by_content(Manifest(rows, Path("sources")), fractions=shares, seed=seed).parts
        side |= {row.content: name for name, part in parts.items() for row in part.rows}
    return tuple(replace(item, split=side.get(item.content, "train") if item.take else "") for item in items)


def write_sources(path: Path, candidates: Iterable[Candidate]) -> None:
    """Write the table, every candidate with its reason; it may be edited and read back."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [item.name for item in fields(Candidate)])
        writer.writeheader()
        for candidate in candidates:
            row = asdict(candidate)
            writer.writerow(row | {"take": int(candidate.take), "start_frame": _blank(candidate.start_frame)})
    part.replace(path)


def read_sources(path: Path) -> tuple[Candidate, ...]:
    """Read a table of sources: ``file`` and, if wanted, ``content, split, scale, start_frame, take``.

    Raises:
        ManifestError: Not such a table; the message names file and line.
        DataError: One content has two splits.
    """
    (_, header), *lines = read_cells(path, expected="the column file")
    candidates = tuple(
        _parse(dict(zip(header, cells, strict=False)), f"{path}:{line}") for line, cells in lines
    )
    side: dict[str, str] = {}
    for item in candidates:
        if item.take and item.split and side.setdefault(item.content, item.split) != item.split:
            raise DataError(f"{path}: content '{item.content}' is in two splits; a content has one side")
    return candidates


def _parse(cells: dict[str, str], where: str) -> Candidate:
    file = cells.get("file", "")
    if not file:
        raise ManifestError(
            f"{where}: no file; expected a header with the column file, and a path in each line"
        )
    split = cells.get("split", "")
    if split and split not in SPLITS:
        raise ManifestError(f"{where}: split is '{split}'; allowed are {', '.join(SPLITS)}, or an empty cell")
    try:
        scale, start = int(cells.get("scale") or 1), cells.get("start_frame", "")
        take = cells.get("take", "1").lower() not in {"0", "false", "no", ""}
        first = int(start) if start else None
    except ValueError as error:
        raise ManifestError(f"{where}: {error}; scale and start_frame are whole numbers") from error
    reason = cells.get("reason") or "given by the table"
    return Candidate(
        file, cells.get("content") or Path(file).stem, split, scale, first, take=take, reason=reason
    )


def _blank(value: int | None) -> int | str:
    return "" if value is None else value
