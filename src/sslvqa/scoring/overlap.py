"""Networks that have the first views of a file while its last ones are still being read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING

import torch

from sslvqa.scoring.runtime import run_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from torch import Tensor

    from sslvqa.nn.quality import QualityScores
    from sslvqa.scoring.reading import Reading
    from sslvqa.scoring.runtime import Runtime

__all__ = ["read_and_run", "reading_threads"]

_SHARED_BY_THREADS = 1 << 16  # elements of a tensor that torch does not change in one thread


def read_and_run(
    read: Callable[..., Reading],
    runtime: Runtime,
    *,
    batch: int,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[Reading, QualityScores]:
    """Read in a thread, and score every batch of views as soon as it is whole.

    The batches are those of :func:`sslvqa.scoring.runtime.run_views`, so timing changes no score.

    Args:
        read: Reads one file, in the thread; calls its argument ``arrived`` with all views and the number of
            one that is whole.
        runtime: Runs the model, in the calling thread.
        batch: Views of a call.
        progress: As of :func:`sslvqa.scoring.runtime.run_views`.

    Returns:
        What was read, and the raw scores of its views.

    Raises:
        VideoError: The file cannot be used; as ``read`` raises it.
    """
    whole: SimpleQueue[tuple[int, Tensor, int] | None] = SimpleQueue()
    missing: dict[int, int] = {}

    def arrived(views: Tensor, number: int) -> None:
        first = number - number % batch
        part = views[first : first + batch]
        missing[first] = missing.get(first, len(part)) - 1
        if missing[first] == 0:
            whole.put((first, part, len(views)))

    def batches(reading: Future[Reading]) -> Iterator[tuple[int, Tensor, int]]:
        yield from iter(whole.get, None)
        reading.result()  # raises what stopped it

    with reading_threads(1) as pool:
        reading = pool.submit(read, arrived=arrived)
        reading.add_done_callback(lambda _: whole.put(None))
        scores = run_batches(runtime, batches(reading), progress=progress)
        return reading.result(), scores


def reading_threads(count: int) -> ThreadPoolExecutor:
    """Threads that read while the networks compute."""
    return ThreadPoolExecutor(count, thread_name_prefix="sslvqa-read", initializer=_let_waiting_threads_sleep)


def _let_waiting_threads_sleep() -> None:
    """Keep PyTorch's waiting threads from taking the cores that the decoders need.

    GNU OpenMP lets them spin for milliseconds, except while it has more threads than there are cores. Its
    threads for this one, which its first shared operation starts and which end with it, make that so: without
    them a batch of 60 files took 1.4 times as long on two cores.
    """
    torch.zeros(_SHARED_BY_THREADS).add_(1)
