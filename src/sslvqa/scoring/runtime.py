"""What runs a model: uint8 views in, the raw scores of each out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

import torch

from sslvqa.errors import ConfigError
from sslvqa.nn.quality import QualityScores, join_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

__all__ = [
    "Precision",
    "Runtime",
    "inference",
    "pick_device",
    "run_batches",
    "run_views",
    "views_at_once",
]

Precision = Literal["fp32", "bf16", "int8"]
"""Number format of the matrix products; everything that sums over tokens stays float32."""

_CPU_BATCH, _GPU_BATCH = 2, 32


class Runtime(Protocol):
    """Runs one model; its two names go into the provenance of a score."""

    backend: str
    precision: Precision
    owns_weights: bool
    """Whether it goes on without the model that it was made of."""

    def __call__(self, views: Tensor) -> QualityScores:
        """Score uint8 views ``(n, 3, T, S, S)`` at once, n >= 1: float32 on the CPU, in their order."""
        ...


def views_at_once(device: torch.device) -> int:
    """Views of a call by default: what keeps a device busy without taking memory for nothing."""
    return _CPU_BATCH if device.type == "cpu" else _GPU_BATCH


def run_views(
    runtime: Runtime,
    views: Tensor,
    *,
    batch: int,
    progress: Callable[[int, int], object] | None = None,
) -> QualityScores:
    """Score any number of views, ``batch`` at a time.

    Args:
        runtime: Runs the model.
        views: uint8 ``(n, 3, T, S, S)``, n >= 1.
        batch: Views of a call.
        progress: Called after every call with the number of views done and of all views.
    """
    parts = enumerate(torch.split(views, batch))
    return run_batches(runtime, ((place, part, len(views)) for place, part in parts), progress=progress)


def run_batches(
    runtime: Runtime,
    batches: Iterable[tuple[int, Tensor, int]],
    *,
    progress: Callable[[int, int], object] | None = None,
) -> QualityScores:
    """Score batches of views as they come.

    Args:
        runtime: Runs the model.
        batches: At least one: its place among all batches, uint8 views, and the number of all views.
        progress: As of :func:`run_views`.

    Returns:
        The scores by the batches' places.
    """
    scores: dict[int, QualityScores] = {}
    for place, part, total in batches:
        scores[place] = runtime(part)
        if progress is not None:
            progress(sum(len(done.q_r) for done in scores.values()), total)
    return join_scores([scores[place] for place in sorted(scores)])


@contextmanager
def inference(threads: int | None) -> Iterator[None]:
    """Inference mode with a number of CPU threads, put back afterwards; None leaves it alone."""
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield
    finally:
        if threads is not None:
            torch.set_num_threads(before)


def pick_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is a GPU if there is one.

    Raises:
        ConfigError: No such device, or it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device is {name!r}; it must be auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device is {name!r} but torch sees no GPU; use device 'cpu' or 'auto'")
    if device.type == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        raise ConfigError(f"device is {name!r} but torch sees {count} GPUs; the last is cuda:{count - 1}")
    return device
