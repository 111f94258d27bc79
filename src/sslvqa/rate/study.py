"""A study in one SQLite file: videos, persons, their questions and answers."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sslvqa.errors import DataError
from sslvqa.rate.plan import Role, StudySettings, StudyVideo, plan_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Answer", "Question", "SessionState", "Study"]

_TABLES = """
CREATE TABLE study (schema INTEGER, settings TEXT);
CREATE TABLE video (number INTEGER PRIMARY KEY, path TEXT UNIQUE, content TEXT, role TEXT);
CREATE TABLE person (number INTEGER PRIMARY KEY, token TEXT UNIQUE, name TEXT, joined REAL, screen TEXT);
CREATE TABLE trial (
  person INTEGER REFERENCES person, position INTEGER, kind TEXT, left INTEGER REFERENCES video,
  right INTEGER REFERENCES video, break_before INTEGER,
  vote REAL, seconds REAL, answered REAL, PRIMARY KEY (person, position)
);
"""
_SCHEMA = 1
_NAME_LENGTH = 80
_SCREEN_LENGTH = 2000


class Question(NamedTuple):
    """The question a person is at."""

    position: int
    training: bool
    pair: bool
    break_before: bool


@dataclass(frozen=True, slots=True)
class SessionState:
    """Where a person is."""

    person: int
    screened: bool
    """Whether the screen check was done."""
    done: int
    """Questions answered, training included."""
    total: int
    question: Question | None
    """``None`` when all are answered."""


class Answer(NamedTuple):
    """One answered question."""

    person: int
    name: str
    position: int
    kind: str
    left: str
    """Path of the video."""
    right: str | None
    left_role: str
    vote: float
    """On the scale of the method; of pairs 1 for left, 0 for right, 0.5 for no preference."""
    seconds: float
    """From the end of the video to the answer, as the page measured it."""


class Study:
    """An existing study; every call opens the file anew, so that threads and processes may share it.

    Args:
        path: The SQLite file.

    Raises:
        DataError: No such file, or it is no study.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise DataError(f"no study {self.path}; make one with: sslvqa rate init {self.path} --videos DIR")
        try:
            with self._open() as base:
                schema, text = base.execute("SELECT schema, settings FROM study").fetchone()
                rows = base.execute(
                    "SELECT number, content, role, path FROM video ORDER BY number"
                ).fetchall()
        except (sqlite3.DatabaseError, TypeError) as error:
            raise DataError(f"{self.path} is no study ({error}); make one with: sslvqa rate init") from error
        if schema != _SCHEMA:
            raise DataError(f"{self.path} has schema {schema}; this version reads {_SCHEMA}")
        self.settings = StudySettings(**json.loads(text))
        self.videos = tuple(StudyVideo(number, content, role) for number, content, role, _ in rows)
        self._paths = {row[0]: Path(row[3]) for row in rows}

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files of the videos to be rated, in their order; anchors and training videos are left out."""
        return tuple(self._paths[video.number] for video in self.videos if video.role == "test")

    @classmethod
    def create(
        cls,
        path: Path | str,
        settings: StudySettings,
        videos: Sequence[Path],
        *,
        contents: Mapping[Path, str] | None = None,
        training: Sequence[Path] = (),
        high: Sequence[Path] = (),
        low: Sequence[Path] = (),
    ) -> Study:
        """Make a study.

        Args:
            path: The file, which must not exist.
            settings: How it is run.
            videos: To be rated.
            contents: What each shows; default every video its own.
            training: For the training questions; default some of ``videos``.
            high: Anchors that are plainly good, to catch careless raters.
            low: Anchors that are plainly bad.

        Raises:
            DataError: The file exists, a video does not, is listed twice, or there are too few.
        """
        target = Path(path)
        if target.exists():
            raise DataError(f"{target} exists already; a study is not overwritten, give another name")
        names = contents or {}
        roles: dict[Role, Sequence[Path]] = {"test": videos, "training": training, "high": high, "low": low}
        rows = [
            (str(item.resolve()), names.get(item, str(item)), role)
            for role, items in roles.items()
            for item in items
        ]
        _check_files([row[0] for row in rows])
        listed = [StudyVideo(number, row[1], row[2]) for number, row in enumerate(rows)]
        plan_session(listed, settings, asked={}, generator=np.random.default_rng(0))
        base = sqlite3.connect(target)
        try:
            base.execute("PRAGMA journal_mode = WAL")
            base.executescript(_TABLES)
            base.execute("INSERT INTO study VALUES (?, ?)", (_SCHEMA, json.dumps(asdict(settings))))
            base.executemany(
                "INSERT INTO video (path, content, role, number) VALUES (?, ?, ?, ?)",
                [(*row, number) for number, row in enumerate(rows)],
            )
            base.commit()
        except sqlite3.Error:
            target.unlink(missing_ok=True)
            raise
        finally:
            base.close()
        return cls(target)

    def join(self, name: str = "") -> str:
        """Add a person, draw their questions and return the token of their personal link."""
        token = secrets.token_urlsafe(16)
        with self._open() as base:
            base.execute("BEGIN IMMEDIATE")
            number = base.execute("SELECT COUNT(*) FROM person").fetchone()[0] + 1
            asked = dict(
                base.execute(
                    "SELECT video, COUNT(*) FROM (SELECT left AS video FROM trial WHERE kind = 'test' "
                    "UNION ALL SELECT right FROM trial WHERE kind = 'test' AND right IS NOT NULL) "
                    "GROUP BY video"
                ).fetchall()
            )
            generator = np.random.default_rng([self.settings.seed, number])
            trials = plan_session(self.videos, self.settings, asked=asked, generator=generator)
            base.execute(
                "INSERT INTO person VALUES (?, ?, ?, ?, NULL)",
                (number, token, name.strip()[:_NAME_LENGTH], time.time()),
            )
            base.executemany(
                "INSERT INTO trial (person, position, kind, left, right, break_before) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (number, place, trial.kind, trial.left, trial.right, int(trial.break_before))
                    for place, trial in enumerate(trials)
                ],
            )
        return token

    def state(self, token: str) -> SessionState:
        """Return where the person is: the first question without an answer.

        Raises:
            DataError: Nobody has this token.
        """
        with self._open() as base:
            person, screen = self._person(base, token)
            done, total = base.execute(
                "SELECT COUNT(vote), COUNT(*) FROM trial WHERE person = ?", (person,)
            ).fetchone()
            row = base.execute(
                "SELECT position, kind, right, break_before FROM trial WHERE person = ? AND vote IS NULL "
                "ORDER BY position LIMIT 1",
                (person,),
            ).fetchone()
        question = None
        if row is not None:
            question = Question(row[0], row[1] == "training", row[2] is not None, bool(row[3]))
        return SessionState(person, screen is not None, done, total, question)

    def store_screen(self, token: str, facts: Mapping[str, Any]) -> None:
        """Keep what the screen check found: window size, pixel ratio, steps seen.

        Raises:
            DataError: Nobody has this token, or the facts are no plain JSON of at most 2 000 characters.
        """
        try:
            text = json.dumps(dict(facts), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DataError(f"screen facts are no JSON: {error}") from error
        if len(text) > _SCREEN_LENGTH:
            raise DataError(f"screen facts have {len(text)} characters; at most {_SCREEN_LENGTH} are kept")
        with self._open() as base:
            person, _ = self._person(base, token)
            base.execute("UPDATE person SET screen = ? WHERE number = ?", (text, person))

    def answer(self, token: str, position: int, vote: float, *, seconds: float = 0.0) -> SessionState:
        """Store the answer to the question the person is at; the same answer sent twice counts once.

        Args:
            token: Of the person.
            position: Of the question.
            vote: On the scale of the method, whole numbers for ``acr5``; 1, 0 or 0.5 for pairs.
            seconds: Time taken.

        Returns:
            The state after it.

        Raises:
            DataError: Nobody has this token, the vote is off the scale, or it is not this question's turn.
        """
        self._check_vote(vote)
        with self._open() as base:
            base.execute("BEGIN IMMEDIATE")
            person, _ = self._person(base, token)
            turn, stored = base.execute(
                "SELECT (SELECT MIN(position) FROM trial WHERE person = :who AND vote IS NULL), "
                "(SELECT vote FROM trial WHERE person = :who AND position = :at)",
                {"who": person, "at": position},
            ).fetchone()
            if stored is None and turn != position:
                raise DataError(f"question {position} is not due; the next one is {turn}")
            if stored is None:
                base.execute(
                    "UPDATE trial SET vote = ?, seconds = ?, answered = ? WHERE person = ? AND position = ?",
                    (float(vote), max(0.0, min(float(seconds), 86400.0)), time.time(), person, position),
                )
        return self.state(token)

    def video_path(self, token: str, position: int, *, side: int = 0) -> Path:
        """Return the file of a question: side 0 is the left or only one, 1 the right one.

        Raises:
            DataError: The person has no such question.
        """
        with self._open() as base:
            person, _ = self._person(base, token)
            row = base.execute(
                "SELECT left, right FROM trial WHERE person = ? AND position = ?", (person, position)
            ).fetchone()
        if row is None or side not in {0, 1} or row[side] is None:
            raise DataError(f"question {position} has no video {side}")
        return self._paths[row[side]]

    def answers(self) -> list[Answer]:
        """Return all answers, by person and position."""
        with self._open() as base:
            rows = base.execute(
                "SELECT person, name, position, kind, a.path, b.path, a.role, vote, seconds FROM trial "
                "JOIN person ON person.number = person JOIN video a ON a.number = left "
                "LEFT JOIN video b ON b.number = right WHERE vote IS NOT NULL ORDER BY person, position"
            ).fetchall()
        return [Answer(*row) for row in rows]

    def _check_vote(self, vote: float) -> None:
        low, high = self.settings.scale
        steps = {"acr5": 1.0, "acr100": 1.0, "pair": 0.5}[self.settings.method]
        if not low <= vote <= high or vote % steps:
            raise DataError(
                f"vote is {vote:g}; {self.settings.method} takes {low} to {high} in steps of {steps:g}"
            )

    @staticmethod
    def _person(base: sqlite3.Connection, token: str) -> tuple[int, str | None]:
        row = base.execute("SELECT number, screen FROM person WHERE token = ?", (token,)).fetchone()
        if row is None:
            raise DataError("nobody has this link; ask for a new one")
        return int(row[0]), row[1]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open for one transaction: committed at the end, undone by an error."""
        base = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            yield base
            if base.in_transaction:
                base.execute("COMMIT")
        finally:
            base.close()


def _check_files(paths: Sequence[str]) -> None:
    for path in paths:
        if not Path(path).is_file():
            raise DataError(f"no video {path}; correct the path")
    repeated = next((path for path in paths if paths.count(path) > 1), None)
    if repeated is not None:
        raise DataError(
            f"{repeated} has two roles in the study; a video is rated, for training, or an anchor"
        )
