"""Carry files to a machine that takes little at a time, and back: parts of limited size, with checksums.

    python examples/weights/carry.py pack CLIPS --size swin_t --out PARTS      # the source clips of a recipe
    python examples/weights/carry.py join PARTS --out FOLDER                   # check, put together

A package NAME is an index, NAME.parts.json, and parts NAME.000, NAME.001, ...: a plain tar cut in pieces of
one size (`cat NAME.0* | tar x` is all that `join` does, besides checking). Parts may arrive in any order.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from sslvqa.data.sources import read_sources
from sslvqa.errors import DataError
from sslvqa.hub.weights import file_sha256

HERE = Path(__file__).parent
SOURCES = HERE / "sources.csv"
HASHES = HERE / "clips.sha256"
CLIPS = "clips"
"""Name of the package of source clips."""
INDEX = ".parts.json"
MEGABYTE = 1_000_000
GIVEN_PART_BYTES = 15 * MEGABYTE
"""Of parts on the way back."""


def main() -> None:
    """Pack clips, or put a package together."""
    from recipes import RECIPES

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    to = commands.add_parser("pack", help="the source clips of a recipe")
    to.add_argument("clips", type=Path, help="folder of source clips")
    to.add_argument("--size", choices=RECIPES, default="nano", help="the recipe whose clips are packed")
    to.add_argument("--out", type=Path, required=True, help="folder of the parts")
    to.add_argument("--megabytes", type=float, default=35, help="of a part, at most")
    to.add_argument("--sources", type=Path, default=SOURCES, help="pristine clips and splits")
    to.add_argument("--sha256", type=Path, default=HASHES, help="sha256sum's list; every clip must be in it")
    back = commands.add_parser("join", help="any package, of clips or of weights")
    back.add_argument("parts", type=Path, help="folder of indexes and parts")
    back.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "join":
        for index in indexes(options.parts):
            sys.stdout.writelines(f"{path}\n" for path in join(index, options.out))
        return
    names = wanted_clips(options.clips, options.sources, RECIPES[options.size].spare_clips)
    files = check_clips(options.clips, names, options.sha256)
    index = pack(CLIPS, files, options.out, part_bytes=int(options.megabytes * MEGABYTE))
    parts = json.loads(index.read_text())["parts"]
    size = sum(part["bytes"] for part in parts) / MEGABYTE
    sys.stdout.write(f"{index}: {len(files)} files, {len(parts)} parts, {size:.1f} MB\n")


def wanted_clips(folder: Path, sources: Path, spare: int) -> tuple[list[str], list[str]]:
    """Names of the pristine clips of the table, and of ``spare`` others, evenly spaced by name.

    Clips that the table has with ``take`` 0 are neither: no stage sees them. A folder that holds the named
    clips alone gives the same ones.
    """
    table = read_sources(sources)
    pristine = list(dict.fromkeys(item.file for item in table if item.take))
    known = {item.file for item in table}
    others = sorted(path.name for path in folder.glob("*.mp4") if path.name not in known)
    return pristine, others[:: max(len(others) // max(spare, 1), 1)][:spare]


def check_clips(folder: Path, names: tuple[list[str], list[str]], hashes: Path) -> dict[str, Path]:
    """Files by name, each with the sha256 that the list gives.

    Raises:
        DataError: A clip is absent, is not in the list or differs from it; all such are named.
    """
    known = dict(reversed(line.split(maxsplit=1)) for line in hashes.read_text().splitlines() if line.strip())
    files = {name: folder / name for group in names for name in group}
    problems = []
    for name, path in files.items():
        if not path.is_file():
            problems.append(f"{name}: absent")
        elif name not in known:
            problems.append(f"{name}: not in {hashes.name}")
        elif file_sha256(path) != known[name]:
            problems.append(f"{name}: another file than the one of {hashes.name}")
    if problems:
        listing = "\n  ".join(problems)
        raise DataError(
            f"{folder}: {len(problems)} of {len(files)} clips are not those of {hashes.name}; for clips of "
            f"your own give your own --sources (and to carry.py --sha256):\n  {listing}"
        )
    return files


def pack(name: str, files: Mapping[str, Path], folder: Path, *, part_bytes: int) -> Path:
    """Write a package and return its index; the same files give the same bytes.

    Args:
        name: Of the package.
        files: Name in the package to file.
        folder: Made if absent.
        part_bytes: Of every part but the last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for inside, path in sorted(files.items()):
            info = tarfile.TarInfo(inside)
            info.size = path.stat().st_size
            with path.open("rb") as stream:
                tar.addfile(info, stream)
    index = {
        "schema": 1,
        "name": name,
        "parts": _cut(buffer.getbuffer(), folder, name, part_bytes),
        "files": {inside: file_sha256(path) for inside, path in sorted(files.items())},
    }
    target = index_path(folder, name)
    target.write_text(json.dumps(index, indent=1) + "\n")
    return target


def _cut(block: memoryview, folder: Path, name: str, part_bytes: int) -> list[dict[str, object]]:
    """Write the parts; file, bytes and sha256 of each."""
    parts: list[dict[str, object]] = []
    for start in range(0, len(block), part_bytes):
        piece = block[start : start + part_bytes]
        path = folder / f"{name}.{len(parts):03d}"
        path.write_bytes(piece)
        parts.append({"file": path.name, "bytes": len(piece), "sha256": hashlib.sha256(piece).hexdigest()})
    return parts


def index_path(folder: Path, name: str) -> Path:
    """Where the index of a package lies."""
    return folder / f"{name}{INDEX}"


def indexes(folder: Path) -> list[Path]:
    """The indexes in a folder."""
    return sorted(folder.glob(f"*{INDEX}"))


def package_name(index: Path) -> str:
    """The name of the package."""
    return index.name.removesuffix(INDEX)


def missing_parts(index: Path) -> list[str]:
    """Parts that are not beside the index, or not as it says."""
    wanted = json.loads(index.read_text())["parts"]
    return [
        part["file"]
        for part in wanted
        if not (index.parent / part["file"]).is_file()
        or file_sha256(index.parent / part["file"]) != part["sha256"]
    ]


def join(index: Path, out: Path) -> list[Path]:
    """Put the files of a package into ``out`` and check them.

    Raises:
        DataError: Parts are missing (all are named), or a file is not the one that was packed.
    """
    missing = missing_parts(index)
    if missing:
        raise DataError(f"{index}: {len(missing)} parts are absent or damaged: {', '.join(missing)}")
    content = json.loads(index.read_text())
    out.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO(b"".join((index.parent / part["file"]).read_bytes() for part in content["parts"]))
    with tarfile.open(fileobj=stream) as tar:
        tar.extractall(out, filter="data")
    for name, digest in content["files"].items():
        if file_sha256(out / name) != digest:
            raise DataError(f"{out / name} is not the file that {index} names; pack it again")
    return [out / name for name in content["files"]]


if __name__ == "__main__":
    main()
