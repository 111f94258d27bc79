"""Networks that have the first views of a file while its last ones are still being read."""

from __future__ import annotations

from queue import SimpleQueue
from typing import TYPE_CHECKING

from sslvqa.nn.quality import join_scores
from sslvqa.scoring.ahead import reading_threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from sslvqa.nn.quality import QualityScores
    from sslvqa.scoring.reading import Reading
    from sslvqa.scoring.runtime import Runtime

__all__ = ["read_and_run"]


def read_and_run(
    read: Callable[[Callable[[Tensor, int], object]], Reading],
    runtime: Runtime,
    *,
    batch: int,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[Reading, QualityScores]:
    """Read in a thread, and score every batch of views as soon as it is whole.

    The batches are those of :func:`sslvqa.scoring.runtime.run_views`, so timing changes no score.

    Args:
        read: Reads one file, in the thread; calls what it is given with all views and the number of one
            that is whole.
        runtime: Runs the model, in the calling thread.
        batch: Views of a call.
        progress: Called after every call with the number of views done and of all views.

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

    scores: dict[int, QualityScores] = {}
    with reading_threads(1) as pool:
        reading = pool.submit(read, arrived)
        reading.add_done_callback(lambda _: whole.put(None))
        while (found := whole.get()) is not None:
            first, part, total = found
            scores[first] = runtime(part)
            if progress is not None:
                progress(sum(len(done.q_r) for done in scores.values()), total)
        return reading.result(), join_scores([scores[first] for first in sorted(scores)])
