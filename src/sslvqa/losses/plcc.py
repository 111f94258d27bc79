"""Pearson correlation (PLCC) of a batch, and the losses made of it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from sslvqa.errors import DataError

__all__ = ["PlccKind", "plcc", "plcc_loss", "supervised_loss"]

PlccKind = Literal["paper", "released"]


def plcc(first: Tensor, second: Tensor) -> Tensor:
    """Pearson correlation of two batches of scores.

    Args:
        first: ``(B,)``; half precision is raised to float32.
        second: ``(B,)``.

    Returns:
        Scalar in [-1, 1]. 0, with a gradient of 0, where it is undefined: when a batch is constant up to
        rounding, or holds one score.

    Raises:
        DataError: If the batches are not one-dimensional, differ in length, or are empty.
    """
    if first.ndim != 1 or first.shape != second.shape or len(first) == 0:
        raise DataError(
            f"scores have shapes {tuple(first.shape)} and {tuple(second.shape)}; PLCC needs equal ones (B,)"
        )
    with torch.autocast(first.device.type, enabled=False):
        first, second = (x if x.dtype == torch.float64 else x.float() for x in (first, second))
        return (_unit(first) * _unit(second)).sum().clamp(-1, 1)


def plcc_loss(first: Tensor, second: Tensor, *, kind: PlccKind = "paper") -> Tensor:
    """How far two batches of scores are from an increasing linear relation.

    Args:
        first: ``(B,)``.
        second: ``(B,)``.
        kind: ``paper``: ``(1 - rho) / 2``; ``released``: the mean of that and ``(1 - rho^2) / 4``.

    Returns:
        Scalar in [0, 1] (``released``: [0, 1/2]), lower is better, unchanged by ``a x + b`` with a > 0 of
        either batch. ``paper`` gives 0, 1 and 1/2 for equal, reversed and constant scores.

    Raises:
        DataError: As :func:`plcc`.
    """
    rho = plcc(first, second)
    linear = (1 - rho) / 2
    return linear if kind == "paper" else (linear + (1 - rho.square()) / 4) / 2


def supervised_loss(scores: Tensor, labels: Tensor, *, kind: PlccKind = "paper") -> Tensor:
    """L_s: the PLCC loss of each view of the labelled videos, averaged over views.

    Args:
        scores: ``(B, V)``, of V views of each video; the paper looks at one.
        labels: ``(B,)``.
        kind: See :func:`plcc_loss`.

    Returns:
        Scalar, see :func:`plcc_loss`.

    Raises:
        DataError: As :func:`plcc`.
    """
    return torch.stack([plcc_loss(view, labels, kind=kind) for view in scores.unbind(dim=1)]).mean()


def _unit(scores: Tensor) -> Tensor:
    """Centre scores and scale them to length 1; zeros where their spread is only rounding."""
    centred = scores - scores.mean()
    length = torch.linalg.vector_norm(centred)
    rounding = 16 * torch.finfo(scores.dtype).eps * torch.linalg.vector_norm(scores.detach())
    varies = length.detach() > rounding
    return torch.where(varies, centred / torch.where(varies, length, 1), 0)
