"""The folder in which a model is taught; its files are its state, so that a restart loses nothing.

::

    records.ndjson    scores and features of the videos, by model
    list.csv          the videos that were chosen last, as sslvqa choose writes them
    study-01.sqlite   a study, as sslvqa rate init makes it; votes-01.csv its votes
    ratings.csv       the ratings from all studies together; ratings.json the report on them
    train.toml        optional: settings of sslvqa train over those of the preset
    run-01/           a training run, see sslvqa.web.teach.runs
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sslvqa.data.manifest import read_manifest, scan_videos
from sslvqa.errors import ConfigError, DataError
from sslvqa.locks import try_lock
from sslvqa.rate import (
    BROWSER_SUFFIXES,
    Study,
    Votes,
    check_raters,
    rate_videos,
    read_votes,
    write_ratings,
    write_votes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filelock import BaseFileLock

    from sslvqa.rate import RaterCheck, StudySettings

__all__ = ["StudyFacts", "TeachFolder"]


class TeachFolder:
    """Studies and ratings of the videos below another folder.

    Args:
        path: Made if absent.
        videos: Folder of the videos; their names are paths below it.

    Raises:
        ConfigError: ``path`` is no folder and cannot become one.
    """

    def __init__(self, path: Path, videos: Path) -> None:
        self.path, self.root = path.resolve(), videos.resolve()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"teach is {path}; it cannot be made ({error}); give another folder") from error

    def claim(self) -> BaseFileLock:
        """Keep other servers from the folder, until the lock is released.

        Raises:
            ConfigError: Another one has it.
        """
        lock = try_lock(self.path / ".lock")
        if lock is None:
            raise ConfigError(
                f"{self.path} is in use by another sslvqa serve; stop that one, or give another --teach"
            )
        return lock

    def next_name(self, kind: Literal["study", "run"]) -> str:
        """The name of a study or run to come: ``study-01``, ``study-02`` ..."""
        stems = (path.stem.removeprefix(f"{kind}-") for path in self.path.glob(f"{kind}-*"))
        return f"{kind}-{1 + max((int(stem) for stem in stems if stem.isdigit()), default=0):02}"

    # --- videos

    def videos(self) -> list[str]:
        """Names of the videos that browsers play, sorted."""
        try:
            found = scan_videos(self.root).rows
        except DataError:  # none yet
            return []
        return [
            row.name
            for row in found
            if row.path.suffix.lower() in BROWSER_SUFFIXES and row.path.resolve().is_relative_to(self.root)
        ]

    def name_of(self, path: str | Path) -> str:
        """The name of a video by its path in a table of this folder."""
        full = (self.path / path).resolve()
        return full.relative_to(self.root).as_posix() if full.is_relative_to(self.root) else str(full)

    # --- studies

    def studies(self) -> dict[str, Study]:
        """All studies by name, oldest first."""
        return {path.stem: Study(path) for path in sorted(self.path.glob("study-*.sqlite"))}

    def study(self, name: str) -> Study:
        """One study.

        Raises:
            DataError: There is none of this name.
        """
        found = sorted(path for path in self.path.glob("study-*.sqlite") if path.stem == name)
        if not found:
            raise DataError(f"there is no study {name!r}")
        return Study(found[0])

    def create_study(self, names: Sequence[str], settings: StudySettings) -> str:
        """Make a study of videos and return its name.

        Raises:
            DataError: A name is no video of the folder, or earlier studies ask by another method.
        """
        known = set(self.videos())
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise DataError(f"{unknown[:200]!r} is no video of the folder that a browser plays")
        earlier = self.studies()
        methods = {study.settings.method for study in earlier.values()}
        if methods - {settings.method}:
            raise DataError(
                f"the studies in {self.path.name} use {methods.pop()}; votes of {settings.method} lie on "
                "another scale: use the same, or teach in another folder"
            )
        name = self.next_name("study")
        fitting = replace(
            settings,
            training=min(settings.training, len(names)),
            repeats=min(settings.repeats, len(names) // 2),
        )
        Study.create(self.path / f"{name}.sqlite", fitting, [self.root / item for item in names])
        return name

    def scale(self) -> tuple[int, int]:
        """Lowest and highest vote of the studies.

        Raises:
            DataError: There is no study.
        """
        study = next(iter(self.studies().values()), None)
        if study is None:
            raise DataError("there is no study yet; make one first")
        return study.settings.scale

    def facts(self, name: str) -> StudyFacts:
        """How a study goes."""
        return StudyFacts(self, self.study(name))

    # --- ratings

    def rate(self, *, leave_out_flagged: bool = False) -> dict[str, Any]:
        """Turn the votes of all studies into ``ratings.csv`` and return the report on them.

        With one rater the ratings are that person's votes; with more, bias and care of each are recovered,
        see :func:`sslvqa.rate.rate_videos`. A person of two studies counts as two.

        Raises:
            DataError: There are no votes, or all are the same.
        """
        rows: list[tuple[str, str, float]] = []
        scale = None
        for name, study in self.studies().items():
            table = self.path / f"votes-{name.removeprefix('study-')}.csv"
            scale = study.settings.scale
            if write_votes(table, study):
                where = {"flagged": "no"} if leave_out_flagged else None
                votes = read_votes(table, where=where, scale=scale).votes
                for rater, video, value in zip(votes.rater, votes.video, votes.value, strict=True):
                    rows.append((f"{name} {votes.raters[rater]}", votes.videos[video], float(value)))
        votes = Votes.from_rows(rows)
        several = len(set(votes.rater.tolist())) > 1
        ratings = rate_videos(votes, method="recovery" if several else "mean", scale=scale)
        scratch = self.path / "ratings.csv.part"
        write_ratings(scratch, ratings)
        scratch.replace(self.path / "ratings.csv")  # at once: a training may be about to read it
        report = ratings.to_dict()
        (self.path / "ratings.json").write_text(json.dumps(report, allow_nan=False), encoding="utf-8")
        return report

    def report(self) -> dict[str, Any] | None:
        """The report of the last :meth:`rate`."""
        path = self.path / "ratings.json"
        if not path.is_file():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def ratings(self) -> dict[str, float]:
        """The rating of each rated video, by name."""
        path = self.path / "ratings.csv"
        if not path.is_file():
            return {}
        rows = read_manifest(path).labelled.rows
        return {self.name_of(row.path): row.score for row in rows if row.score is not None}


class StudyFacts:
    """What is told of a study while it runs."""

    def __init__(self, folder: TeachFolder, study: Study) -> None:
        self.settings = study.settings
        self.videos = [folder.name_of(path) for path in study.paths]
        answers = [answer for answer in study.answers() if answer.kind == "test"]
        self.votes: Counter[str] = Counter(folder.name_of(answer.left) for answer in answers)
        self.checks: list[RaterCheck] = check_raters(study)
