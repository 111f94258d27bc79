"""Gaussians fitted to token sets, and the distance between them (paper Eq. 1)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from sslvqa.errors import DataError

__all__ = ["gaussian_distance", "pairwise_gaussian_distance", "shrink", "token_moments"]

JITTERS = (
    1e-6,
    1e-5,
    1e-4,
    1e-3,
    1e-2,
    1e-1,
)  # of the mean variance; tried in turn where a factorisation fails


def token_moments(tokens: Tensor, *, shrinkage: float = 0.0) -> tuple[Tensor, Tensor]:
    """Mean and unbiased covariance of token sets.

    Args:
        tokens: ``(..., N, C)``, N >= 2. Half precision is raised to float32, also under autocast.
        shrinkage: Share in [0, 1] of the scaled identity in the covariance, see :func:`shrink`.

    Returns:
        Means ``(..., C)`` and covariances ``(..., C, C)``, of rank N - 1 at most before shrinkage.

    Raises:
        DataError: If a set has fewer than two tokens.
    """
    if tokens.ndim < 2 or tokens.shape[-2] < 2:
        raise DataError(
            f"tokens have shape {tuple(tokens.shape)}; a covariance needs (..., N >= 2 tokens, channels)"
        )
    with torch.autocast(tokens.device.type, enabled=False):
        tokens = _at_least_float32(tokens)
        mean = tokens.mean(dim=-2)
        centred = tokens - mean.unsqueeze(-2)
        cov = centred.mT @ centred / (tokens.shape[-2] - 1)
        return mean, shrink(cov, shrinkage)


def shrink(cov: Tensor, amount: float) -> Tensor:
    """Move covariances towards the identity times their mean variance: ``(1 - a) cov + a tr(cov)/C I``.

    Args:
        cov: ``(..., C, C)``.
        amount: a, in [0, 1]; 0 changes nothing.

    Returns:
        The covariances, same traces; positive definite for a > 0 unless all variances are 0.
    """
    if amount == 0:
        return cov
    variance = cov.diagonal(dim1=-2, dim2=-1).mean(dim=-1)[..., None, None]
    eye = torch.eye(cov.shape[-1], dtype=cov.dtype, device=cov.device)
    return (1 - amount) * cov + amount * variance * eye


def gaussian_distance(
    mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor, *, ridge: float = 1e-4
) -> Tensor:
    """Distance of Gaussians, ``sqrt((a - b)' ((A + B)/2 + ridge I)^-1 (a - b))`` (paper Eq. 1).

    Args:
        mean_a: ``(..., C)``.
        cov_a: ``(..., C, C)``.
        mean_b: As ``mean_a``, or broadcasting with it.
        cov_b: As ``cov_a``, or broadcasting with it.
        ridge: Added to the diagonal of the averaged covariance.

    Returns:
        ``(...)``, float32 at least: >= 0, and 0 iff the means coincide; symmetric in a and b. Its gradient is
        0 where the means coincide. An averaged covariance that cannot be factorised in this precision gets
        the smallest of a few further ridges that makes it so.
    """
    with torch.autocast(mean_a.device.type, enabled=False):
        mean_a, cov_a, mean_b, cov_b = (_at_least_float32(x) for x in (mean_a, cov_a, mean_b, cov_b))
        eye = torch.eye(cov_a.shape[-1], dtype=cov_a.dtype, device=cov_a.device)
        pooled = (cov_a + cov_b) / 2 + ridge * eye
        delta = mean_a - mean_b
        shape = torch.broadcast_shapes(delta.shape, pooled.shape[:-1])  # type: ignore[no-untyped-call]
        pooled = pooled.expand(*shape, -1)
        distance: Tensor = _Mahalanobis.apply(delta.expand(shape), pooled)  # type: ignore[no-untyped-call]
        return distance


def pairwise_gaussian_distance(
    first: Tensor, second: Tensor, *, ridge: float = 1e-4, shrinkage: float = 0.0
) -> Tensor:
    """Distance of every token set of ``first`` to every one of ``second``, with one batched factorisation.

    Args:
        first: ``(..., K, N, C)``.
        second: ``(..., L, M, C)``.
        ridge: See :func:`gaussian_distance`.
        shrinkage: See :func:`token_moments`.

    Returns:
        ``(..., K, L)``; entry (i, j) is d(first_i, second_j).
    """
    mean_a, cov_a = token_moments(first, shrinkage=shrinkage)
    mean_b, cov_b = token_moments(second, shrinkage=shrinkage)
    return gaussian_distance(
        mean_a.unsqueeze(-2), cov_a.unsqueeze(-3), mean_b.unsqueeze(-3), cov_b.unsqueeze(-4), ridge=ridge
    )


class _Mahalanobis(torch.autograd.Function):
    """``sqrt(x' S^-1 x)``, with the closed-form gradient: no derivative of the factorisation is needed.

    With y = S^-1 x and d the distance, the gradients are ``y / d`` for x and ``-y y' / (2 d)`` for S.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, delta: Tensor, cov: Tensor) -> Tensor:
        factor = _cholesky(cov)
        white = torch.linalg.solve_triangular(factor, delta.unsqueeze(-1), upper=False)
        distance: Tensor = torch.linalg.vector_norm(white, dim=(-2, -1))
        solved = torch.linalg.solve_triangular(factor.mT, white, upper=True).squeeze(-1)
        ctx.save_for_backward(solved, distance)
        return distance

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor]:
        solved, distance = ctx.saved_tensors  # type: ignore[attr-defined]
        positive = distance > 0
        scale = torch.where(positive, grad / torch.where(positive, distance, 1), 0)[..., None]
        to_delta = scale * solved
        return to_delta, -0.5 * to_delta.unsqueeze(-1) * solved.unsqueeze(-2)


def _cholesky(cov: Tensor) -> Tensor:
    """Factorise; where that fails, add ever larger multiples of the mean variance to the diagonal."""
    factor: Tensor
    factor, info = torch.linalg.cholesky_ex(cov)
    if not bool(info.any()):  # the only wait for the device
        return factor
    variance = cov.diagonal(dim1=-2, dim2=-1).abs().mean(dim=-1)
    floor = torch.finfo(cov.dtype).eps
    for jitter in JITTERS:
        failed = (info > 0)[..., None, None]
        extra = torch.diag_embed((jitter * variance + floor)[..., None].expand(cov.shape[:-1]))
        retry, info_retry = torch.linalg.cholesky_ex(cov + extra)
        factor = torch.where(failed, retry, factor)
        info = torch.where(info > 0, info_retry, info)
    return factor


def _at_least_float32(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()
