"""Maximum-likelihood recovery of quality from votes of raters who differ in bias and care."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sslvqa.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sslvqa.rate.votes import Votes

__all__ = ["Recovery", "recover"]

_FLOOR = 1e-8
"""Added to a variance before it is inverted, as in the published solver."""
_PRIOR_VOTES = 2.0


@dataclass(frozen=True)
class Recovery:
    """Estimates and their standard errors; NaN for a video or rater without votes."""

    quality: NDArray[np.float64]
    """psi of each video, on the scale of the votes."""
    quality_error: NDArray[np.float64]
    bias: NDArray[np.float64]
    """Delta of each rater, positive for votes above the others'; its mean is 0 over the votes (published
    form: over the raters) of those who share videos."""
    bias_error: NDArray[np.float64]
    inconsistency: NDArray[np.float64]
    """upsilon of each rater: standard deviation of the votes around quality plus bias."""
    inconsistency_error: NDArray[np.float64]
    iterations: int
    converged: bool
    groups: int
    """Sets of raters that share no video with each other; scores are comparable within a set only."""


def recover(
    votes: Votes, *, restricted: bool = True, iterations: int = 1000, tolerance: float = 1e-8
) -> Recovery:
    """Fit ``vote = psi_video + Delta_rater + upsilon_rater * N(0, 1)`` by alternating projection.

    Source: Li, Bampis, Krasula, Janowski, Katsavounidis, *A Simple Model for Subject Behavior in Subjective
    Experiments*, HVEI 2020; ITU-T P.910 and P.913 (12.6) have it as the recommended analysis.

    1. upsilon_i² = mean of the squared residuals of rater i;
    2. psi_j = mean over raters of (vote - Delta_i), weighted by 1 / upsilon_i²;
    3. Delta_i = mean over videos of (vote - psi_j); until psi moves by less than ``tolerance`` (Euclidean).

    Standard errors are those of the inverse second derivatives: ``1 / sqrt(sum 1 / upsilon_i²)`` for psi,
    ``upsilon_i / sqrt(n_i)`` for Delta and ``upsilon_i / sqrt(2 n_i)`` for upsilon.

    Args:
        votes: One vote for each rater and video; missing ones are fine.
        restricted: The published likelihood grows without bound when quality follows one rater exactly: of
            three raters one gets upsilon = 0 and decides alone. The restricted one counts what fitting used
            up: step 1 divides by ``sum_j (1 - h_ij) (1 - 1 / n_i)``, h_ij the share of rater i in psi_j, and
            two imaginary votes of the common variance keep a rater of a vote or two finite. With 25 raters
            both hardly differ. False is the published method to the letter.
        iterations: Most iterations.
        tolerance: On the change of psi, in units of the votes.

    Raises:
        DataError: Fewer than two raters.
    """
    raters, videos = len(votes.raters), len(votes.videos)
    of_rater = np.bincount(votes.rater, minlength=raters)
    if np.count_nonzero(of_rater) < 2:
        raise DataError("recovery got votes of one rater; it compares raters, so two or more are needed")
    groups = _groups(votes)
    present = np.where(of_rater > 0, 1.0, np.nan)
    quality = _mean(votes.video, votes.value, videos)
    bias = _mean(votes.rater, votes.value - quality[votes.video], raters)
    share = _share(votes, np.ones(raters)) if restricted else None
    converged, step = False, 0
    while not converged and step < iterations:
        before = quality
        variance = _variance(votes, quality, bias, share)
        precision = 1.0 / (variance + _FLOOR)
        weight = precision[votes.rater]
        share = _share(votes, precision) if restricted else None
        quality = _mean(votes.video, votes.value - bias[votes.rater], videos, weight)
        bias = _mean(votes.rater, votes.value - quality[votes.video], raters)
        step += 1
        converged = bool(np.sqrt(np.nansum((quality - before) ** 2)) < tolerance)
    gauge = of_rater.astype(np.float64) if restricted else np.where(of_rater > 0, 1.0, 0.0)
    shift = _mean(groups, bias, int(groups.max()) + 1, weights=gauge)
    bias = bias - shift[groups]
    quality = quality + _mean(votes.video, shift[groups][votes.rater], videos)
    with np.errstate(divide="ignore", invalid="ignore"):
        inconsistency = np.sqrt(variance) * present
        known = np.bincount(votes.video, weights=weight, minlength=videos)
        return Recovery(
            quality=quality,
            quality_error=np.where(known > 0, 1.0 / np.sqrt(known), np.nan),
            bias=bias,
            bias_error=inconsistency / np.sqrt(of_rater),
            inconsistency=inconsistency,
            inconsistency_error=inconsistency / np.sqrt(2 * of_rater),
            iterations=step,
            converged=converged,
            groups=int(np.unique(groups[of_rater > 0]).size),
        )


def _variance(
    votes: Votes, quality: NDArray[np.float64], bias: NDArray[np.float64], share: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Return upsilon² of each rater from the residuals, about their mean (which is the bias).

    ``share`` of each vote in its video's quality asks for the restricted estimate.
    """
    count = np.bincount(votes.rater, minlength=bias.size)
    residual = votes.value - quality[votes.video] - bias[votes.rater]
    centred = residual - _mean(votes.rater, residual, bias.size)[votes.rater]
    squares = np.bincount(votes.rater, weights=centred**2, minlength=bias.size)
    if share is None:
        plain: NDArray[np.float64] = squares / np.maximum(count, 1)
        return plain
    used = np.bincount(votes.rater, weights=1.0 - share, minlength=bias.size)
    free = used * (1.0 - 1.0 / np.maximum(count, 1))
    common = squares.sum() / max(float(free.sum()), 1.0)
    restricted: NDArray[np.float64] = (squares + _PRIOR_VOTES * common) / (free + _PRIOR_VOTES)
    return restricted


def _share(votes: Votes, precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of each vote in the quality of its video, in [0, 1]."""
    weight = precision[votes.rater]
    shares: NDArray[np.float64] = weight / np.bincount(votes.video, weights=weight)[votes.video]
    return shares


def _mean(
    index: NDArray[np.intp] | NDArray[np.int32],
    values: NDArray[np.float64],
    size: int,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Weighted mean of the values of each index, NaN where there are none."""
    weight = np.ones_like(values) if weights is None else weights
    used = weight > 0
    total = np.bincount(index[used], weights=(values * weight)[used], minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[np.float64] = total / np.bincount(index[used], weights=weight[used], minlength=size)
    return mean


def _groups(votes: Votes) -> NDArray[np.int32]:
    """Label raters by the connected part of the rater-video graph they are in."""
    raters = len(votes.raters)
    nodes = raters + len(votes.videos)
    graph = coo_array((np.ones(len(votes)), (votes.rater, raters + votes.video)), shape=(nodes, nodes))
    labels: NDArray[np.int32] = connected_components(graph, directed=False)[1][:raters]
    return labels
