"""Run independent jobs in worker processes, each of one thread; one failing job does not stop the rest."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from sslvqa.errors import ConfigError, SslvqaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Outcome", "run_jobs"]

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Job, Result]):
    """What became of one job: a result, or an error message."""

    job: Job
    result: Result | None
    error: str | None


def run_jobs(
    function: Callable[[Job], Result], jobs: Sequence[Job], *, workers: int = 1
) -> Iterator[Outcome[Job, Result]]:
    """Apply ``function`` to every job and yield outcomes as they come.

    Args:
        function: A module-level function.
        jobs: Picklable jobs.
        workers: Processes; 1 = in this process, in order.

    Yields:
        One outcome a job. Errors of this package and of the operating system become messages; others are
        bugs and are raised. A worker that dies ends the outcomes still open with a message.

    Raises:
        ConfigError: ``workers`` is below 1.
    """
    if workers < 1:
        raise ConfigError(f"workers is {workers}; allowed is 1 or more")
    if workers == 1 or len(jobs) < 2:
        yield from (_guarded(function, job) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_start_worker) as pool:
        futures = {pool.submit(_guarded, function, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    message = "a worker process died (out of memory?); run the same command again to go on"
                    yield Outcome(futures[future], None, message)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _guarded(function: Callable[[Job], Result], job: Job) -> Outcome[Job, Result]:
    try:
        return Outcome(job, function(job), None)
    except (SslvqaError, OSError) as error:
        return Outcome(job, None, str(error))


def _start_worker() -> None:
    """Before torch is imported in a worker: its kernels take one thread, as the decoders and encoders do.

    A worker also ends with its parent, however that ends, so that a rerun has the folder to itself.
    """
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
