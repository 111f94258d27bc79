"""``sslvqa votes``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sslvqa.cli.checks import check_folder
from sslvqa.cli.options import TableOrJson
from sslvqa.cli.output import as_table, note, print_json, print_table
from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from sslvqa.rate import Ratings

__all__ = ["votes"]


def votes(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="RAW.csv",
            help="Rows rater,video,vote; or a row a video, a column a rater; or rater,left,right,preferred.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="CSV to write: path, score, std_error ...; sslvqa train --labels takes it.")
    ],
    *,
    method: Annotated[
        Literal["recovery", "published", "mean"],
        typer.Option(
            help="recovery: maximum likelihood, restricted; published: P.910's to the letter; mean: MOS."
        ),
    ] = "recovery",
    screen: Annotated[
        bool | None,
        typer.Option(
            "--screen/--no-screen", help="Leave out raters whom BT.500 rejects.", show_default="for mean only"
        ),
    ] = None,
    repeats: Annotated[
        Literal["mean", "latest", "first"], typer.Option(help="Of several votes of a rater for a video.")
    ] = "mean",
    scale: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Lowest and highest vote, e.g. 1 5; other votes are bad.", show_default="as found"),
    ] = None,
    rater_column: Annotated[
        str | None,
        typer.Option(help="Name of the rater column.", show_default="rater, observer, subject ..."),
    ] = None,
    video_column: Annotated[
        str | None,
        typer.Option(help="Of the video column; several with commas.", show_default="video, path, image ..."),
    ] = None,
    vote_column: Annotated[
        str | None, typer.Option(help="Name of the vote column.", show_default="vote, rating, score ...")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Only lines with COLUMN=VALUE; may be repeated.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out votes that are not numbers or off the scale.")
    ] = False,
    coverage: Annotated[float, typer.Option(help="Of the confidence intervals, 0..1.")] = 0.95,
    seed: Annotated[int, typer.Option(help="Seed of the split-half correlation.")] = 0,
    format_: TableOrJson = None,
) -> None:
    """Turn raw votes into ratings with confidence intervals, and report on the raters.

    Exit code 0: done; 1: some votes were left out; 2: wrong use, or a table that cannot be read.
    """
    from sslvqa.rate import is_pair_table, rate_videos, read_votes, write_ratings

    check_folder("--out", out)
    conditions = _conditions(where or [])
    if is_pair_table(table):
        graded = {
            "--screen": screen,
            "--scale": scale,
            "--rater-column": rater_column,
            "--video-column": video_column,
            "--vote-column": vote_column,
            "--skip-bad": skip_bad or None,
        }
        wrong = next((option for option, value in graded.items() if value is not None), None)
        if wrong is not None:
            raise ConfigError(f"{wrong} is about grades, but {table} holds pairs; leave it out")
        _pairs(table, out, where=conditions, coverage=coverage, tabular=as_table(format_))
        return
    found = read_votes(
        table,
        rater_column=rater_column,
        video_column=video_column,
        vote_column=vote_column,
        where=conditions,
        scale=scale,
        skip_bad=skip_bad,
    )
    ratings = rate_videos(
        found.votes,
        method=method,
        screen=screen,
        repeats=repeats,
        scale=scale,
        coverage=coverage,
        seed=seed,
    )
    write_ratings(out, ratings, contents=found.contents)
    reading = {"missing": found.missing, "bad": list(found.bad), "out": str(out)}
    _report(ratings, reading, repeats, tabular=as_table(format_))
    if found.bad:
        raise typer.Exit(1)


def _pairs(table: Path, out: Path, *, where: dict[str, str], coverage: float, tabular: bool) -> None:
    from sslvqa.rate import bradley_terry, read_pairs, write_pair_scores

    scores = bradley_terry(read_pairs(table, where=where))
    write_pair_scores(out, scores, coverage=coverage)
    if not tabular:
        print_json(scores.to_dict() | {"out": str(out)})
        return
    print_table(("rater", "agrees with the scores"), [(k, f"{v:.2f}") for k, v in scores.agreement.items()])
    note(f"wrote {out}: {len(scores.videos)} videos, Bradley-Terry scores in logits, mean 0")
    for warning in scores.warnings:
        note(f"warning: {warning}")


def _report(ratings: Ratings, reading: dict[str, Any], repeats: str, *, tabular: bool) -> None:
    summary = ratings.to_dict() | reading
    if not tabular:
        print_json(summary)
        return
    columns = ("rater", "votes", "bias", "inconsistency", "agreement", "P", "Q", "BT.500")
    print_table(columns, [_cells(rater) for rater in summary["raters"]])
    few, many = summary["votes_per_video"]
    note(
        f"wrote {reading['out']}: {summary['videos']} videos, {few} to {many} votes each, by {ratings.method}"
    )
    if ratings.repeats_merged:
        note(f"{ratings.repeats_merged} votes were of the same rater and video: {repeats} taken")
    for line in reading["bad"]:
        note(f"left out: {line}")
    rejected = [rater.rater for rater in ratings.raters if rater.rejected]
    if rejected:
        note(
            f"BT.500 rejects {', '.join(rejected)}{': left out' if ratings.screened else ', who count still'}"
        )
    for warning in ratings.warnings:
        note(f"warning: {warning}")
    if ratings.split_half is not None:
        half = ratings.split_half
        first, second = half.raters
        note(f"MOS of {first} against {second} raters: PLCC {half.plcc:.3f}, SROCC {half.srocc:.3f}")
    if summary["sos"] is not None:
        note(f"SOS parameter a = {summary['sos']:.3f} on {ratings.scale[0]:g}..{ratings.scale[1]:g}")


def _cells(rater: dict[str, Any]) -> list[str]:
    numbers = [
        "–" if rater[key] is None else f"{rater[key]:.2f}" for key in ("bias", "inconsistency", "agreement")
    ]
    verdict = "rejected" if rater["rejected"] else "kept"
    return [rater["rater"], str(rater["votes"]), *numbers, str(rater["above"]), str(rater["below"]), verdict]


def _conditions(items: list[str]) -> dict[str, str]:
    pairs = [item.partition("=") for item in items]
    wrong = next((item for item, pair in zip(items, pairs, strict=True) if not (pair[0] and pair[1])), None)
    if wrong is not None:
        raise ConfigError(f"--where is {wrong!r}; it must be COLUMN=VALUE, e.g. session=1")
    return {name.strip(): value.strip() for name, _, value in pairs}
