"""Very many files on Ray: a pool of processes with the model in memory, on one machine or a cluster."""

from __future__ import annotations

import logging
from collections.abc import Sized
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sslvqa.errors import ConfigError, ModelError, SslvqaError, WorkerLostError
from sslvqa.hub.weights import list_models, load_card
from sslvqa.scoring.batch import FailedScore
from sslvqa.scoring.handout import Handout, Parcel
from sslvqa.scoring.ray_cluster import connected, divide
from sslvqa.scoring.ray_worker import RayWorker
from sslvqa.scoring.windows import check_timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Self, Unpack

    from sslvqa.scoring.ray_worker import WorkerFacts
    from sslvqa.scoring.result import ScoreKind, VideoScore
    from sslvqa.scoring.settings import ScorerSettings
    from sslvqa.video.raw import RawGeometry

__all__ = ["RayPool", "score_on_ray"]

_MOST_FAILED_STARTS = 3
_PATIENCE_SECONDS = 60.0
_logger = logging.getLogger(__name__)


def score_on_ray(
    paths: Iterable[str | Path],
    *,
    model: str | Path = "default",
    workers: int | None = None,
    address: str = "local",
    timeline_seconds: float | None = None,
    geometry: RawGeometry | Mapping[str, RawGeometry] | None = None,
    **settings: Unpack[ScorerSettings],
) -> Iterator[VideoScore | FailedScore]:
    """Score files on Ray, each once, and yield the records as they are made; see :class:`RayPool`.

    Raises:
        MissingExtraError: Ray is not installed.
        SslvqaError: As :class:`RayPool` does.
    """
    with RayPool(
        model,
        workers=workers,
        address=address,
        timeline_seconds=timeline_seconds,
        geometry=geometry,
        **settings,
    ) as pool:
        yield from pool.score_each(paths)


@dataclass(eq=False, slots=True)
class _Slot:
    """A worker and what it has in hand."""

    actor: Any
    facts: WorkerFacts | None = None
    """None until it is ready."""
    parcel: Parcel | None = None


