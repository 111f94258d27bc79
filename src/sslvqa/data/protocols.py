"""The splits of the field and of the paper: seeded, hashed, no content on two sides."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sslvqa.data.manifest import write_manifest
from sslvqa.data.splits import ContentSplit, split_by_content
from sslvqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sslvqa.data.info import SplitInfo
    from sslvqa.data.manifest import Manifest, ManifestRow

__all__ = ["fifth_splits", "info_splits", "official_split", "paper_draws", "shared_contents", "write_splits"]

_FIFTHS = {"labelled": 0.2, "unlabelled": 0.6, "test": 0.2}


def official_split(manifest: Manifest) -> ContentSplit:
    """The parts that the table's ``split`` column names.

    Raises:
        DataError: A row has no split, or a content is in two parts.
    """
    unmarked = sum(row.split is None for row in manifest.rows)
    if unmarked:
        raise DataError(f"{manifest.source}: {unmarked} rows have no split; an official split needs one each")
    names = dict.fromkeys(row.split or "" for row in manifest.rows)
    parts = {name: manifest.select(row for row in manifest.rows if row.split == name) for name in names}
    split = ContentSplit(parts=parts, seed=0)
    leaks = shared_contents(split)
    if leaks:
        raise DataError(
            f"{manifest.source}: content {leaks[0]!r} is in two parts ({len(leaks)} such contents); "
            "give each content one split"
        )
    return split


def paper_draws(
    manifest: Manifest,
    *,
    labelled: int = 500,
    unlabelled: int = 1500,
    draws: int = 3,
    seed: int = 0,
    pool: Sequence[str] | None = None,
    identity: Callable[[str], str] = str,
) -> Iterator[ContentSplit]:
    """Draws of labelled and unlabelled videos out of one pool, as for Tables 1 and 2 of the paper.

    The pool is the same for all draws. Whole contents are drawn, so a part may exceed its number by the last
    content's other videos. The unlabelled part has lost its scores.

    Args:
        manifest: Rated training videos.
        labelled: Videos of the labelled part.
        unlabelled: Videos of the unlabelled part; fewer when the pool ends before.
        draws: How many.
        seed: Of the first draw; the following ones take the next numbers.
        pool: Names of the videos to draw from; None draws ``labelled + unlabelled`` by ``seed``.
        identity: Tells names apart, see :class:`sslvqa.data.databases.base.Database`.

    Raises:
        DataError: The pool names a video that the manifest lacks, or is too small for the labelled part.
    """
    rated = manifest.labelled
    if pool is None:
        (rows,) = _fill(rated, (labelled + unlabelled,), seed=seed)
    else:
        rows = _named(rated, pool, identity)
    chosen = rated.select(rows)
    if len(chosen) <= labelled:
        raise DataError(
            f"{manifest.source}: the pool has {len(chosen)} videos for {labelled} labelled and some "
            "unlabelled ones; give a larger pool or ask for fewer"
        )
    for draw in range(seed, seed + draws):
        first, second = _fill(chosen, (labelled, unlabelled), seed=draw)
        hidden = chosen.select(replace(row, score=None) for row in second)
        yield ContentSplit({"labelled": chosen.select(first), "unlabelled": hidden}, draw)


def fifth_splits(manifest: Manifest, *, draws: int = 10, seed: int = 0) -> Iterator[ContentSplit]:
    """Splits in 20 % labelled, 20 % test and 60 % unlabelled contents, as for Table 3 of the paper.

    The paper does not say what its unlabelled videos were here; this part has lost its scores.

    Raises:
        DataError: There are fewer than three contents.
    """
    for draw in range(seed, seed + draws):
        split = split_by_content(manifest.labelled, fractions=_FIFTHS, seed=draw)
        rest = split.parts["unlabelled"]
        hidden = rest.select(replace(row, score=None) for row in rest.rows)
        yield ContentSplit({**split.parts, "unlabelled": hidden}, draw)


def info_splits(
    manifest: Manifest,
    info: SplitInfo,
    *,
    identity: Callable[[str], str],
    draws: int = 10,
    literal: bool = False,
) -> Iterator[ContentSplit]:
    """The 60/20/20 splits of an ``*info.mat`` file; a split's seed is the number of its permutation, from 0.

    Args:
        manifest: The database.
        info: The file.
        identity: Tells names apart, see :class:`sslvqa.data.databases.base.Database`.
        draws: How many of the permutations.
        literal: Split by the file's own content numbers, as published. The files in wide use number each
            video apart, so of CVD2014 and LIVE-Qualcomm the same scene is then trained and tested on; see
            :func:`shared_contents`. Otherwise a content goes where its first video in the permutation is.

    Raises:
        DataError: A video of one is not in the other, or there are not so many permutations.
    """
    rows = dict(zip(map(identity, info.names), _named(manifest, info.names, identity), strict=True))
    if len(info.permutations) < draws:
        raise DataError(f"{len(info.permutations)} permutations in the file, but {draws} splits asked for")
    ordered = [rows[identity(name)] for name in info.names]
    keys: list[int] | list[str] = list(info.reference_ids) if literal else [row.content for row in ordered]
    by_number: dict[int, list[int]] = {}
    for place, number in enumerate(info.reference_ids):
        by_number.setdefault(number, []).append(place)
    for draw in range(draws):
        numbers = [int(number) for number in info.permutations[draw]]
        places = (place for number in numbers for place in by_number.get(number, ()))
        contents = numbers if literal else list(dict.fromkeys(keys[place] for place in places))
        cut = math.ceil(0.6 * len(contents)), math.ceil(0.8 * len(contents))
        sides = {"train": set(contents[: cut[0]]), "val": set(contents[cut[0] : cut[1]])}
        sides["test"] = set(contents[cut[1] :])
        yield ContentSplit(
            {
                name: manifest.select(row for row, key in zip(ordered, keys, strict=True) if key in side)
                for name, side in sides.items()
            },
            draw,
        )


def shared_contents(split: ContentSplit) -> list[str]:
    """Contents that are in more than one part: empty unless a published split is taken literally."""
    seen: dict[str, str] = {}
    leaks: dict[str, None] = {}
    for name, part in split.parts.items():
        for content in part.contents:
            if seen.setdefault(content, name) != name:
                leaks[content] = None
    return list(leaks)


def write_splits(out: Path, splits: Sequence[ContentSplit], *, protocol: str, source: Manifest) -> Path:
    """Write each split as a folder of manifests, one a part, and ``splits.json`` with their hashes.

    Args:
        out: Folder, made if needed; ``00/labelled.csv``, ``00/test.csv``, ``01/...`` go there.
        splits: The splits.
        protocol: How they were made, in words.
        source: What was split.

    Returns:
        The path of ``splits.json``.
    """
    records: list[dict[str, Any]] = []
    for number, split in enumerate(splits):
        folder = out / f"{number:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, part in split.parts.items():
            write_manifest(folder / f"{name}.csv", part.rows)
        records.append(
            {
                "folder": folder.name,
                "seed": split.seed,
                "sha256": split.sha256,
                "videos": {name: len(part) for name, part in split.parts.items()},
                "shared_contents": len(shared_contents(split)),
            }
        )
    index = {
        "schema": 1,
        "protocol": protocol,
        "manifest": source.source.name,
        "manifest_sha256": source.sha256,
        "splits": records,
    }
    path = out / "splits.json"
    path.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return path


def _fill(manifest: Manifest, sizes: Sequence[int], *, seed: int) -> list[list[ManifestRow]]:
    """Deal contents, in an order drawn by the seed, to parts of at least these sizes; the rest is left."""
    contents = sorted(manifest.contents)
    members: dict[str, list[ManifestRow]] = {content: [] for content in contents}
    for row in manifest.rows:
        members[row.content].append(row)
    parts: list[list[ManifestRow]] = [[] for _ in sizes]
    place = 0
    for index in np.random.default_rng(seed).permutation(len(contents)):
        while place < len(sizes) and len(parts[place]) >= sizes[place]:
            place += 1
        if place == len(sizes):
            break
        parts[place] += members[contents[index]]
    return parts


def _named(manifest: Manifest, names: Sequence[str], identity: Callable[[str], str]) -> list[ManifestRow]:
    """Rows of the given names, each once, in the order of the names."""
    known = {identity(row.name): row for row in manifest.rows}
    keys = dict.fromkeys(map(identity, names))
    absent = [key for key in keys if key not in known]
    if absent:
        raise DataError(
            f"{manifest.source}: {len(absent)} of {len(keys)} named videos are not in it, "
            f"e.g. '{absent[0]}'; give the database that the names are of"
        )
    return [known[key] for key in keys]
