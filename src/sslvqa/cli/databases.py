"""``sslvqa data list|check|make|split``: the field's databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sslvqa.cli.checks import check_folder
from sslvqa.cli.options import TableOrJson
from sslvqa.cli.output import as_table, note, open_output, print_json, print_table, track
from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sslvqa.data.databases.check import FileCheck
    from sslvqa.data.databases.load import LoadedDatabase
    from sslvqa.data.manifest import Manifest
    from sslvqa.data.splits import ContentSplit

__all__ = ["check", "list_", "make", "split"]

Name = Annotated[str, typer.Argument(help="Of the database (see: sslvqa data list).")]
Root = Annotated[Path, typer.Argument(help="Its folder; videos may be anywhere below.")]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="Label file: the official one, lines 'path, duration, fps, MOS', JSON or *info.mat.",
        show_default="the official one in ROOT",
    ),
]
Protocol = Literal["official", "paper", "fifths", "info"]
_USED: dict[Protocol, tuple[str, ...]] = {
    "official": (),
    "paper": ("--draws", "--seed", "--labelled", "--unlabelled", "--pool", "--database"),
    "fifths": ("--draws", "--seed"),
    "info": ("--draws", "--info", "--literal", "--database"),
}
"""Options of ``split`` that a protocol looks at."""


def list_(
    format_: TableOrJson = None,
) -> None:
    """List the databases that can be checked and made: size, scale, licence, and where their owners are."""
    from sslvqa.data.databases import DATABASES

    if as_table(format_):
        columns = ("name", "videos", "scale", "licence", "published at")
        rows = [
            (item.name, str(item.videos), item.scale or "pristine", item.licence, item.owners)
            for item in DATABASES.values()
        ]
        print_table(columns, rows, text=columns[2:])
        return
    keys = ("name", "title", "videos", "scale", "licence", "owners", "cite")
    found = [{key: getattr(item, key) for key in keys} for item in DATABASES.values()]
    print_json({"schema": 1, "databases": found})


def check(
    name: Name,
    root: Root,
    *,
    labels: Labels = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File for the records, one JSON object a video.", show_default="stdout"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the records of videos that --out has as good.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes that read videos.")] = 1,
    timeout_seconds: Annotated[float, typer.Option(help="Longest time for one video.")] = 300.0,
) -> None:
    """Count, hash and decode the videos of a database, and name what is missing or broken.

    Exit code 0: all is well; 1: videos are missing, broken or double; 2: wrong use, no label file.
    """
    from sslvqa.data.databases.check import check_files, same_bytes

    if resume and out is None:
        raise ConfigError("--resume continues the file of --out; give one")
    loaded = _load(name, root, labels)
    done = _finished(out) if resume and out is not None else {}
    rows = [row for row in loaded.manifest.rows if str(row.path) not in done]
    found: list[FileCheck] = []
    with open_output(out) as stream:
        for item in [*done.values(), *_absent(loaded)]:
            found.append(item)
            stream.write(json.dumps(item.to_json()) + "\n")
        stream.flush()
        checks = check_files(rows, workers=workers, timeout_seconds=timeout_seconds)
        for item in track(checks, total=len(rows), label="checking"):
            found.append(item)
            stream.write(json.dumps(item.to_json()) + "\n")
            stream.flush()
    bad = [item for item in found if item.error is not None]
    twins = same_bytes(found)
    for item in bad:
        note(f"{item.name}: {item.error}")
    for group in twins:
        note(f"the same bytes: {', '.join(group)}")
    _summary(loaded)
    missing = len(loaded.missing)
    note(f"{len(found) - len(bad)} good, {missing} missing, {len(bad) - missing} broken")
    if bad or twins or loaded.doubles:
        raise typer.Exit(1)


def make(
    name: Name,
    root: Root,
    out: Annotated[Path, typer.Option(help="Manifest to write (CSV): path, score, content, split ...")],
    *,
    labels: Labels = None,
) -> None:
    """Write the manifest of a database, of the videos that are there.

    Exit code 0: all listed videos are there; 1: some are missing; 2: wrong use, no label file.
    """
    from sslvqa.data.manifest import write_manifest

    check_folder("--out", out)
    loaded = _load(name, root, labels)
    if not loaded.manifest.rows:
        raise ConfigError(f"none of the {loaded.labels} videos of {loaded.database.title} is in {root}")
    write_manifest(out, loaded.manifest.rows)
    for label in loaded.missing:
        note(f"{label.name}: no such file")
    _summary(loaded)
    note(f"wrote {out}: {len(loaded.manifest)} videos, {len(loaded.missing)} missing")
    if loaded.missing:
        raise typer.Exit(1)


def split(
    manifests: Annotated[
        list[Path], typer.Argument(help="As sslvqa data make writes them, e.g. the parts of LSVQ.")
    ],
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="official: by the split column; paper: labelled and unlabelled draws (Tables 1, 2); fifths: "
            "20 % labelled, 20 % test (Table 3); info: 60/20/20 by the permutations of an *info.mat."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write: 00/labelled.csv ... and splits.json.")],
    *,
    draws: Annotated[int | None, typer.Option(help="Splits.", show_default="paper 3, others 10")] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="paper, fifths: of the first draw; the next ones take the next numbers.", show_default="0"
        ),
    ] = None,
    labelled: Annotated[int | None, typer.Option(help="paper: labelled videos.", show_default="500")] = None,
    unlabelled: Annotated[
        int | None, typer.Option(help="paper: unlabelled videos.", show_default="1500")
    ] = None,
    pool: Annotated[
        Path | None,
        typer.Option(help="paper: list of the videos to draw from.", show_default="drawn by the seed"),
    ] = None,
    info: Annotated[Path | None, typer.Option(help="info: the *info.mat file.")] = None,
    literal: Annotated[
        bool, typer.Option("--literal", help="info: as published, even if one content is on two sides.")
    ] = False,
    database: Annotated[
        str | None,
        typer.Option(help="Whose names the list has (see: sslvqa data list).", show_default="by file name"),
    ] = None,
) -> None:
    """Split manifests by a published protocol: seeded, hashed, no content on two sides."""
    from sslvqa.data.manifest import read_manifest
    from sslvqa.data.protocols import official_split, paper_draws, shared_contents, write_splits

    given = {
        "--draws": draws,
        "--seed": seed,
        "--labelled": labelled,
        "--unlabelled": unlabelled,
        "--pool": pool,
        "--info": info,
        "--literal": literal or None,
        "--database": database,
    }
    _check_options(protocol, {name for name, value in given.items() if value is not None})
    tables = [read_manifest(path) for path in manifests]
    table = tables[0].select(row for part in tables for row in part.rows)
    identity = _identity(database)
    splits: Iterator[ContentSplit]
    if protocol == "official":
        splits = iter((official_split(table),))
    elif protocol == "paper":
        splits = paper_draws(
            table,
            labelled=500 if labelled is None else labelled,
            unlabelled=1500 if unlabelled is None else unlabelled,
            draws=3 if draws is None else draws,
            seed=seed or 0,
            pool=None if pool is None else _names(pool),
            identity=identity,
        )
    else:
        splits = _many(
            table, info, identity, literal=literal, draws=10 if draws is None else draws, seed=seed or 0
        )
    found = tuple(splits)
    path = write_splits(out, found, protocol=protocol, source=table)
    for number, item in enumerate(found):
        counts = ", ".join(f"{len(part)} {name}" for name, part in item.parts.items())
        leaks = len(shared_contents(item))
        warning = f"; {leaks} contents are in two parts" if leaks else ""
        note(f"{number:02d}: {counts}; hash {item.sha256[:12]}{warning}")
    typer.echo(str(path))


def _check_options(protocol: Protocol, given: set[str]) -> None:
    """Refuse options that the protocol would pass over, and ``info`` without its file."""
    unused = sorted(given.difference(_USED[protocol]))
    if unused:
        raise ConfigError(f"--protocol {protocol} does not use {', '.join(unused)}; leave it out")
    if protocol == "info" and "--info" not in given:
        raise ConfigError("--protocol info needs --info, the *info.mat file")


def _many(
    table: Manifest,
    info: Path | None,
    identity: Callable[[str], str],
    *,
    literal: bool,
    draws: int,
    seed: int,
) -> Iterator[ContentSplit]:
    from sslvqa.data.info import read_info
    from sslvqa.data.protocols import fifth_splits, info_splits

    if info is None:
        return fifth_splits(table, draws=draws, seed=seed)
    return info_splits(table, read_info(info), identity=identity, draws=draws, literal=literal)


def _load(name: str, root: Path, labels: Path | None) -> LoadedDatabase:
    from sslvqa.data.databases import find_database
    from sslvqa.data.databases.load import load_database

    return load_database(find_database(name), root, labels=labels)


def _identity(database: str | None) -> Callable[[str], str]:
    from sslvqa.data.databases import find_database
    from sslvqa.data.databases.base import stem

    return stem if database is None else find_database(database).identity


def _names(path: Path) -> list[str]:
    from sslvqa.data.databases.tables import read_any_list

    return [label.name for label in read_any_list(path)]


def _summary(loaded: LoadedDatabase) -> None:
    database = loaded.database
    for line in loaded.doubles:
        note(line)
    if loaded.unlisted:
        note(f"{len(loaded.unlisted)} files are not in the list, e.g. {loaded.unlisted[0]}")
    note(f"{database.title}: {loaded.count_note}; hash of those here {loaded.sha256[:12]}")
    note(f"licence: {database.licence}; published at {database.owners}")


def _absent(loaded: LoadedDatabase) -> list[FileCheck]:
    from sslvqa.data.databases.check import FileCheck

    return [FileCheck(label.name, "", "no such file") for label in loaded.missing]


def _finished(out: Path) -> dict[str, FileCheck]:
    """Records of good videos of an earlier run whose file has not changed in size, by path."""
    from sslvqa.data.databases.check import FileCheck

    done: dict[str, FileCheck] = {}
    for line in out.read_text(encoding="utf-8").split("\n") if out.is_file() else ():
        try:
            record: dict[str, Any] = json.loads(line)
            record.pop("schema")
            item = FileCheck(**record)
        except (ValueError, TypeError, KeyError):
            continue  # the line that an interrupt cut
        path = Path(item.path)
        if item.error is None and path.is_file() and path.stat().st_size == item.bytes:
            done[item.path] = item
    return done
