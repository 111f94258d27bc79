"""What a study has found: checks of its raters, and a table of votes."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.data.manifest import relative_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sslvqa.rate.study import Answer, Study

__all__ = ["RaterCheck", "check_raters", "write_votes"]

REPEAT_LIMIT = 0.25
"""Largest mean difference of hidden repeats, as a share of the scale; for pairs, where it is the share
decided otherwise, twice that."""
MONOTONE_LIMIT = 0.9
"""Largest share of one and the same vote, from ten votes on."""
FAST_SECONDS = 0.3
"""Median time from the end of the video to the vote that nobody who thinks stays below."""


@dataclass(frozen=True, slots=True)
class RaterCheck:
    """One person of a study."""

    rater: str
    votes: int
    """Of test questions, without repeats."""
    repeat_difference: float | None
    """Mean difference of first and second vote, as a share of the scale, 0..1; ``None`` without repeats."""
    anchors_reversed: bool | None
    """Whether the bad anchors got at least the votes of the good ones; ``None`` without both."""
    same_vote_share: float
    """Share of the most frequent vote."""
    median_seconds: float
    reasons: tuple[str, ...]
    """Why the votes should be doubted; none for a careful person."""


def check_raters(study: Study) -> list[RaterCheck]:
    """Check every person who has answered a test question.

    A flag is a reason to look, not a verdict: ``sslvqa votes`` weighs careless raters down by itself.
    """
    grouped = groupby(study.answers(), key=lambda answer: answer.person)
    checks = [_check(study, list(answers)) for _, answers in grouped]
    return [check for check in checks if check.votes]


def write_votes(path: Path, study: Study, *, everything: bool = False) -> int:
    """Write the votes as ``sslvqa votes`` reads them and return how many rows.

    ACR: rater, video, vote, kind, position, seconds, flagged, content. Pairs: rater, left, right, preferred
    (left, right or none) and the same others. Paths are relative to the table where the videos lie below it.

    Args:
        path: The CSV.
        study: What was collected.
        everything: Also training questions and anchors, which are no ratings.
    """
    flagged = {check.rater for check in check_raters(study) if check.reasons}
    pair = study.settings.method == "pair"
    rows = [answer for answer in study.answers() if everything or answer.kind in {"test", "repeat"}]
    columns = ["left", "right", "preferred"] if pair else ["video", "vote"]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["rater", *columns, "kind", "position", "seconds", "flagged"])
        for answer in rows:
            rater = rater_name(answer)
            left = relative_name(Path(answer.left), path.parent)
            voted: list[str] = [left, f"{answer.vote:g}"]
            if answer.right is not None:
                preferred = {1.0: "left", 0.0: "right"}.get(answer.vote, "none")
                voted = [left, relative_name(Path(answer.right), path.parent), preferred]
            mark = "yes" if rater in flagged else "no"
            writer.writerow([rater, *voted, answer.kind, answer.position, f"{answer.seconds:.2f}", mark])
    return len(rows)


def rater_name(answer: Answer) -> str:
    """Name a person for tables: the number, and the name if one was given."""
    return f"{answer.person} {answer.name}".strip()


def _check(study: Study, answers: Sequence[Answer]) -> RaterCheck:
    low, high = study.settings.scale
    first = {(a.left, a.right): a.vote for a in answers if a.kind == "test"}
    differences = [
        abs(_same_way(a) - first[_key(a)]) for a in answers if a.kind == "repeat" and _key(a) in first
    ]
    repeat = float(np.mean(differences)) / (high - low) if differences else None
    reversed_ = _anchors_reversed([a for a in answers if a.kind == "anchor"])
    votes = np.array(list(first.values()))
    share = float(np.unique(votes, return_counts=True)[1].max() / votes.size) if votes.size else 0.0
    seconds = [a.seconds for a in answers if a.kind == "test"]
    median = float(np.median(seconds)) if seconds else 0.0
    limit = REPEAT_LIMIT * (2 if study.settings.method == "pair" else 1)
    found = (
        (repeat is not None and repeat > limit, f"repeats differ by {repeat or 0:.0%} of the scale"),
        (bool(reversed_), "bad anchors are rated as high as good ones"),
        (votes.size >= 10 and share > MONOTONE_LIMIT, f"{share:.0%} of the votes are the same"),
        (bool(seconds) and median < FAST_SECONDS, f"half of the votes came within {median:.2f} s"),
    )
    reasons = tuple(text for applies, text in found if applies)
    return RaterCheck(rater_name(answers[0]), int(votes.size), repeat, reversed_, share, median, reasons)


def _key(answer: Answer) -> tuple[str, str | None]:
    """Return the videos of a repeat as the first time had them: pairs come back with sides exchanged."""
    return (answer.left, None) if answer.right is None else (answer.right, answer.left)


def _same_way(answer: Answer) -> float:
    return answer.vote if answer.right is None else 1 - answer.vote


def _anchors_reversed(anchors: Sequence[Answer]) -> bool | None:
    """Return whether good anchors do not beat bad ones; ``None`` if that was not asked."""
    if any(anchor.right is not None for anchor in anchors):
        right = [a.vote if a.left_role == "high" else 1 - a.vote for a in anchors]
        return float(np.mean(right)) <= 0.5
    high, low = ([a.vote for a in anchors if a.left_role == role] for role in ("high", "low"))
    return float(np.mean(high)) <= float(np.mean(low)) if high and low else None