class RayPool:
    """Workers on Ray, each a process with the model in memory; a context manager that ends them.

    A worker has at most one call in hand: a file, or as many as fill some batches where files share them. A
    worker that ends (killed, out of memory, a decoder that crashes) is replaced, and the files it had in hand
    are tried once more, one by one, after all others; a file that ends its worker twice is a
    :class:`FailedScore` of type ``WorkerLostError``.

    Args:
        model: A shipped name, or a model directory that every machine reaches by the same path.
        workers: Processes; default one for each CPU, or GPU.
        address: ``local`` starts Ray on this machine; otherwise that of a cluster, as ``ray.init`` takes it
            (``auto``: the cluster of this machine). A connection that the process has already is used.
        timeline_seconds: As for :func:`~sslvqa.scoring.score_each`.
        geometry: As for :func:`~sslvqa.scoring.score_each`.
        **settings: As for :class:`~sslvqa.scoring.Scorer`. ``device`` is ``cpu``, ``cuda`` (a GPU each) or
            ``auto``; ``threads`` are those of a worker, by default its part of the CPUs.

    Raises:
        MissingExtraError: Ray is not installed.
        UnknownModelError: No such model.
        ConfigError: There is no Ray at the address, or a number is out of range.
    """

    def __init__(
        self,
        model: str | Path = "default",
        *,
        workers: int | None = None,
        address: str = "local",
        timeline_seconds: float | None = None,
        geometry: RawGeometry | Mapping[str, RawGeometry] | None = None,
        **settings: Unpack[ScorerSettings],
    ) -> None:
        check_timeline(timeline_seconds)
        self._weights_sha256 = load_card(model).weights_sha256
        self._kind: ScoreKind | None = None
        self._slots: list[_Slot] = []
        self._calls: dict[Any, _Slot] = {}
        self._failed_starts = 0
        with ExitStack() as stack:
            self._ray = stack.enter_context(connected(address))
            stack.callback(self._end_workers)
            machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            share = divide(
                machines,
                device=settings.get("device", "auto"),
                workers=workers,
                threads=settings.get("threads"),
            )
            if share.room < share.workers:
                _logger.warning("Ray has room for %d of %d workers now", share.room, share.workers)
            self.workers = share.workers
            """The most processes."""
            self._actor = self._ray.remote(RayWorker).options(
                num_cpus=share.threads, num_gpus=share.gpus, scheduling_strategy="SPREAD"
            )
            settings["device"], settings["threads"] = "cuda" if share.gpus else "cpu", share.threads
            self._load = (_name_everywhere(model), settings)
            self._options = {
                "folder": str(Path.cwd()),
                "timeline_seconds": timeline_seconds,
                "geometry": geometry,
            }
            self._grow(1)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        """Return the pool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End the workers, and the Ray that was started for them."""
        self._stack.close()

    @property
    def kind(self) -> ScoreKind:
        """What all scores share; waits for the first worker.

        Raises:
            SslvqaError: As :meth:`score_each` does.
        """
        nothing = Handout(())
        while self._kind is None:
            for _ in self._results(nothing):
                pass
        return self._kind

    def score_each(self, paths: Iterable[str | Path]) -> Iterator[VideoScore | FailedScore]:
        """Score files, each once, and yield the records as they are made, in any order.

        Paths are taken from the iterable as they are needed, so memory does not grow with their number. One
        iteration at a time; what was in hand when it is left early is dropped.

        Raises:
            ModelError: A worker has other weights than this process.
            ConfigError: A setting is out of range, or workers differ in what they measure.
            WorkerLostError: Workers end before they are ready, several in a row.
        """
        handout = Handout(map(str, paths))
        self._grow(len(paths) if isinstance(paths, Sized) else self.workers)
        try:
            while handout.left or any(slot.parcel for slot in self._slots):
                self._give(handout)
                yield from self._results(handout)
        finally:
            for slot in self._slots:
                slot.parcel = slot.parcel and Parcel(())

    def _grow(self, wanted: int) -> None:
        """Have so many workers, but no more than allowed."""
        while len(self._slots) < min(wanted, self.workers):
            slot = _Slot(None)
            self._slots.append(slot)
            self._start(slot)

    def _start(self, slot: _Slot) -> None:
        slot.actor, slot.facts = self._actor.remote(), None
        self._calls[slot.actor.start.remote(*self._load, **self._options)] = slot

    def _give(self, handout: Handout) -> None:
        """Give files to every worker that is ready and has none."""
        for slot in self._slots:
            if slot.facts is not None and slot.parcel is None:
                slot.parcel = handout.take(slot.facts.files_at_once)
                if slot.parcel is None:
                    return
                self._calls[slot.actor.score.remote(slot.parcel.paths)] = slot

    def _results(self, handout: Handout) -> Iterator[VideoScore | FailedScore]:
        """Wait until a worker has something to say, and yield the records in it."""
        ready, _ = self._ray.wait(list(self._calls), num_returns=1, timeout=_PATIENCE_SECONDS)
        if not ready and all(slot.facts is None for slot in self._slots):
            _logger.warning("no worker has started yet; Ray has free: %s", self._ray.available_resources())
        for call in ready:
            slot = self._calls.pop(call)
            parcel, slot.parcel = slot.parcel, None
            try:
                answer = self._ray.get(call)
            except self._ray.exceptions.RayError as error:
                yield from self._replace(slot, parcel, handout, error)
                continue
            if parcel is None:
                self._admit(slot, answer)
            elif parcel.paths:  # empty: the iteration that asked was left
                yield from answer

    def _admit(self, slot: _Slot, facts: WorkerFacts) -> None:
        """Take a worker that is ready into service, if it measures what the others do."""
        if facts.kind.weights_sha256 != self._weights_sha256:
            raise ModelError(
                f"the worker on {facts.host} has weights {facts.kind.weights_sha256[:12]}… of "
                f"{self._load[0]!r}, this machine {self._weights_sha256[:12]}…; every machine needs the same"
            )
        self._kind = self._kind or facts.kind
        for name, (found, ours) in self._kind.differences(facts.kind.to_dict()).items():
            raise ConfigError(
                f"the worker on {facts.host} scores with {name} {found!r}, others with {ours!r}; give {name}"
            )
        slot.facts, self._failed_starts = facts, 0

    def _replace(
        self, slot: _Slot, parcel: Parcel | None, handout: Handout, error: Exception
    ) -> Iterator[FailedScore]:
        """Start another worker in the place of a lost one; yield the records of files given up."""
        self._ray.kill(slot.actor)
        if parcel is None:
            self._count_failed_start(error)
        self._start(slot)
        for path in handout.put_back(parcel) if parcel else ():
            lost = WorkerLostError(
                f"{path}: the process that scored it ended, twice (killed, out of memory, or its decoder "
                "crashed); score it by itself, or convert it first"
            )
            yield FailedScore.of(path, lost)

    def _count_failed_start(self, error: Exception) -> None:
        cause = getattr(error, "cause", None)
        if isinstance(cause, SslvqaError):
            raise cause from None
        self._failed_starts += 1
        if self._failed_starts >= _MOST_FAILED_STARTS:
            raise WorkerLostError(
                f"{self._failed_starts} workers in a row ended before they were ready "
                f"({str(error).strip().splitlines()[-1][:300]}); every machine needs this version of sslvqa, "
                "the model and enough memory"
            ) from error

    def _end_workers(self) -> None:
        for slot in self._slots:
            self._ray.kill(slot.actor)
        self._slots.clear()
        self._calls.clear()


def _name_everywhere(model: str | Path) -> str:
    """Shipped names as they are, directories as absolute paths."""
    name = str(model)
    shipped = name == "default" or any(name == item.name for item in list_models())
    return name if shipped else str(Path(model).absolute())
