"""Which items make which step, and the loader that reads them in worker processes.

The plan of a whole run is a pure function of the seed: step k holds the same items whether the run was
interrupted or not.
"""

from __future__ import annotations

import gc
import signal
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch.utils.data import DataLoader, Sampler

from sslvqa.data.datasets import Item, ItemKey, JointDataset, derive_seed
from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from sslvqa.data.datasets import GroupDataset, VideoDataset

__all__ = ["PartBatch", "PartPlan", "RunPlan", "StepSampler", "make_loader"]


@dataclass(frozen=True)
class PartBatch:
    """The items of one part in one step."""

    views: Tensor
    """The items' views (or places of views) stacked along a new first axis."""
    scores: Tensor
    """float32 ``(B,)``, NaN where there is none; of groups their levels ``(B, K, K)``."""
    positions: Tensor
    """int64 ``(B,)`` places in the part."""

    def pin_memory(self) -> PartBatch:
        """Move to page-locked memory (called by the loader)."""
        return PartBatch(self.views.pin_memory(), self.scores, self.positions)


@dataclass(frozen=True)
class PartPlan:
    """How one part is gone through.

    Raises:
        ConfigError: If the part is empty or the batch is.
    """

    size: int
    """Items in the part."""
    batch: int
    """Items a step. At most ``size`` are taken, unless the part comes once per epoch: then items repeat with
    other draws."""
    once_per_epoch: bool = False
    """Whether the part comes only with the first step of each epoch of the run (the corpus)."""
    shared: bool = False
    """Whether every process of a distributed run reads all items rather than its share."""

    def __post_init__(self) -> None:
        """Refuse an empty part."""
        if self.size < 1 or self.batch < 1:
            raise ConfigError(
                f"a part of {self.size} items in batches of {self.batch}; both must be at least 1"
            )

    @property
    def taken(self) -> int:
        """Items a step really has."""
        return self.batch if self.once_per_epoch else min(self.batch, self.size)


@dataclass(frozen=True)
class RunPlan:
    """Which items make which step."""

    parts: Mapping[str, PartPlan]
    steps_per_epoch: int
    total_steps: int
    seed: int

    def keys(self, step: int, *, first: bool = False) -> list[ItemKey]:
        """Items of one step, part by part.

        Args:
            step: From 0.
            first: Also give the once-per-epoch parts of the current epoch, wherever in it the step is.
        """
        epoch = step // self.steps_per_epoch
        opens = first or step % self.steps_per_epoch == 0
        keys: list[ItemKey] = []
        for name, part in self.parts.items():
            if part.once_per_epoch and opens:
                keys += self._stream(name, part, epoch)
            elif not part.once_per_epoch:
                keys += self._stream(name, part, step)
        return keys

    def _stream(self, name: str, part: PartPlan, turn: int) -> Iterator[ItemKey]:
        """The ``turn``-th batch of an endless stream of shuffled passes."""
        for position in range(turn * part.taken, (turn + 1) * part.taken):
            epoch, place = divmod(position, part.size)
            yield ItemKey(
                name, epoch, _shuffled(part.size, derive_seed(self.seed, "order", name, epoch))[place]
            )


class StepSampler(Sampler[list[ItemKey]]):
    """The keys of every step from ``start`` to the end of the plan, this process's share of them.

    Args:
        plan: Of the run.
        start: First step.
        rank: This process.
        world: How many processes share each step; divides each shared-out batch.

    Raises:
        ConfigError: If a batch cannot be shared out equally.
    """

    def __init__(self, plan: RunPlan, *, start: int = 0, rank: int = 0, world: int = 1) -> None:
        for name, part in plan.parts.items():
            if not part.shared and part.taken % world:
                raise ConfigError(
                    f"{part.taken} {name} items a step on {world} processes; use a multiple of {world}"
                )
        self.plan, self.start, self.rank, self.world = plan, start, rank, world

    def __len__(self) -> int:
        """Count the remaining steps."""
        return self.plan.total_steps - self.start

    def __iter__(self) -> Iterator[list[ItemKey]]:
        """Yield the keys of each step."""
        for step in range(self.start, self.plan.total_steps):
            keys = self.plan.keys(step, first=step == self.start)
            yield [key for name, part in self.plan.parts.items() for key in self._share(name, part, keys)]

    def _share(self, name: str, part: PartPlan, keys: Sequence[ItemKey]) -> list[ItemKey]:
        mine = [key for key in keys if key.part == name]
        if part.shared or self.world == 1:
            return mine
        size = len(mine) // self.world
        return mine[self.rank * size : (self.rank + 1) * size]


def make_loader(
    parts: Mapping[str, VideoDataset | GroupDataset],
    sampler: Iterable[list[ItemKey]],
    *,
    workers: int,
    prefetch: int = 2,
    pin_memory: bool = False,
) -> DataLoader[dict[str, PartBatch]]:
    """One loader for a whole run: iterating gives ``{part name: PartBatch}`` for each step.

    Args:
        parts: A dataset for each part of the sampler's plan.
        sampler: The items of each step, in order, as a :class:`StepSampler` gives them.
        workers: Reading processes; 0 reads in this one.
        prefetch: Steps that each worker reads ahead.
        pin_memory: Whether to page-lock the views for copies to a GPU.
    """
    gc.collect()  # see _prepare_worker
    return DataLoader(
        JointDataset(parts),  # type: ignore[arg-type]  # collate changes the element type
        batch_sampler=sampler,
        collate_fn=_collate,
        num_workers=workers,
        prefetch_factor=prefetch if workers else None,
        worker_init_fn=_prepare_worker,
        pin_memory=pin_memory,
        generator=torch.Generator(),  # what is drawn is drawn by keys; the global state stays as it is
    )


def _collate(items: Sequence[tuple[str, Item]]) -> dict[str, PartBatch]:
    by_part: dict[str, list[Item]] = {}
    for name, item in items:
        by_part.setdefault(name, []).append(item)
    return {
        name: PartBatch(
            views=torch.stack([item.views for item in group]),
            scores=torch.stack([item.score for item in group]),
            positions=torch.tensor([item.position for item in group]),
        )
        for name, group in by_part.items()
    }


def _prepare_worker(_worker: int) -> None:
    """Keep a forked worker from two things of its parent.

    Stop signals may reach the whole process group, but it is the parent that finishes its step and ends the
    workers. And the parent's garbage stays: freeing its decoders waits for threads that exist only there.
    """
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@lru_cache(maxsize=16)
def _shuffled(size: int, seed: int) -> tuple[int, ...]:
    order: list[int] = torch.randperm(size, generator=torch.Generator().manual_seed(seed)).tolist()
    return tuple(order)
