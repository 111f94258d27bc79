"""Losses for scores whose order is known, such as versions of one scene with rising distortion."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sslvqa.errors import DataError

__all__ = ["pairwise_logistic_loss", "pairwise_margin_loss", "ranking_loss"]


def pairwise_margin_loss(scores: Tensor, levels: Tensor, *, margin: float = 0.0) -> Tensor:
    """Mean over ordered pairs of ``relu(margin - (better - worse))``.

    Args:
        scores: ``(..., K)``.
        levels: Known quality order, expands to ``(..., K)``: a higher level is better. Only pairs of
            different levels count; NaN is unknown and counts in no pair.
        margin: By how much the better score must exceed the worse one, in units of the scores.

    Returns:
        Scalar >= 0, lower is better; 0 when no pair is ordered.

    Raises:
        DataError: If the shapes do not fit.
    """
    difference, ordered = _pairs(scores, levels)
    return _mean_over(F.relu(margin - difference), ordered)


def pairwise_logistic_loss(scores: Tensor, levels: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Mean over ordered pairs of ``log(1 + exp(-(better - worse) / temperature))``.

    Args:
        scores: ``(..., K)``.
        levels: See :func:`pairwise_margin_loss`.
        temperature: Difference of scores that counts as clear, > 0.

    Returns:
        Scalar >= 0, lower is better; ``log 2`` for equal scores, 0 when no pair is ordered.

    Raises:
        DataError: If the shapes do not fit.
    """
    difference, ordered = _pairs(scores, levels)
    return _mean_over(F.softplus(-difference / temperature), ordered)


def ranking_loss(scores: Tensor, levels: Tensor, *, spread: Tensor, temperature: float = 0.25) -> Tensor:
    """How far versions of a scene are from their known order: the logistic loss of each view, averaged.

    Args:
        scores: ``(S, K, V)``, of V views of K versions of S scenes; on any scale.
        levels: ``(S, F, K)``, as in :func:`pairwise_margin_loss`, F rows of them.
        spread: Standard deviation that scores of many videos have, so that the scale does not matter; no
            gradient flows into it.
        temperature: Difference that counts as clear, in units of ``spread``.

    Returns:
        Scalar >= 0, lower is better; ``log 2`` for equal scores.
    """
    relative = scores / spread.detach().clamp_min(1e-6)
    views = relative.permute(2, 0, 1).unsqueeze(2)  # (V, S, 1, K), for each kind
    views = views.expand(-1, -1, levels.shape[1], -1)
    return pairwise_logistic_loss(views, levels.expand(len(views), -1, -1, -1), temperature=temperature)


def _pairs(scores: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    """Return s_i - s_j and whether i is better than j, both ``(..., K, K)``."""
    if scores.ndim == 0 or levels.ndim == 0 or scores.shape[-1] != levels.shape[-1]:
        raise DataError(
            f"scores have shape {tuple(scores.shape)} and levels {tuple(levels.shape)}; "
            "both need one entry per version, last"
        )
    difference = scores.unsqueeze(-1) - scores.unsqueeze(-2)
    ordered = levels.unsqueeze(-1) > levels.unsqueeze(-2)
    return difference, ordered.expand_as(difference)


def _mean_over(values: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(chosen, values, 0).sum() / chosen.sum().clamp(min=1)
