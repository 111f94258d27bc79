"""``sslvqa rate``: a study in which people rate videos."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sslvqa.cli.checks import check_folder, require_extra
from sslvqa.cli.options import TableOrJson
from sslvqa.cli.output import as_table, note, print_table
from sslvqa.cli.serve import show_link
from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from sslvqa.rate import RaterCheck

__all__ = ["export", "init", "serve_study"]

_Study = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's file (SQLite).")]


def init(
    study: _Study,
    videos: Annotated[
        Path, typer.Option(help="Folder of videos, or a table with a path column (e.g. of sslvqa choose).")
    ],
    *,
    method: Annotated[
        Literal["acr5", "acr100", "pair"],
        typer.Option(help="acr5: bad to excellent; acr100: slider 0..100; pair: which of two is better."),
    ] = "acr5",
    title: Annotated[str, typer.Option(help="Title of the page.")] = "Video quality",
    instructions: Annotated[
        Path | None, typer.Option(help="Text file added to the instructions.", show_default="none")
    ] = None,
    per_person: Annotated[
        int | None,
        typer.Option(help="Questions for each person.", show_default="all videos; as many pairs"),
    ] = None,
    training: Annotated[int, typer.Option(help="Training questions; their votes do not count.")] = 3,
    training_videos: Annotated[
        Path | None,
        typer.Option(help="Folder or table of videos for training.", show_default="the rated ones"),
    ] = None,
    repeats: Annotated[int, typer.Option(help="Questions that are asked twice, unannounced.")] = 3,
    anchor_high: Annotated[
        list[Path] | None, typer.Option(help="A plainly good video, to catch careless raters; repeatable.")
    ] = None,
    anchor_low: Annotated[
        list[Path] | None, typer.Option(help="A plainly bad video; may be repeated.")
    ] = None,
    break_every: Annotated[int, typer.Option(help="Questions between two breaks; 0: no breaks.")] = 25,
    seed: Annotated[int, typer.Option(help="Of everybody's random order.")] = 0,
) -> None:
    """Make a study. Nothing is copied: the videos stay where they are."""
    from sslvqa.data.manifest import read_manifest, scan_videos
    from sslvqa.rate import BROWSER_SUFFIXES, Study, StudySettings

    def listed(source: Path) -> dict[Path, str]:
        found = scan_videos(source) if source.is_dir() else read_manifest(source)
        return {row.path: row.content for row in found.rows}

    if instructions is not None and not instructions.is_file():
        raise ConfigError(f"--instructions {instructions}: there is no such file")
    settings = StudySettings(
        method=method,
        title=title,
        instructions="" if instructions is None else instructions.read_text(encoding="utf-8").strip(),
        per_person=per_person,
        training=training,
        repeats=repeats,
        break_every=break_every,
        seed=seed,
    )
    rated = listed(videos)
    practice = {} if training_videos is None else listed(training_videos)
    made = Study.create(
        study,
        settings,
        list(rated),
        contents=rated | practice,
        training=list(practice),
        high=anchor_high or [],
        low=anchor_low or [],
    )
    odd = sorted({path.name for path in rated if path.suffix.lower() not in BROWSER_SUFFIXES})
    if odd:
        note(f"warning: browsers may not play {', '.join(odd[:5])}{' …' if len(odd) > 5 else ''}")
    note(f"wrote {study}: {len(made.videos)} videos, {method}; next: sslvqa rate serve {study}")


def serve_study(
    study: _Study,
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but loopback needs a key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.", min=0, max=65535)] = 8001,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="SSLVQA_STUDY_KEY",
            help="Needed to join; at least 16 characters.",
            show_default="none on loopback, else a random one",
        ),
    ] = None,
) -> None:
    """Serve the page of a study until Ctrl-C; print the link to invite people with."""
    require_extra("web", "rate serve")
    import uvicorn

    from sslvqa.rate import Study
    from sslvqa.web.rating.app import LOOPBACK, create_app
    from sslvqa.web.server import listen_on

    local = host in LOOPBACK
    if key is not None and len(key) < 16:
        raise ConfigError(f"--key has {len(key)} characters; use 16 or more")
    if key is None and not local:
        key = secrets.token_urlsafe(16)
    app = create_app(Study(study), key=key, hosts=LOOPBACK if local else ())
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", log_config=None, access_log=False))
    with listen_on(host, port) as listener:
        show_link("invitation:", host, listener.getsockname()[1], "" if key is None else f"?key={key}")
        if not local:
            note("put a proxy with https in front: links and votes travel in the clear")
        server.run(sockets=[listener])


def export(
    study: _Study,
    out: Annotated[Path, typer.Option(help="CSV to write; sslvqa votes reads it.")],
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also training questions and anchors.")] = False,
    format_: TableOrJson = None,
) -> None:
    """Write the votes, and report how careful each person was."""
    from dataclasses import asdict

    from sslvqa.rate import Study, check_raters, write_votes

    check_folder("--out", out)
    found = Study(study)
    rows = write_votes(out, found, everything=everything)
    checks = check_raters(found)
    if as_table(format_):
        columns = ("rater", "votes", "repeats differ", "anchors", "same vote", "seconds", "flags")
        print_table(columns, [_cells(check) for check in checks])
    else:
        raters = [asdict(check) for check in checks]
        sys.stdout.write(json.dumps({"schema": 1, "votes": rows, "raters": raters}, indent=2) + "\n")
    note(f"wrote {out}: {rows} votes of {len(checks)} persons; next: sslvqa votes {out} --out ratings.csv")


def _cells(check: RaterCheck) -> list[str]:
    repeats = "–" if check.repeat_difference is None else f"{check.repeat_difference:.0%}"
    anchors = {None: "–", True: "reversed", False: "right"}[check.anchors_reversed]
    same, seconds = f"{check.same_vote_share:.0%}", f"{check.median_seconds:.1f}"
    return [
        check.rater,
        str(check.votes),
        repeats,
        anchors,
        same,
        seconds,
        "; ".join(check.reasons) or "none",
    ]
