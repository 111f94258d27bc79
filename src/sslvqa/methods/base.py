"""What every training method shares: its batch, its output, and how views pass through a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sslvqa.errors import ConfigError
from sslvqa.losses import ranking_loss
from sslvqa.nn.compiled import Compiled
from sslvqa.sampling.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Batch", "Compute", "Gather", "Method", "StepOutput", "evaluating", "keep_local", "order_loss"]


@dataclass(frozen=True)
class Batch:
    """The data of one optimisation step; views are uint8 and on the method's device."""

    groups: Tensor | None = None
    """``(S, K, V, 3, T, S, S)``: views of K versions of each scene, two for ST-VQRL."""
    levels: Tensor | None = None
    """float32 ``(S, K, K)``: what is known of their order, see :func:`sslvqa.data.levels.known_order`."""
    labelled: Tensor | None = None
    """``(B, 2, 3, T, S, S)``: two views of each labelled video."""
    scores: Tensor | None = None
    """float32 ``(B,)`` on any scale, higher is better."""
    unlabelled: Tensor | None = None
    """``(U, 2, 3, T, S, S)``."""
    corpus: Tensor | None = None
    """``(R, 3, T, S, S)``: pristine clips; given once an epoch (and again after an interruption)."""
    refresh_corpus: bool = False
    """Whether the statistics of the corpus are to be computed anew under the current weights."""
    progress: float = 1.0
    """Share of the run's steps that are done, in [0, 1): weights that rise with it are full by default."""

    def require_labels(self) -> tuple[Tensor, Tensor]:
        """Return ``labelled`` and ``scores``.

        Raises:
            ConfigError: The batch has none.
        """
        if self.labelled is None or self.scores is None:
            raise ConfigError("the batch has no labelled videos; this method needs some in every step")
        return self.labelled, self.scores

    def require_levels(self) -> tuple[Tensor, Tensor]:
        """Return ``groups`` and ``levels``.

        Raises:
            ConfigError: The batch has none.
        """
        if self.groups is None or self.levels is None:
            raise ConfigError("the batch has no groups of versions whose order is known")
        return self.groups, self.levels


@dataclass(frozen=True)
class StepOutput:
    """Losses of one step."""

    losses: Mapping[str, Tensor]
    """Weighted scalars with graph; the step minimises their sum."""
    log: Mapping[str, float] = field(default_factory=dict)
    """Plain numbers for the record."""

    @property
    def total(self) -> Tensor:
        """Sum of the losses."""
        return torch.stack(list(self.losses.values())).sum()


class Method(nn.Module, ABC):
    """One optimisation step; nothing about devices, loaders or loops."""

    @abstractmethod
    def trainable(self) -> Mapping[str, nn.Module]:
        """Exactly what the optimizer gets; names that end in ``head`` get the head's learning rate."""

    @abstractmethod
    def step(self, batch: Batch) -> StepOutput:
        """Compute the losses of one batch."""

    @abstractmethod
    def predict(self, views: Tensor) -> Tensor:
        """Raw scores ``(B,)`` of uint8 views ``(B, 3, T, S, S)``, higher is better."""

    def after_step(self) -> None:
        """Follow the optimizer's step, as averages of weights do."""


class Gather(Protocol):
    """Joins the rows of all processes; the gradient of a row goes back to the process that made it."""

    def __call__(self, rows: Tensor) -> Tensor:
        """Return ``(world * B, ...)`` from ``(B, ...)``, the same in every process."""
        ...


def keep_local(rows: Tensor) -> Tensor:
    """The gather of a single process: the rows themselves."""
    return rows


def order_loss(
    batch: Batch, score: Callable[[Tensor], Tensor], *, gather: Gather, spread: Tensor, temperature: float
) -> Tensor:
    """How far the groups of a batch are from the known order of their versions.

    Args:
        batch: With groups and levels.
        score: Scores ``(B,)`` of uint8 views ``(B, 3, T, S, S)``.
        gather: Joins scores over processes.
        spread: See :func:`sslvqa.losses.ranking_loss`.
        temperature: The same.

    Raises:
        ConfigError: The batch has none.
    """
    groups, levels = batch.require_levels()
    scores = score(groups.flatten(0, 2)).view(groups.shape[:3])
    return ranking_loss(gather(scores), gather(levels), spread=spread, temperature=temperature)


@dataclass(frozen=True)
class Compute:
    """How views pass through a network; the result does not depend on it, up to rounding."""

    bf16: bool = False
    """Autocast to bfloat16; outputs are float32 again, and losses are always computed in float32."""
    chunk: int = 0
    """Views that keep their activations at once; the rest are recomputed in the backward pass (a third more
    work). 0 keeps all: the fastest as long as memory suffices."""
    compiled: bool = False
    """Compile what gradients are taken of; the first step, and passes without gradients, run as they are."""
    _graphs: dict[object, Compiled[Tensor]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __call__(self, network: Callable[[Tensor], Tensor], views: Tensor) -> Tensor:
        """Apply ``network`` to uint8 views ``(B, 3, T, S, S)`` and return float32 ``(B, ...)``."""
        run = self._form(network, views.shape)

        def forward(part: Tensor) -> Tensor:
            with torch.autocast(part.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                return run(part)

        if not self.chunk or len(views) <= self.chunk:
            return forward(views)
        parts = torch.split(views, self.chunk)
        if not torch.is_grad_enabled():
            return torch.cat([forward(part) for part in parts])
        return torch.cat([checkpoint(forward, part, use_reentrant=False) for part in parts])

    def _form(self, network: Callable[[Tensor], Tensor], shape: torch.Size) -> Callable[[Tensor], Tensor]:
        """The network from uint8 views to float32, compiled where it is worth it."""

        def plain(part: Tensor) -> Tensor:
            return network(normalize(part)).float()

        if not (self.compiled and torch.is_grad_enabled()):
            return plain
        if network not in self._graphs:
            self._graphs[network] = Compiled(plain)
        return self._graphs[network].ready(shape)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, the former mode after."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
