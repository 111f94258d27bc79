"""Networks that have the first views of a file while its last ones are still being read."""

from __future__ import annotations

from queue import SimpleQueue
from typing import TYPE_CHECKING

from sslvqa.scoring.ahead import reading_threads
from sslvqa.scoring.runtime import run_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from torch import Tensor

    from sslvqa.nn.quality import QualityScores
    from sslvqa.scoring.reading import Reading
    from sslvqa.scoring.runtime import Runtime

__all__ = ["read_and_run"]


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
