"""Contrastive losses of ST-VQRL: two views of a version against its scene's other ones (paper Eq. 2, 3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sslvqa.errors import DataError
from sslvqa.nn.gaussian import pairwise_gaussian_distance

__all__ = ["contrastive_loss", "cosine_contrastive_loss", "statistical_contrastive_loss"]


def contrastive_loss(logits: Tensor) -> Tensor:
    """Cross-entropy of picking the own partner, in both directions.

    Args:
        logits: ``(S, K, K)``; entry (i, j) grows with the likeness of first view i and second view j.

    Returns:
        Scalar: mean over rows plus mean over columns; ``2 log K`` when all logits are equal.
    """
    target = torch.arange(logits.shape[-1], device=logits.device).expand(logits.shape[:-1])
    first = F.cross_entropy(logits.flatten(0, 1), target.flatten())
    second = F.cross_entropy(logits.mT.flatten(0, 1), target.flatten())
    return first + second


def statistical_contrastive_loss(
    first: Tensor,
    second: Tensor,
    *,
    temperature: float = 10.0,
    ridge: float = 1e-4,
    shrinkage: float = 0.0,
    cross_scene: bool = False,
) -> Tensor:
    """Contrast views by the distance of the Gaussians of their tokens.

    Args:
        first: Tokens of the first views ``(S, K, N, C)``: S scenes of K versions.
        second: Tokens of the second views, same scenes and versions.
        temperature: tau; the logits are -distance / tau.
        ridge: Added to the diagonal of each averaged covariance.
        shrinkage: Share of the scaled identity in each covariance, for views with fewer tokens than channels.
        cross_scene: Whether versions of the other scenes are negatives too.

    Returns:
        Scalar >= 0, lower is better: mean over scenes of L' + L''.

    Raises:
        DataError: If the shapes are not equal and four-dimensional, or a view has fewer than two tokens.
    """
    first, second = _arrange(first, second, cross_scene=cross_scene)
    distance = pairwise_gaussian_distance(first, second, ridge=ridge, shrinkage=shrinkage)
    return contrastive_loss(-distance / temperature)


def cosine_contrastive_loss(
    first: Tensor, second: Tensor, *, temperature: float = 0.1, cross_scene: bool = False
) -> Tensor:
    """Contrast views by the cosine similarity of their mean tokens (the ablation of paper Table 4).

    Args:
        first: Tokens of the first views ``(S, K, N, C)``.
        second: Tokens of the second views, same scenes and versions.
        temperature: The logits are cosine / temperature. A cosine spans 2 where a distance spans tens,
            hence a smaller default than the statistical loss has.
        cross_scene: Whether versions of the other scenes are negatives too.

    Returns:
        Scalar >= 0, lower is better.

    Raises:
        DataError: If the shapes are not equal and four-dimensional.
    """
    first, second = _arrange(first, second, cross_scene=cross_scene)
    with torch.autocast(first.device.type, enabled=False):
        a, b = (_direction(x if x.dtype == torch.float64 else x.float()) for x in (first, second))
        return contrastive_loss(a @ b.mT / temperature)


def _arrange(first: Tensor, second: Tensor, *, cross_scene: bool) -> tuple[Tensor, Tensor]:
    if first.ndim != 4 or first.shape != second.shape or first.numel() == 0:
        raise DataError(
            f"tokens have shapes {tuple(first.shape)} and {tuple(second.shape)}; "
            "a contrastive loss needs two equal ones (scenes, versions, tokens, channels)"
        )
    if cross_scene:
        return first.flatten(0, 1).unsqueeze(0), second.flatten(0, 1).unsqueeze(0)
    return first, second


def _direction(tokens: Tensor) -> Tensor:
    """Mean token scaled to length 1; zeros, without a gradient, where it is 0."""
    mean = tokens.mean(dim=-2)
    length = torch.linalg.vector_norm(mean, dim=-1, keepdim=True)
    return torch.where(length > 0, mean / torch.where(length > 0, length, 1), 0)
