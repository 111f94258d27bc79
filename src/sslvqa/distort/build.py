"""Make a group, or go on with one that was interrupted."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sslvqa.distort.bank import NEAR_LOSSLESS, PAPER_DISTORTIONS, Distortion
from sslvqa.distort.encode import encode_frames, encoder_versions, file_sha256
from sslvqa.distort.group import SIDECAR, GroupInfo, VersionInfo, group_from_record
from sslvqa.distort.operations import apply_operation
from sslvqa.distort.source import Segment, read_segment
from sslvqa.errors import ConfigError, DataError
from sslvqa.video.reader import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sslvqa.distort.planes import Yuv

__all__ = ["build_group"]

_SCHEMA = 1
_COPY_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm"})


def build_group(
    source: Path | str,
    out_dir: Path | str,
    *,
    distortions: Sequence[Distortion] = PAPER_DISTORTIONS,
    start_frame: int = 0,
    max_frames: int | None = None,
    scale: int = 1,
    made: Path | None = None,
) -> GroupInfo:
    """Make the reference and the distorted versions of one scene.

    A finished version whose size, hash and parameters are those of the sidecar is kept, so a run that was
    killed goes on where it stopped. Versions in the sidecar that are not asked for stay as they are.

    The reference is the file itself when nothing is changed about it, else its part encoded
    with :data:`NEAR_LOSSLESS`. Distorted versions are made from the source's pixels, not from the reference.

    Args:
        source: Video file.
        out_dir: Folder of this one scene, for one process at a time; made if absent. Its name is the scene's.
        distortions: What to make, unique ids of 1 and more.
        start_frame: First frame used.
        max_frames: How many frames at most; None = all.
        scale: Shrink the source by this integer factor first.
        made: Folder of the same scene, made elsewhere: versions of it whose hash and parameters are those of
            its sidecar are copied instead of made.

    Returns:
        The group, all its versions included.

    Raises:
        VideoError: The source cannot be read.
        DataError: The source ends before ``start_frame``, or ``made`` has no readable sidecar.
        ConfigError: Ids repeat, an argument is out of range, or ``out_dir`` holds a group of another source.
    """
    ids = [distortion.id for distortion in distortions]
    if len(set(ids)) < len(ids) or min(ids, default=1) < 1:
        raise ConfigError(
            f"distortion ids are {sorted(ids)}; they must be unique and 1 or more (0 is the reference)"
        )
    segment = read_segment(source, start_frame=start_frame, max_frames=max_frames, scale=scale)
    directory = Path(out_dir)
    directory.mkdir(parents=True, exist_ok=True)
    ledger = _Ledger.open(directory, segment)
    ledger.made = None if made is None else _Made.read(made)
    ledger.make_reference(segment)
    for distortion in distortions:
        ledger.make(segment, distortion)
    return group_from_record(directory, ledger.record)


@dataclass(frozen=True)
class _Made:
    """What a folder has of a sidecar's versions."""

    directory: Path
    versions: dict[int, VersionInfo]

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read the sidecar; the reference need not be there."""
        try:
            record = json.loads((directory / SIDECAR).read_text("utf-8"))
            versions = {int(item["id"]): VersionInfo(**item) for item in record["versions"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{directory}: no versions to take over ({error})") from error
        return cls(directory, versions)

    def find(self, number: int, parameters: dict[str, Any]) -> VersionInfo | None:
        """A version with these parameters, if its file is as the sidecar says."""
        version = self.versions.get(number)
        if version is None or version.parameters != parameters:
            return None
        path = self.directory / version.file
        same = path.is_file() and path.stat().st_size == version.bytes and file_sha256(path) == version.sha256
        return version if same else None


class _Ledger:
    """The sidecar file: what is finished, rewritten atomically after each version."""

    def __init__(self, directory: Path, record: dict[str, Any]) -> None:
        self.directory = directory
        self.record = record
        self.versions = {int(item["id"]): VersionInfo(**item) for item in record["versions"]}
        self.made: _Made | None = None
        for leftover in directory.glob(".*.*"):  # of a run that was killed
            leftover.unlink()

    @classmethod
    def open(cls, directory: Path, segment: Segment) -> _Ledger:
        """Go on with the folder's sidecar, or start one; refuse a folder made from something else."""
        fresh = _new_record(directory, segment)
        sidecar = directory / SIDECAR
        if not sidecar.exists():
            return cls(directory, fresh)
        try:
            ledger = cls(directory, json.loads(sidecar.read_text("utf-8")))
            before = ledger.record["source"]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{sidecar}: not a sidecar of this package ({error}); delete it or choose another folder"
            ) from error
        now = fresh["source"]
        differing = sorted(key for key in now if key != "file" and before.get(key) != now[key])
        if differing:
            raise ConfigError(
                f"{directory} holds a group of another source or part (differs: {', '.join(differing)}); "
                "choose another folder or delete this one"
            )
        return ledger

    def make_reference(self, segment: Segment) -> None:
        """Copy the file when it is used as it is, else encode its part near-losslessly."""
        suffix = segment.path.suffix.lower()
        copied = segment.untouched and suffix in _COPY_SUFFIXES
        parameters: dict[str, Any] = {"copy": True} if copied else {"encoder": _plain(asdict(NEAR_LOSSLESS))}
        if self._kept(0, parameters):
            return
        began = time.perf_counter()
        path = self.directory / f"00_reference{suffix if copied else '.mp4'}"
        if copied:
            part = path.with_name(f".{path.name}.{os.getpid()}")
            shutil.copyfile(segment.path, part)
            part.replace(path)
        else:
            self._encode(path, segment.frames(), segment, Distortion(0, "reference", "", 0, NEAR_LOSSLESS))
        self._add(path, began, parameters, number=0, name="reference", family="reference", level=0)

    def make(self, segment: Segment, distortion: Distortion) -> None:
        """Make one version, unless it is there already."""
        parameters = _plain(distortion.parameters())
        if self._kept(distortion.id, parameters) or self._taken(distortion.id, parameters):
            return
        began = time.perf_counter()
        path = self.directory / distortion.file_name
        frames: Iterable[Yuv] = segment.frames()
        for operation in distortion.operations:
            frames = apply_operation(operation, frames, fps=segment.fps)
        self._encode(path, frames, segment, distortion)
        self._add(
            path,
            began,
            parameters,
            number=distortion.id,
            name=distortion.name,
            family=distortion.family,
            level=distortion.level,
        )

    @staticmethod
    def _encode(path: Path, frames: Iterable[Yuv], segment: Segment, distortion: Distortion) -> None:
        tag = segment.matrix_tag
        encode_frames(path, frames, fps=segment.fps, encoder=distortion.encoder, matrix_tag=tag)

    def _kept(self, number: int, parameters: dict[str, Any]) -> bool:
        return _Made(self.directory, self.versions).find(number, parameters) is not None

    def _taken(self, number: int, parameters: dict[str, Any]) -> bool:
        """Copy a version that was made elsewhere."""
        if self.made is None or (found := self.made.find(number, parameters)) is None:
            return False
        part = self.directory / f".{found.file}.{os.getpid()}"
        shutil.copyfile(self.made.directory / found.file, part)
        part.replace(self.directory / found.file)
        self._note(found)
        return True

    def _add(
        self,
        path: Path,
        began: float,
        parameters: dict[str, Any],
        *,
        number: int,
        name: str,
        family: str,
        level: int,
    ) -> None:
        self._note(
            VersionInfo(
                id=number,
                name=name,
                family=family,
                level=level,
                file=path.name,
                frames=probe(path).frame_count,
                bytes=path.stat().st_size,
                sha256=file_sha256(path),
                seconds=round(time.perf_counter() - began, 3),
                parameters=parameters,
            )
        )

    def _note(self, version: VersionInfo) -> None:
        """Write the sidecar with a version more; a file that it replaces is deleted."""
        replaced = self.versions.get(version.id)
        self.versions[version.id] = version
        self.record["versions"] = [asdict(self.versions[key]) for key in sorted(self.versions)]
        part = self.directory / f".{SIDECAR}.{os.getpid()}"
        part.write_text(json.dumps(self.record, indent=1), "utf-8")
        part.replace(self.directory / SIDECAR)
        if replaced is not None and replaced.file != version.file:
            (self.directory / replaced.file).unlink(missing_ok=True)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives them back, so that equality survives the file."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def _new_record(directory: Path, segment: Segment) -> dict[str, Any]:
    height, width = segment.size_px
    return {
        "schema": _SCHEMA,
        "scene": directory.resolve().name,
        "source": {
            "file": segment.path.name,
            "sha256": file_sha256(segment.path),
            "start_frame": segment.start_frame,
            "stop_frame": segment.stop_frame,
            "scale": segment.scale,
            "notes": list(segment.notes),
        },
        "fps": str(segment.fps),
        "height_px": height,
        "width_px": width,
        "tools": encoder_versions(),
        "versions": [],
    }
