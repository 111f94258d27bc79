"""Many files: one bad file is a record, never the end."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sslvqa.errors import ConfigError
from sslvqa.scoring.ahead import Source, geometry_of, read_each
from sslvqa.scoring.result import SCHEMA, VideoScore
from sslvqa.scoring.windows import check_timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from typing import BinaryIO

    from sslvqa.scoring.reading import RawScores, Reading
    from sslvqa.scoring.result import ScoreKind
    from sslvqa.scoring.scorer import Scorer
    from sslvqa.video.raw import RawGeometry

__all__ = ["FailedScore", "finish_each", "score_each", "scored_records"]

Finished_co = TypeVar("Finished_co", covariant=True)
_logger = logging.getLogger(__name__)


class Finish(Protocol[Finished_co]):
    """Makes something of what was read of a file."""

    def __call__(self, reading: Reading, *, raw: RawScores | None) -> Finished_co:
        """Finish one file; ``raw`` are the scores of its views where they are known already."""
        ...


@dataclass(frozen=True, slots=True)
class FailedScore:
    """A file without a score."""

    path: str
    error: str
    error_type: str
    """Class of the exception, e.g. ``UnreadableVideoError``."""

    @classmethod
    def of(cls, source: str | Path | BinaryIO, error: Exception) -> FailedScore:
        """The record of a file and what was raised for it."""
        name = str(source if isinstance(source, str | Path) else getattr(source, "name", "<file object>"))
        return cls(name, str(error) or type(error).__name__, type(error).__name__)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values in the JSON form, ``schema`` first."""
        return {"schema": SCHEMA, "path": self.path, "error": self.error, "error_type": self.error_type}

    def to_json(self, *, indent: int | None = None) -> str:
        """Return JSON, in ASCII: a file's name need not be UTF-8."""
        return json.dumps(self.to_dict(), indent=indent)


def score_each(
    paths: Sequence[str | Path | BinaryIO],
    *,
    scorer: Scorer,
    timeline_seconds: float | None = None,
    geometry: RawGeometry | Mapping[str, RawGeometry] | None = None,
) -> Iterator[VideoScore | FailedScore]:
    """Score files in their order, the next ones being read meanwhile; results come as they are made.

    Files share batches of ``scorer.batch`` views where ``scorer.joins_files``; no score depends on it beyond
    rounding. Whatever goes wrong with one file (a decoder can fail in ways nobody foresaw) is the record of
    that file. Only an interrupt ends the iteration early. ``geometry`` says what headerless files hold: all,
    or by path.

    Raises:
        ConfigError: ``timeline_seconds`` is not positive and finite; before the first file.
    """
    yield from finish_each(
        paths, scorer.finish, scorer=scorer, timeline_seconds=timeline_seconds, geometry=geometry
    )


def finish_each(
    paths: Sequence[Source],
    finish: Finish[Finished_co],
    *,
    scorer: Scorer,
    timeline_seconds: float | None = None,
    geometry: RawGeometry | Mapping[str, RawGeometry] | None = None,
) -> Iterator[Finished_co | FailedScore]:
    """As :func:`score_each`, with something else made of what was read of a file and its raw scores."""
    if len(paths) == 1:  # nothing to read ahead, but the networks can begin before its end
        check_timeline(timeline_seconds)
        try:
            own = geometry_of(paths[0], geometry)
            read = partial(scorer.read, paths[0], timeline_seconds=timeline_seconds, geometry=own)
            reading, raw = scorer.read_and_run(read)
            yield finish(reading, raw=raw)
        except Exception as error:
            yield FailedScore.of(paths[0], error)
        return
    readings = read_each(paths, scorer=scorer, timeline_seconds=timeline_seconds, geometry=geometry)
    for group in _groups(readings, views=scorer.batch if scorer.joins_files else 0):
        scores = _scores_together([item for _, item in group if not isinstance(item, Exception)], scorer)
        for path, item in group:
            try:
                if isinstance(item, Exception):
                    raise item
                yield finish(item, raw=next(scores))
            except Exception as error:  # the contract of a batch: never abort
                yield FailedScore.of(path, error)


def _groups(
    readings: Iterable[tuple[Source, Future[Reading]]], *, views: int
) -> Iterator[list[tuple[Source, Reading | Exception]]]:
    """Files in their order, as many together as fill a batch of views (0: one by one)."""
    group: list[tuple[Source, Reading | Exception]] = []
    count = 0
    for path, future in readings:
        try:
            item: Reading | Exception = future.result()
        except Exception as error:
            item = error
        more = 0 if isinstance(item, Exception) or not views else len(item.views)
        if count and count + more > views:
            yield group
            group, count = [], 0
        group.append((path, item))
        count += more
        if not count or count >= views:
            yield group
            group, count = [], 0
    if group:
        yield group


def _scores_together(readings: Sequence[Reading], scorer: Scorer) -> Iterator[RawScores | None]:
    """Raw scores of each; None where each is better scored by itself: alone, or when something fails."""
    if len(readings) > 1:
        try:
            return iter(scorer.raw_together(readings))
        except Exception as error:
            _logger.warning("a batch of %d files failed (%s); each is scored by itself", len(readings), error)
    return repeat(None, len(readings))


def scored_records(path: Path, *, kind: ScoreKind) -> dict[str, dict[str, Any]]:
    """Read the scores of an interrupted ndjson output, by path, to continue it.

    A half-written last line and records of failed files are left out: those files are scored again. ``kind``
    is that of the scorer which continues.

    Raises:
        ConfigError: The file is not such an output, or its scores come from another model, card or sampling,
            or have other windows.
    """
    if not path.is_file():
        return {}
    records: dict[str, dict[str, Any]] = {}
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise ConfigError(f"{path}:{number}: not a score ({error}); give another --output") from error
        if not isinstance(record, dict) or "path" not in record:
            raise ConfigError(
                f"{path}:{number}: not a score; --resume continues ndjson output of sslvqa score"
            )
        if "error" not in record:
            _require_same_kind(record, kind, where=f"{path}:{number}")
            records[record["path"]] = record
    return records


def _require_same_kind(record: dict[str, Any], kind: ScoreKind, *, where: str) -> None:
    found_kind = {**record.get("provenance", {}), "scale": record.get("scale")}
    for name, (found, expected) in kind.differences(found_kind).items():
        raise ConfigError(
            f"{where}: scored with {name} {found!r}, now {expected!r}; one output holds one kind "
            f"of score: use the old settings or give another --output"
        )
