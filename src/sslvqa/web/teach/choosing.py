"""Choosing what to rate next: each video is described by a worker process, then the list is made."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from sslvqa.errors import DataError, ModelError, SslvqaError
from sslvqa.rate import shortlist, write_shortlist
from sslvqa.web.results import checked_result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sslvqa.rate import Strategy
    from sslvqa.web.process import WorkerProcess
    from sslvqa.web.teach.folder import TeachFolder

__all__ = ["Describer", "choose"]


class Describer:
    """Scores and features of videos, made by a worker process and kept in ``records.ndjson``.

    Args:
        teach: Whose videos.
        worker: Killed and started anew when a file makes it crash.
        model: Name or directory of the model.
        weights_sha256: Records of other weights do not count.
        timeout_seconds: For one video.
        ended: Called with ``done`` or ``failed`` after each video that was described.
    """

    def __init__(
        self,
        teach: TeachFolder,
        worker: WorkerProcess,
        *,
        model: str,
        weights_sha256: str,
        timeout_seconds: float,
        ended: Callable[[str], object] = lambda _outcome: None,
    ) -> None:
        self._teach, self._worker, self._model = teach, worker, model
        self._timeout, self._ended = timeout_seconds, ended
        self._store = teach.path / "records.ndjson"
        self.records = _read_records(self._store, weights_sha256)
        self.failed: dict[str, str] = {}
        """Why a video cannot be used, by its name."""

    async def describe(self, name: str) -> None:
        """Make the record of a video unless it is there, or note why the video cannot be used.

        Raises:
            ModelError: The model cannot be loaded: that concerns all videos.
        """
        if name in self.records:
            return
        task = {
            "kind": "describe",
            "name": name,
            "source": str(self._teach.root / name),
            "folder": str(self._teach.path),
            "geometry": None,
        }
        try:
            found = await self._worker.run(
                task, model=self._model, timeout_seconds=self._timeout, progress=lambda _done, _stage: None
            )
            record = checked_result("describe", found, name=name)
        except ModelError:
            raise
        except SslvqaError as error:
            self._ended("failed")
            self.failed[name] = str(error)
            return
        self._ended("done")
        self.records[name] = record
        with self._store.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")

    async def stop(self) -> None:
        """End the worker process."""
        await self._worker.stop()


async def choose(
    teach: TeachFolder,
    describer: Describer | None,
    *,
    count: int,
    strategy: Strategy,
    seed: int = 0,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> list[dict[str, Any]]:
    """Choose videos that no study has asked for yet.

    Args:
        teach: Whose videos; the list is also written to its ``list.csv``.
        describer: None for the strategy ``random``, which needs no model; it notes which videos failed.
        count: How many.
        strategy: See :func:`sslvqa.rate.choose_next`.
        seed: Of the random order.
        progress: Called with the number of videos described and of all.

    Returns:
        The rows of the list, see :func:`sslvqa.rate.shortlist`.

    Raises:
        DataError: No video is left, or none can be used.
        ModelError: The model cannot be loaded.
    """
    asked = {name for facts in teach.studies() for name in teach.facts(facts).videos}
    everything = teach.videos()
    if describer is not None:
        for done, name in enumerate(everything):
            progress(done, len(everything))
            await describer.describe(name)
    rows = await asyncio.to_thread(
        shortlist,
        _left(everything, asked),
        [name for name in everything if name in asked],
        {} if describer is None else describer.records,
        count=count,
        strategy=strategy,
        seed=seed,
    )
    write_shortlist(teach.path / "list.csv", [{**row, "path": str(teach.root / row["path"])} for row in rows])
    return rows


def _left(names: Sequence[str], asked: set[str]) -> list[str]:
    left = [name for name in names if name not in asked]
    if not left:
        raise DataError("no video is left to choose from; add some to the folder")
    return left


def _read_records(store: Path, weights_sha256: str) -> dict[str, dict[str, Any]]:
    """By name; a line cut short by a crash is left out."""
    records: dict[str, dict[str, Any]] = {}
    for line in store.read_text(encoding="utf-8").split("\n") if store.is_file() else []:
        try:
            record = json.loads(line)
            if record["provenance"]["weights_sha256"] == weights_sha256:
                records[record["path"]] = record
        except (ValueError, KeyError, TypeError):
            continue
    return records
