"""Ray itself: import it, reach or start it, and divide its processors."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sslvqa.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Share", "connected", "divide", "import_ray"]

_STORE_BYTES = 80 << 20  # the least that Ray takes; a score has a few kilobytes


def import_ray() -> Any:  # noqa: ANN401 - a module that is optional
    """Import Ray, its usage statistics off unless the environment asks for them.

    Raises:
        MissingExtraError: It is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("scoring on Ray needs ray; run: pip install 'sslvqa[ray]'") from error
    return ray


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Give Ray, connected; what was started or connected here is shut down at the end.

    Args:
        address: As ``ray.init`` takes it; ``local`` starts a Ray of this machine that nobody else sees. A
            connection that the process has already is used whatever its address, and left.

    Raises:
        ConfigError: There is no Ray at the address.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    own = {"include_dashboard": False, "object_store_memory": _STORE_BYTES} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # Ray raises bare ones, too
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"Ray's address is {address!r}, but it cannot be used ({reason}); start a cluster with "
            "'ray start --head' and give 'auto' on its machines, or give 'local'"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


class Share(NamedTuple):
    """How Ray's processors are divided."""

    workers: int
    threads: int
    """CPUs of each worker."""
    gpus: int
    """GPUs of each worker, 0 or 1."""
    room: int
    """Workers that the machines of now have processors for."""


def divide(
    machines: Sequence[Mapping[str, float]],
    *,
    device: str = "auto",
    workers: int | None = None,
    threads: int | None = None,
) -> Share:
    """Divide the processors of machines among workers.

    Args:
        machines: Ray's resources of each, ``CPU`` and ``GPU``.
        device: ``cpu``, ``cuda``, or ``auto``: GPUs if there are any.
        workers: Default one for each GPU, or as many as the CPUs suffice for.
        threads: CPUs of each worker. Default with GPUs, or where ``workers`` is given: as many as each can
            have; otherwise 1, which wastes none.

    Raises:
        ConfigError: A number is below 1, or the device is none of the three.
    """
    for name, value in (("workers", workers), ("threads", threads)):
        if value is not None and value < 1:
            raise ConfigError(f"{name} is {value}; it must be at least 1")
    if device not in {"auto", "cpu", "cuda"}:
        raise ConfigError(f"device is {device!r}; on Ray it must be auto, cpu or cuda: Ray picks the GPU")
    cpus = [int(machine.get("CPU", 0)) for machine in machines]
    gpus = [int(machine.get("GPU", 0)) for machine in machines]
    on_gpu = device == "cuda" or (device == "auto" and any(gpus))
    if workers is None:
        workers = max(sum(gpus) if on_gpu else _room(cpus, threads or 1), 1)
    if threads is None:
        sizes = range(max(cpus, default=1), 1, -1)
        threads = next((size for size in sizes if _room(cpus, size) >= workers), 1)
    room = min(_room(cpus, threads), sum(gpus)) if on_gpu else _room(cpus, threads)
    return Share(workers, threads, int(on_gpu), min(room, workers))


def _room(cpus: Sequence[int], threads: int) -> int:
    """Workers of so many threads that fit on machines with these CPUs."""
    return sum(count // threads for count in cpus)
