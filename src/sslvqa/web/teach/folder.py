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
    Comparison,
    Study,
    Votes,
    bradley_terry,
    check_raters,
    rate_videos,
    read_pairs,
    read_votes,
    write_pair_scores,
    write_ratings,
    write_votes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from filelock import BaseFileLock

    from sslvqa.rate import RaterCheck, StudyMethod, StudySettings

__all__ = ["StudyFacts", "TeachFolder"]

_LINKS = 3
"""Videos of earlier studies that a study of pairs asks for again."""


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

    def create_study(
        self,
        names: Sequence[str],
        settings: StudySettings,
        *,
        high: Sequence[str] = (),
        low: Sequence[str] = (),
    ) -> str:
        """Make a study of videos and return its name.

        A study of pairs also asks for three videos of earlier studies, so that all scores lie on one scale.

        Args:
            names: Of the videos to be rated.
            settings: How it is run; training and repeats are cut down to what the videos allow.
            high: Anchors that are plainly good.
            low: Anchors that are plainly bad.

        Raises:
            DataError: A name is no video of the folder or has two roles, or earlier studies ask by another
                method.
        """
        given = [*names, *high, *low]
        unknown = next(iter(set(given) - set(self.videos())), None)
        if unknown is not None:
            raise DataError(f"{unknown[:200]!r} is no video of the folder that a browser plays")
        twice = next((name for name in given if given.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"{twice} is listed twice; a video is rated, or it is one anchor")
        method = self.method()
        if method not in {None, settings.method}:
            raise DataError(
                f"the studies in {self.path.name} use {method}; votes of {settings.method} lie on "
                "another scale: use the same, or teach in another folder"
            )
        rated = [*names, *(self._links(given) if settings.method == "pair" else ())]
        name = self.next_name("study")
        fitting = replace(
            settings,
            training=min(settings.training, len(rated)),
            repeats=min(settings.repeats, len(rated) // 2),
        )
        paths = {item: self.root / item for item in (*rated, *high, *low)}
        Study.create(
            self.path / f"{name}.sqlite",
            fitting,
            [paths[item] for item in rated],
            high=[paths[item] for item in high],
            low=[paths[item] for item in low],
        )
        return name

    def _links(self, given: Sequence[str]) -> list[str]:
        """Videos of earlier studies, from the worst to the best where they have ratings."""
        ratings, there = self.ratings(), set(self.videos()) - set(given)
        asked = {name for study in self.studies() for name in self.facts(study).videos} & there
        order = sorted(asked, key=lambda name: (ratings.get(name, 0.0), name))
        places = [round(index * (len(order) - 1) / (_LINKS - 1)) for index in range(_LINKS)]
        return list(dict.fromkeys(order[place] for place in places)) if order else []

    def method(self) -> StudyMethod | None:
        """How the studies ask; all of a folder ask alike."""
        study = next(iter(self.studies().values()), None)
        return None if study is None else study.settings.method

    def facts(self, name: str) -> StudyFacts:
        """How a study goes."""
        return StudyFacts(self, self.study(name))

    def write_votes(self, name: str) -> Path:
        """Write the votes of a study so far as ``sslvqa rate export`` does, and return the table.

        Raises:
            DataError: There is no such study.
        """
        table = self.path / f"votes-{name.removeprefix('study-')}.csv"
        write_votes(table, self.study(name))
        return table

    # --- ratings

    def rate(self, *, leave_out_flagged: bool = False) -> dict[str, Any]:
        """Turn the votes of all studies into ``ratings.csv`` and return the report on them.

        With one rater the ratings are that person's votes; with more, bias and care of each are recovered,
        see :func:`sslvqa.rate.rate_videos`. Pairs become Bradley-Terry scores, see
        :func:`sslvqa.rate.bradley_terry`. A person of two studies counts as two.

        Raises:
            DataError: There are no votes, or all are the same, or all persons are flagged and left out.
        """
        voted = {name: facts for name in self.studies() if (facts := self.facts(name)).answers}
        kept = [name for name, facts in voted.items() if not (leave_out_flagged and facts.all_flagged)]
        if voted and not kept:
            raise DataError("all persons are flagged; rate with them, or collect more")
        tables = {name: self.write_votes(name) for name in kept}
        where = {"flagged": "no"} if leave_out_flagged else {}
        rate = self._rate_pairs if self.method() == "pair" else self._rate_grades
        scratch = self.path / "ratings.csv.part"
        report = rate(tables, where, scratch)
        scratch.replace(self.path / "ratings.csv")  # at once: a training may be about to read it
        (self.path / "ratings.json").write_text(json.dumps(report, allow_nan=False), encoding="utf-8")
        return report

    def _rate_grades(self, tables: Mapping[str, Path], where: Mapping[str, str], out: Path) -> dict[str, Any]:
        rows: list[tuple[str, str, float]] = []
        scale = next((study.settings.scale for study in self.studies().values()), None)
        for name, table in tables.items():
            votes = read_votes(table, where=where, scale=scale).votes
            for rater, video, value in zip(votes.rater, votes.video, votes.value, strict=True):
                rows.append((f"{name} {votes.raters[rater]}", votes.videos[video], float(value)))
        votes = Votes.from_rows(rows)
        several = len(set(votes.rater.tolist())) > 1
        ratings = rate_videos(votes, method="recovery" if several else "mean", scale=scale)
        write_ratings(out, ratings)
        return ratings.to_dict()

    def _rate_pairs(self, tables: Mapping[str, Path], where: Mapping[str, str], out: Path) -> dict[str, Any]:
        pairs = [
            Comparison(f"{name} {pair.rater}", *pair[1:])
            for name, table in tables.items()
            for pair in read_pairs(table, where=where)
        ]
        scores = bradley_terry(pairs)
        write_pair_scores(out, scores)
        return scores.to_dict()

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
        self.answers = len(answers)
        self.votes: Counter[str] = Counter(
            folder.name_of(path) for answer in answers for path in (answer.left, answer.right) if path
        )
        """Answers in which each video took part."""
        self.checks: list[RaterCheck] = check_raters(study)
        self.all_flagged = all(check.reasons for check in self.checks)
        """Whether nobody's votes are left without the flagged persons."""
