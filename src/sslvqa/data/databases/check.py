"""Read every video of a database once: does it decode, and what are its bytes?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sslvqa.data.manifest import ManifestRow
from sslvqa.errors import ConfigError, SslvqaError
from sslvqa.video.raw import RawGeometry
from sslvqa.video.reader import open_video
from sslvqa.video.worker import run_limited

__all__ = ["FileCheck", "check_file", "check_files", "same_bytes"]

_BATCH = 16


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What was found of one video."""

    name: str
    """As the label file gives it."""
    path: str
    error: str | None
    """Why it is missing or broken; None when all is well."""
    sha256: str | None = None
    bytes: int | None = None
    frames: int | None = None
    width_px: int | None = None
    height_px: int | None = None
    fps: float | None = None
    duration_seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the schema number."""
        return {"schema": 1, **asdict(self)}


def check_file(name: str, path: str, geometry: RawGeometry | None) -> FileCheck:
    """Hash a file, count its frames and decode the middle one; whatever is wrong is in ``error``."""
    try:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        return FileCheck(name, path, f"cannot be read ({error.strerror})")
    try:
        with open_video(path, geometry=geometry, threads=1) as video:
            info = video.info
            middle = info.frame_count // 2
            decoded = [frame.source_index for frame in video.frames([middle])]
            problems = list(video.warnings)
    except SslvqaError as error:
        return FileCheck(name, path, str(error), digest, size)
    if decoded != [middle]:
        problems.append(f"{path}: frame {middle} of {info.frame_count} does not decode")
    return FileCheck(
        name=name,
        path=path,
        error="; ".join(problems) or None,
        sha256=digest,
        bytes=size,
        frames=info.frame_count,
        width_px=info.width_px,
        height_px=info.height_px,
        fps=round(info.fps, 4),
        duration_seconds=round(info.duration_seconds, 4),
    )


def check_files(
    rows: Sequence[ManifestRow], *, workers: int = 1, timeout_seconds: float = 300.0
) -> Iterator[FileCheck]:
    """Check videos in killable, limited processes; a file that crashes or hangs one is a record of its own.

    Args:
        rows: The videos.
        workers: Processes at once.
        timeout_seconds: Longest time for one file.

    Yields:
        One result a video, in the order of the rows.

    Raises:
        ConfigError: ``workers`` is below 1.
    """
    if workers < 1:
        raise ConfigError(f"workers is {workers}; allowed is 1 or more")
    batches = [tuple(rows[start : start + _BATCH]) for start in range(0, len(rows), _BATCH)]
    with ThreadPoolExecutor(workers) as pool:
        for found in pool.map(lambda batch: _in_process(batch, timeout_seconds), batches):
            yield from found


def same_bytes(checks: Iterable[FileCheck]) -> list[tuple[str, ...]]:
    """Names of videos whose files are the same, byte by byte."""
    names: dict[str, list[str]] = {}
    for check in checks:
        if check.sha256 is not None:
            names.setdefault(check.sha256, []).append(check.name)
    return [tuple(group) for group in names.values() if len(group) > 1]


def check_batch(batch: Sequence[tuple[str, str, RawGeometry | None]]) -> list[FileCheck]:
    """Check several files, in this process."""
    return [check_file(*job) for job in batch]


def _in_process(rows: Sequence[ManifestRow], timeout_seconds: float) -> list[FileCheck]:
    """Check a batch in one process; if that ends early, each file in one of its own."""
    jobs = [(row.name, str(row.path), row.geometry) for row in rows]
    try:
        return run_limited(check_batch, jobs, timeout_seconds=timeout_seconds * len(jobs))
    except SslvqaError as error:
        if len(jobs) == 1:
            name, path, _ = jobs[0]
            return [FileCheck(name, path, str(error))]
    return [found for row in rows for found in _in_process((row,), timeout_seconds)]
