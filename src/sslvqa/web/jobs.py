"""Jobs: one video each, with a score and, on demand, a quality map and a preview; and their queue."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sslvqa.errors import SslvqaError, UnreadableVideoError
from sslvqa.web.process import TaskError, WorkerProcess
from sslvqa.web.schemas import checked_result, job_summary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sslvqa.video import RawGeometry
    from sslvqa.web.settings import ServeSettings

__all__ = ["BusyError", "Extra", "Job", "JobQueue", "State", "TaskKind"]

State = Literal["queued", "running", "done", "failed", "cancelled"]
TaskKind = Literal["score", "map", "preview"]
ExtraState = Literal["none", "waiting", "running", "ready", "failed", "gone"]

_SWEEP_SECONDS = 5.0
_MAX_LISTENERS = 64


class BusyError(SslvqaError):
    """The queue, the disk or the number of listeners is at its limit; try again later."""


@dataclass
class Extra:
    """A quality map or a preview of a job."""

    state: ExtraState = "none"
    progress: float = 0.0
    error: str | None = None
    result: dict[str, Any] | None = None


@dataclass
class Job:
    """One video on its way to a score."""

    id: str
    name: str
    """What the user calls it; never a path of the server."""
    source: Path
    folder: Path
    """Where its upload, map and preview lie."""
    uploaded: bool
    size_bytes: int
    geometry: RawGeometry | None = None
    state: State = "queued"
    stage: str = ""
    progress: float = 0.0
    created: float = field(default_factory=time.time)
    ended: float | None = None
    used: float = field(default_factory=time.monotonic)
    """When its last task ended or its media was last asked for."""
    result: dict[str, Any] | None = None
    """Of the score: ``VideoScore.to_dict()``."""
    error: str | None = None
    error_type: str | None = None
    extras: dict[str, Extra] = field(default_factory=lambda: {"map": Extra(), "preview": Extra()})

    @property
    def has_media(self) -> bool:
        """Whether the video itself is still there."""
        return self.source.is_file()


class JobQueue:
    """All jobs of a server, the tasks that wait, and the workers that do them.

    A task is a job's score, map or preview. Maps and previews go first: somebody waits for them.
    """

    def __init__(self, settings: ServeSettings, *, command: Sequence[str] | None = None) -> None:
        self.settings = settings
        self.jobs: dict[str, Job] = {}
        self.disk_bytes = 0
        self._waiting: deque[tuple[Job, TaskKind]] = deque()
        self._running: dict[str, WorkerProcess] = {}
        self._wake = asyncio.Condition()
        self._listeners: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self._background: list[asyncio.Task[None]] = []
        plain = {
            key: value for key, value in asdict(settings).items() if key not in {"token", "hosts", "folder"}
        }
        options = {} if command is None else {"command": command}
        self._workers = [
            WorkerProcess(plain, tasks=settings.tasks_per_worker, **options) for _ in range(settings.workers)
        ]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve the queue; at the end every process is killed and every file deleted."""
        self.directory = Path(tempfile.mkdtemp(prefix="sslvqa-serve-"))
        loops = [self._serve(worker) for worker in self._workers]
        self._background = [asyncio.create_task(loop) for loop in [*loops, self._sweep()]]
        try:
            yield
        finally:
            for task in self._background:
                task.cancel()
            await asyncio.gather(*self._background, return_exceptions=True)
            for worker in self._workers:
                await worker.stop()
            self.end_listening()
            shutil.rmtree(self.directory, ignore_errors=True)

    # --- what users ask for

    def check_room(self) -> None:
        """Raise BusyError when no further job may wait."""
        if len(self._waiting) >= self.settings.max_waiting:
            raise BusyError(f"{len(self._waiting)} tasks wait already; try again when some are done")

    def take_disk(self, count: int) -> None:
        """Book bytes on the disk, or raise BusyError."""
        if self.disk_bytes + count > self.settings.max_disk_bytes:
            raise BusyError("the server's disk space for videos is used up; remove videos or try again later")
        self.disk_bytes += count

    def free_disk(self, count: int) -> None:
        """Give booked bytes back."""
        self.disk_bytes -= count

    def new_folder(self) -> Path:
        """Make the folder of a job to come; its name is the job's id."""
        folder = self.directory / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        return folder

    async def add(self, job: Job) -> Job:
        """Queue the score of a new job."""
        self.check_room()
        self._make_room()
        self.jobs[job.id] = job
        await self._enqueue(job, "score")
        return job

    async def request(self, job: Job, kind: Literal["map", "preview"]) -> None:
        """Queue a job's map or preview unless it is there or on its way."""
        extra = job.extras[kind]
        if extra.state in {"waiting", "running", "ready"}:
            return
        self.check_room()
        job.extras[kind] = Extra("waiting")
        await self._enqueue(job, kind)

    async def cancel(self, job: Job) -> None:
        """Stop whatever a job waits for or runs; a running worker is killed."""
        self._waiting = deque(item for item in self._waiting if item[0] is not job)
        for extra in job.extras.values():
            if extra.state in {"waiting", "running"}:
                extra.state = "none"
        if job.state in {"queued", "running"}:
            job.state, job.ended, job.stage = "cancelled", time.time(), ""
            self._forget_media(job)
        worker = self._running.get(job.id)
        if worker is not None:
            worker.kill()
        self.publish(job)

    async def remove(self, job: Job) -> None:
        """Forget a job and delete its files."""
        await self.cancel(job)
        self._drop(job)

    async def listen(self) -> AsyncIterator[dict[str, Any] | None]:
        """Yield ``{"jobs": [...]}`` once, then ``{"job": ...}`` or ``{"removed": id}``; None now and then."""
        if len(self._listeners) >= _MAX_LISTENERS:
            raise BusyError(f"{_MAX_LISTENERS} pages listen already; close one")
        inbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(maxsize=5000)
        self._listeners.add(inbox)
        try:
            yield {"jobs": [job_summary(job) for job in self.jobs.values()]}
            while inbox in self._listeners:
                try:
                    message = await asyncio.wait_for(inbox.get(), timeout=15)
                except TimeoutError:
                    yield None
                    continue
                if message is None:
                    return
                yield message
        finally:
            self._listeners.discard(inbox)

    def end_listening(self) -> None:
        """End every :meth:`listen`, so that the server can close its connections."""
        self._tell(None)

    def publish(self, job: Job) -> None:
        """Tell every listener how a job is."""
        if job.id in self.jobs:
            self._tell({"job": job_summary(job)})

    # --- the work

    async def _enqueue(self, job: Job, kind: TaskKind) -> None:
        async with self._wake:
            if kind == "score":
                self._waiting.append((job, kind))
            else:
                self._waiting.appendleft((job, kind))
            self._wake.notify()
        self.publish(job)

    async def _serve(self, worker: WorkerProcess) -> None:
        with contextlib.suppress(SslvqaError):  # the first job will meet the same error, and tell it
            await worker.start()
        while True:
            async with self._wake:
                await self._wake.wait_for(
                    lambda: any(job.id not in self._running for job, _ in self._waiting)
                )
                index = next(i for i, (job, _) in enumerate(self._waiting) if job.id not in self._running)
                job, kind = self._waiting[index]
                del self._waiting[index]
                self._running[job.id] = worker
            try:
                await self._perform(worker, job, kind)
            finally:
                async with self._wake:
                    self._running.pop(job.id, None)
                    self._wake.notify()

    async def _perform(self, worker: WorkerProcess, job: Job, kind: TaskKind) -> None:
        self._begin(job, kind)

        def progress(fraction: float, stage: str) -> None:
            self._progress(job, kind, fraction, stage)

        try:
            result = await worker.run(
                _task(job, kind), timeout_seconds=self.settings.task_seconds, progress=progress
            )
            self._finish(job, kind, checked_result(kind, result, name=job.name))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # any failure is the record of this job, never the end of the queue
            self._fail(job, kind, error)
        job.used = time.monotonic()
        self.publish(job)

    def _begin(self, job: Job, kind: TaskKind) -> None:
        if kind == "score":
            job.state, job.stage = "running", "starting"
        else:
            job.extras[kind].state = "running"
        self.publish(job)

    def _progress(self, job: Job, kind: TaskKind, fraction: float, stage: str) -> None:
        if kind == "score":
            job.progress, job.stage = fraction, stage
        else:
            job.extras[kind].progress = fraction
        self.publish(job)

    def _finish(self, job: Job, kind: TaskKind, result: dict[str, Any]) -> None:
        if kind != "score":
            if job.extras[kind].state == "running":
                job.extras[kind] = Extra("ready", 1.0, result=result)
                self.disk_bytes += _size(job.folder / _PRODUCTS[kind])
        elif job.state == "running":
            job.state, job.stage, job.progress, job.ended = "done", "", 1.0, time.time()
            job.result = result

    def _fail(self, job: Job, kind: TaskKind, error: Exception) -> None:
        text = str(error) or type(error).__name__
        if kind != "score":
            if job.extras[kind].state == "running":
                job.extras[kind] = Extra("failed", error=text)
        elif job.state == "running":
            job.state, job.stage, job.ended = "failed", "", time.time()
            job.error = text
            job.error_type = error.kind if isinstance(error, TaskError) else type(error).__name__
            self._forget_media(job)

    # --- what is kept

    async def _sweep(self) -> None:
        """Delete uploads and previews that nobody used for a while."""
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, self.settings.keep_seconds or 0.2))
            now = time.monotonic()
            for job in list(self.jobs.values()):
                idle = job.id not in self._running and all(item[0] is not job for item in self._waiting)
                if job.ended is not None and idle and now - job.used >= self.settings.keep_seconds:
                    self._forget_media(job)

    def _forget_media(self, job: Job) -> None:
        """Delete the upload and everything made of its pictures."""
        if not job.folder.exists():
            return
        known = _size(job.folder / "upload"), *(_size(job.folder / name) for name in _PRODUCTS.values())
        shutil.rmtree(job.folder, ignore_errors=True)
        self.free_disk(sum(known))
        if job.extras["preview"].state == "ready":
            job.extras["preview"] = Extra("gone")
        self.publish(job)

    def _make_room(self) -> None:
        """Let the oldest finished jobs go when there are too many."""
        excess = len(self.jobs) - self.settings.max_jobs + 1
        if excess > 0:
            ended = [job for job in self.jobs.values() if job.ended is not None][:excess]
            for job in ended:
                self._drop(job)
            if len(ended) < excess:
                raise BusyError(f"the server holds {len(self.jobs)} jobs already; remove some")

    def _drop(self, job: Job) -> None:
        self._forget_media(job)
        self.jobs.pop(job.id, None)
        self._tell({"removed": job.id})

    def _tell(self, message: dict[str, Any] | None) -> None:
        for inbox in list(self._listeners):
            try:
                inbox.put_nowait(message)
            except asyncio.QueueFull:  # too slow: the page will connect anew and get everything
                self._listeners.discard(inbox)


_PRODUCTS = {"map": "map.png", "preview": "preview.mp4"}


def _task(job: Job, kind: TaskKind) -> dict[str, Any]:
    if not job.has_media:
        raise UnreadableVideoError(f"{job.name}: the video is no longer on the server; add it again")
    job.folder.mkdir(mode=0o700, exist_ok=True)
    return {
        "kind": kind,
        "name": job.name,
        "source": str(job.source),
        "folder": str(job.folder),
        "geometry": None if job.geometry is None else asdict(job.geometry),
    }


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
