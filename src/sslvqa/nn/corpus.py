"""Statistics of the pristine corpus: one Gaussian over the tokens of all its clips (paper section on Q_D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sslvqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CorpusStatistics", "corpus_moments"]


@dataclass(frozen=True, slots=True, eq=False)
class CorpusStatistics:
    """Gaussian of pristine tokens, float64."""

    mean: Tensor
    """``(C,)``."""
    cov: Tensor
    """``(C, C)``, unbiased, without shrinkage or ridge."""
    tokens: int
    """How many tokens it was computed from."""


@torch.no_grad()
def corpus_moments(batches: Iterable[Tensor]) -> CorpusStatistics:
    """Mean and unbiased covariance of all tokens of a stream, in float64 and constant memory.

    Args:
        batches: Tensors ``(..., N, C)`` with the same C; only one is held at a time.

    Returns:
        The statistics, on the device of the batches.

    Raises:
        DataError: If there are fewer than two tokens, or the channel counts differ.
    """
    count, mean, scatter = 0, torch.zeros(()), torch.zeros(())
    for batch in batches:
        tokens = batch.reshape(-1, batch.shape[-1]).double()
        if count and tokens.shape[-1] != mean.shape[-1]:
            raise DataError(
                f"tokens have {tokens.shape[-1]} channels after batches of {mean.shape[-1]}; use one model"
            )
        added = len(tokens)
        if added == 0:
            continue
        own_mean = tokens.mean(dim=0)
        centred = tokens - own_mean
        own_scatter = centred.mT @ centred
        if count == 0:
            count, mean, scatter = added, own_mean, own_scatter
            continue
        shift = own_mean - mean
        scatter = scatter + own_scatter + torch.outer(shift, shift) * (count * added / (count + added))
        mean = mean + shift * (added / (count + added))
        count += added
    if count < 2:
        raise DataError(f"the corpus has {count} tokens; a covariance needs at least 2: add pristine clips")
    return CorpusStatistics(mean, scatter / (count - 1), count)
