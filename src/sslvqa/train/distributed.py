"""Several processes (torchrun), one step: every process computes the loss of the joined batch."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor

from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import nn

__all__ = [
    "World",
    "any_process",
    "gather_rows",
    "join_world",
    "local_device",
    "main_first",
    "share_weights",
    "sum_gradients",
]

_LONGEST_WAIT = timedelta(days=2)
"""Others wait while the main process distorts videos or validates."""


@dataclass(frozen=True)
class World:
    """This process among those of the run."""

    rank: int = 0
    size: int = 1

    @property
    def main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0


def local_device(device: torch.device) -> torch.device:
    """The device of this process: with several on a machine each has its own GPU.

    Raises:
        ConfigError: One GPU is asked for all of them, or there are fewer GPUs than processes.
    """
    if device.type != "cuda" or _alone():
        return device
    if device.index is not None:
        raise ConfigError(f"device is {str(device)!r}, one GPU for all processes of torchrun; take cuda")
    rank, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if rank >= count:
        raise ConfigError(f"torchrun started more processes here than there are GPUs ({count})")
    return torch.device("cuda", rank)


@contextmanager
def join_world(device: torch.device) -> Iterator[World]:
    """Join the processes that torchrun started; alone when it did not.

    Args:
        device: From :func:`local_device`.
    """
    if _alone():
        yield World()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_LONGEST_WAIT)
    try:
        yield World(rank=dist.get_rank(), size=dist.get_world_size())
    finally:
        dist.destroy_process_group()


@contextmanager
def main_first(world: World) -> Iterator[None]:
    """Run a block in the main process before the others: it makes the files that they read."""
    if not world.main:
        dist.barrier()
    yield
    if world.main and world.size > 1:
        dist.barrier()


def any_process(world: World, *, flag: bool) -> bool:
    """Whether the flag is set in any process: all of them stop after the same step."""
    if world.size == 1:
        return flag
    joined = torch.tensor(float(flag), device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(joined)
    return bool(joined)


@torch.no_grad()
def share_weights(module: nn.Module, world: World) -> None:
    """Give every process the parameters and buffers of the main one: only gradients are joined later."""
    if world.size > 1:
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, src=0)


def _alone() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) == 1


def gather_rows(rows: Tensor) -> Tensor:
    """Join equally many rows of every process, ``(B, ...)`` to ``(world * B, ...)``, with a gradient.

    Every process then computes the same loss, so the gradient of a row goes to its owner as it is;
    :func:`sum_gradients` adds what the processes found for the parameters.
    """
    joined: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return joined


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Add the gradients of all processes, in one message."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:  # noqa: ANN401 - torch's context has no public type
        ctx.start, ctx.count = dist.get_rank() * len(rows), len(rows)
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401 - as above
        return gradient[ctx.start : ctx.start + ctx.count]
