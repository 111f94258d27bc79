"""Raw votes: who gave which video which number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from sslvqa.data.cells import is_number, raise_problems, read_cells, select_lines
from sslvqa.errors import ConfigError, DataError, ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Repeats", "VoteTable", "Votes", "check_scale", "merge_repeats", "read_votes"]

Repeats = Literal["mean", "latest", "first"]

RATER_NAMES = ("rater", "observer", "subject", "participant", "worker", "user", "person", "rater_id")
VIDEO_NAMES = (
    "video",
    "path",
    "filename",
    "file",
    "file_name",
    "video_name",
    "stimulus",
    "pvs",
    "image",
    "name",
)
VOTE_NAMES = ("vote", "rating", "score", "opinion", "opinion_score")
_NOT_RATERS = ("content", "split", "scene")
_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "–"})
_EXPECTED = "the columns rater, video and vote, or one column for the video and one for each rater"


@dataclass(frozen=True)
class Votes:
    """Votes as three aligned vectors; any of the videos may lack any of the raters."""

    videos: tuple[str, ...]
    raters: tuple[str, ...]
    video: NDArray[np.intp]
    """Index into ``videos`` of each vote."""
    rater: NDArray[np.intp]
    """Index into ``raters`` of each vote."""
    value: NDArray[np.float64]
    """The votes, higher is better."""

    def __len__(self) -> int:
        """Count the votes."""
        return int(self.value.size)

    def only(self, kept: NDArray[np.bool_]) -> Votes:
        """Return the chosen votes; videos and raters stay listed."""
        return Votes(self.videos, self.raters, self.video[kept], self.rater[kept], self.value[kept])

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[str, str, float]]) -> Votes:
        """Gather (rater, video, vote) rows; names keep the order of appearance.

        Raises:
            DataError: There is no row.
        """
        items = list(rows)
        if not items:
            raise DataError("there are no votes; expected rows of rater, video and vote")
        raters = {name: index for index, name in enumerate(dict.fromkeys(row[0] for row in items))}
        videos = {name: index for index, name in enumerate(dict.fromkeys(row[1] for row in items))}
        return cls(
            tuple(videos),
            tuple(raters),
            np.array([videos[row[1]] for row in items], dtype=np.intp),
            np.array([raters[row[0]] for row in items], dtype=np.intp),
            np.array([row[2] for row in items], dtype=np.float64),
        )


class VoteTable(NamedTuple):
    """What a file of votes holds."""

    votes: Votes
    contents: dict[str, str]
    """Content of each video, where the file has such a column."""
    missing: int
    """Cells without a vote."""
    bad: tuple[str, ...]
    """One line for each vote that was left out, with its line number."""


def read_votes(
    path: Path | str,
    *,
    rater_column: str | None = None,
    video_column: str | None = None,
    vote_column: str | None = None,
    where: Mapping[str, str] | None = None,
    scale: tuple[float, float] | None = None,
    skip_bad: bool = False,
) -> VoteTable:
    """Read votes, long (a row a vote: rater, video, vote) or wide (a row a video, a column a rater).

    A file with a vote column is long; one without is wide, and every column besides the video, ``content``,
    ``split`` and ``scene`` is a rater. Empty cells, NA, NaN and - are missing votes.

    Args:
        path: CSV with a header; commas, semicolons or tabs.
        rater_column: When it is none of rater, observer, subject, participant, worker, user.
        video_column: When it is none of video, path, filename, image ...; several joined by commas name the
            video together, as ``a/b``.
        vote_column: When it is none of vote, rating, score, opinion.
        where: Keep only lines with these values, by column.
        scale: Lowest and highest vote allowed.
        skip_bad: Leave out votes that are not numbers or off the scale, instead of raising.

    Raises:
        ManifestError: No such columns, or (without ``skip_bad``) every bad vote by line number.
        DataError: No vote is left.
        ConfigError: ``scale`` is upside down.
    """
    check_scale(scale)
    table = Path(path)
    lines = read_cells(table, expected=_EXPECTED)
    columns = _find_columns(table, lines[0], rater_column, video_column, vote_column)
    body = select_lines(table, lines, where or {})
    rows: list[tuple[str, str, float]] = []
    problems: list[str] = []
    missing = 0
    for rater, video, text, where_ in _entries(table.name, lines[0][1], body, columns):
        if text.lower() in _MISSING:
            missing += 1
        elif problem := _problem(rater, video, text, scale):
            problems.append(f"{where_}: {problem}")
        else:
            rows.append((rater, video, float(text)))
    if not skip_bad:
        raise_problems(problems)
    if not rows:
        raise DataError(
            f"{table} holds no vote{' that can be used' if problems else ''}; expected {_EXPECTED}"
        )
    return VoteTable(Votes.from_rows(rows), _contents(lines[0][1], body, columns), missing, tuple(problems))


def merge_repeats(votes: Votes, *, repeats: Repeats = "mean") -> tuple[Votes, int]:
    """Leave one vote for each rater and video.

    Args:
        votes: Votes in the order they were given.
        repeats: Several votes of one person for one video become their mean, the latest or the first.

    Returns:
        The votes, ordered by video and rater, and how many were merged away.

    Raises:
        ConfigError: Another rule.
    """
    if repeats not in {"mean", "latest", "first"}:
        raise ConfigError(f"repeats is {repeats!r}; it must be mean, latest or first")
    key = votes.video * len(votes.raters) + votes.rater
    unique, first, inverse, counts = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    if repeats == "mean":
        value = np.bincount(inverse, weights=votes.value) / counts
    elif repeats == "first":
        value = votes.value[first]
    else:
        last = len(votes) - 1 - np.unique(key[::-1], return_index=True)[1]
        value = votes.value[last]
    raters = len(votes.raters)
    merged = Votes(votes.videos, votes.raters, unique // raters, unique % raters, value)
    return merged, len(votes) - len(merged)


def check_scale(scale: tuple[float, float] | None) -> None:
    """Refuse a scale whose lowest vote is not below its highest.

    Raises:
        ConfigError: It is not.
    """
    if scale is not None and not scale[0] < scale[1]:
        raise ConfigError(f"scale is {scale[0]:g} {scale[1]:g}; the lowest vote comes first, e.g. 1 5")


class _Columns(NamedTuple):
    video: tuple[int, ...]
    rater: int | None
    vote: int | None
    """``None``: a wide table."""
    raters: tuple[int, ...]
    """Of a wide table."""


def _find_columns(
    table: Path, header: tuple[int, list[str]], rater: str | None, video: str | None, vote: str | None
) -> _Columns:
    number, names = header[0], [cell.lower() for cell in header[1]]
    repeated = [name for name, count in Counter(names).items() if count > 1 and name]
    if repeated:
        raise ManifestError(
            f"{table.name}:{number}: column '{repeated[0]}' appears twice; rename one of the two"
        )

    def find(wanted: str | None, usual: Sequence[str], option: str) -> int | None:
        if wanted is not None and wanted.lower() not in names:
            raise ManifestError(
                f"{table.name}:{number}: no column '{wanted}'; "
                f"{option} must name one of: {', '.join(header[1])}"
            )
        found = [name for name in ([wanted.lower()] if wanted else usual) if name in names]
        return names.index(found[0]) if found else None

    wanted = [None] if video is None else [part.strip() for part in video.split(",")]
    videos = tuple(at for part in wanted if (at := find(part, VIDEO_NAMES, "--video-column")) is not None)
    if not videos:
        raise ManifestError(
            f"{table.name}:{number}: no video column among '{', '.join(header[1])}'; expected one of "
            f"{', '.join(VIDEO_NAMES)}, or name it with --video-column"
        )
    of_rater = find(rater, RATER_NAMES, "--rater-column")
    of_vote = find(vote, VOTE_NAMES, "--vote-column")
    if of_rater is not None and of_vote is not None:
        return _Columns(videos, of_rater, of_vote, ())
    if rater is not None or vote is not None or of_vote is not None or of_rater is not None:
        lacking = "vote" if of_vote is None else "rater"
        raise ManifestError(
            f"{table.name}:{number}: no {lacking} column among '{', '.join(header[1])}'; "
            f"name it with --{lacking}-column"
        )
    used = {*videos, *(names.index(name) for name in _NOT_RATERS if name in names)}
    raters = tuple(at for at, name in enumerate(names) if at not in used and name)
    if not raters:
        raise ManifestError(f"{table.name}:{number}: no column of votes; expected {_EXPECTED}")
    return _Columns(videos, None, None, raters)


def _entries(
    name: str, header: Sequence[str], body: Iterable[tuple[int, list[str]]], columns: _Columns
) -> Iterable[tuple[str, str, str, str]]:
    """Yield (rater, video, text of the vote, place) for each cell that may hold a vote."""
    for number, cells in body:
        video = "/".join(cells[at] for at in columns.video)
        if columns.vote is not None and columns.rater is not None:
            yield cells[columns.rater], video, cells[columns.vote], f"{name}:{number}"
            continue
        for at in columns.raters:
            yield header[at], video, cells[at], f"{name}:{number}, column '{header[at]}'"


def _problem(rater: str, video: str, text: str, scale: tuple[float, float] | None) -> str | None:
    if not video.strip("/"):
        return "the video is empty; expected its path or name"
    if not rater:
        return "the rater is empty; expected a name or number"
    if not is_number(text):
        return f"vote is '{text}'; expected a number, or an empty cell for a missing vote"
    if scale is not None and not scale[0] <= float(text) <= scale[1]:
        return f"vote is {text}; expected {scale[0]:g} to {scale[1]:g}"
    return None


def _contents(
    header: Sequence[str], body: Iterable[tuple[int, list[str]]], columns: _Columns
) -> dict[str, str]:
    names = [cell.lower() for cell in header]
    if "content" not in names:
        return {}
    at = names.index("content")
    return {"/".join(cells[part] for part in columns.video): cells[at] for _, cells in body if cells[at]}
