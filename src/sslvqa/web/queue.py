"""The queue: all jobs of a server, the tasks that wait, and the workers that do them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sslvqa.errors import ConfigError, SslvqaError
from sslvqa.web.events import BusyError, Events
from sslvqa.web.job import PRODUCTS, Extra
from sslvqa.web.metrics import ServerMetrics
from sslvqa.web.models import SERVED
from sslvqa.web.process import TaskError, WorkerProcess
from sslvqa.web.results import checked_result
from sslvqa.web.schemas import job_summary
from sslvqa.web.storage import Storage
from sslvqa.web.worker import COMMAND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sslvqa.web.job import ExtraKind, Job, TaskKind
    from sslvqa.web.models import Models
    from sslvqa.web.settings import ServeSettings

__all__ = ["JobQueue", "worker_settings"]

_SWEEP_SECONDS = 5.0
_NOT_FOR_WORKERS = frozenset({"model", "token", "hosts", "folder", "teach", "pristine"})


def worker_settings(settings: ServeSettings) -> dict[str, Any]:
    """What a worker process may know, as plain values."""
    return {key: value for key, value in asdict(settings).items() if key not in _NOT_FOR_WORKERS}


class JobQueue:
    """Jobs and their tasks; maps and previews go first, as somebody waits for them.

    Args:
        settings: Limits.
        models: What jobs can be scored with.
        command: What to start as a worker, for tests.
    """

    def __init__(
        self, settings: ServeSettings, models: Models, *, command: Sequence[str] | None = None
    ) -> None:
        self.settings, self.models = settings, models
        self.jobs: dict[str, Job] = {}
        self.storage = Storage(settings.max_disk_bytes)
        self.events = Events()
        self.metrics = ServerMetrics(
            waiting=lambda: len(self._waiting),
            running=lambda: len(self._running),
            jobs=lambda: Counter(job.state for job in list(self.jobs.values())),
            disk=lambda: self.storage.used_bytes,
        )
        self._waiting: deque[tuple[Job, TaskKind]] = deque()
        self._running: dict[str, WorkerProcess] = {}
        self._wake = asyncio.Condition()
        self._workers = [
            WorkerProcess(
                worker_settings(settings),
                tasks=settings.tasks_per_worker,
                on_crash=self.metrics.crashed,
                command=command or COMMAND,
            )
            for _ in range(settings.workers)
        ]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve the queue; at the end every process is killed and every file deleted."""
        with self.storage.opened():
            loops = [self._serve(worker) for worker in self._workers]
            background = [asyncio.create_task(loop) for loop in [*loops, self._sweep()]]
            try:
                yield
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
                for worker in self._workers:
                    await worker.stop()
                self.events.end()

    # --- what users ask for

    def check_room(self, count: int = 1) -> None:
        """Check that so many further tasks may wait.

        Raises:
            BusyError: Not at the moment.
            ConfigError: Not even when nothing else waits.
        """
        limit, kept, waiting = self.settings.max_waiting, self.settings.max_jobs, len(self._waiting)
        if count > limit:
            raise ConfigError(
                f"{count} videos; at most {limit} may wait; name subfolders, or start the server with a "
                "larger --max-queue"
            )
        if count > kept:
            raise ConfigError(f"{count} videos; the server holds at most {kept}; name subfolders")
        if waiting + count > limit:
            raise BusyError(f"{waiting} tasks wait already, of at most {limit}; try again when some are done")

    async def add(self, *jobs: Job) -> None:
        """Queue the scores of new jobs; of all, or of none when it raises.

        Raises:
            BusyError: There is no room at the moment.
            ConfigError: There never is, for so many.
        """
        async with self._wake:
            self.check_room(len(jobs))
            self._make_room(len(jobs))
            for job in jobs:
                self.jobs[job.id] = job
                self._waiting.append((job, "score"))
            self._wake.notify_all()
        for job in jobs:
            self._publish(job)

    async def request(self, job: Job, kind: ExtraKind, options: dict[str, Any]) -> None:
        """Queue a job's map or preview unless it is on its way, or there with these options."""
        extra = job.extras[kind]
        if extra.state in {"waiting", "running"} or (extra.state == "ready" and extra.options == options):
            return
        self.check_room()
        if extra.state == "ready":
            self.storage.free(job.drop_product(kind))
        job.extras[kind] = Extra("waiting", options)
        async with self._wake:
            self._waiting.appendleft((job, kind))
            self._wake.notify()
        self._publish(job)

    async def cancel(self, job: Job) -> None:
        """Stop whatever a job waits for or runs; a running worker is killed."""
        self._waiting = deque(item for item in self._waiting if item[0] is not job)
        if job.cancel():
            self.metrics.task_ended("score", "cancelled")
            self._forget_media(job)
        worker = self._running.get(job.id)
        if worker is not None:
            worker.kill()
        self._publish(job)

    async def remove(self, job: Job) -> None:
        """Forget a job and delete its files."""
        await self.cancel(job)
        self._drop(job)

    def listen(self) -> AsyncIterator[dict[str, Any] | None]:
        """Yield ``{"jobs": [...]}`` once, then ``{"job": ...}`` or ``{"removed": id}``; None now and then."""
        return self.events.listen(lambda: {"jobs": [job_summary(job) for job in self.jobs.values()]})

    # --- the work

    async def _serve(self, worker: WorkerProcess) -> None:
        with contextlib.suppress(SslvqaError):  # the first job will meet the same error, and tell it
            await worker.start(self.models.source(SERVED), timeout_seconds=self.settings.task_seconds)
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
        job.begin(kind)
        self._publish(job)
        began = time.monotonic()

        def progress(fraction: float, stage: str) -> None:
            job.advance(kind, fraction, stage)
            self._publish(job)

        try:
            found = await worker.run(
                job.task(kind),
                model=self.models.source(job.model),
                timeout_seconds=self.settings.task_seconds,
                progress=progress,
            )
            self._finish(job, kind, checked_result(kind, found, name=job.name), time.monotonic() - began)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # any failure is the record of this job, never the end of the queue
            self._fail(job, kind, error)
        if kind != "score" and job.extras[kind].state != "ready":
            job.drop_product(kind)  # a part of a file, left by a task that failed or was killed
        job.used = time.monotonic()
        self._publish(job)

    def _finish(self, job: Job, kind: TaskKind, result: dict[str, Any], seconds: float) -> None:
        if not job.finish(kind, result):
            return
        self.metrics.task_ended(kind, "done")
        if kind == "score":
            self.metrics.scored(seconds, result)
        else:
            self.storage.used_bytes += job.size_of(PRODUCTS[kind])

    def _fail(self, job: Job, kind: TaskKind, error: Exception) -> None:
        name = error.kind if isinstance(error, TaskError) else type(error).__name__
        if job.fail(kind, str(error) or type(error).__name__, name):
            self.metrics.task_ended(kind, "failed")
            if kind == "score":
                self._forget_media(job)

    # --- what is kept

    async def _sweep(self) -> None:
        """Delete uploads and previews that nobody used for a while."""
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, self.settings.keep_seconds or 0.2))
            now = time.monotonic()
            for job in self._idle():
                if now - job.used >= self.settings.keep_seconds:
                    self._forget_media(job)

    def _idle(self) -> list[Job]:
        """Jobs whose score has ended and of which nothing else is being made, oldest first."""
        busy = {job.id for job, _ in self._waiting} | self._running.keys()
        return [job for job in self.jobs.values() if job.ended is not None and job.id not in busy]

    def _forget_media(self, job: Job) -> None:
        """Delete the upload and everything made of its pictures."""
        if job.folder.exists():
            self.storage.free(job.booked_bytes())
            job.forget_media()
            self._publish(job)

    def _make_room(self, count: int) -> None:
        """Let the oldest finished jobs go when there are too many."""
        excess = max(0, len(self.jobs) - self.settings.max_jobs + count)
        idle = self._idle()[:excess]
        if len(idle) < excess:
            raise BusyError(f"the server holds {len(self.jobs)} jobs already; remove some")
        for job in idle:
            self._drop(job)

    def _drop(self, job: Job) -> None:
        self._forget_media(job)
        self.jobs.pop(job.id, None)
        self.events.tell({"removed": job.id})

    def _publish(self, job: Job) -> None:
        if job.id in self.jobs:
            self.events.tell({"job": job_summary(job)})
