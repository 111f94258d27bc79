"""Token scores to a quality map of a frame (method, section 7).

Every token of a view has one score. It belongs to a square of the view's pixels, and the view's plan tells
where those pixels lie in the frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from sslvqa.sampling import ViewPlan

__all__ = ["QualityMap", "fill_uncovered", "smooth_maps"]


@dataclass(frozen=True, slots=True)
class QualityMap:
    """Local quality of one frame at source resolution."""

    frame_index: int
    """Frame number in the video."""
    values: NDArray[np.float32]
    """``(H, W)``, the unit of the token scores; higher is better. Interpolated where not covered."""
    coverage: NDArray[np.bool_]
    """``(H, W)``, true where a fragment measured the pixel."""
    sampled_index: int
    """Middle of the clip that the coverage is of: the one that is nearer in time."""


def smooth_maps(
    token_scores: NDArray[np.floating], plans: Sequence[ViewPlan], *, frames: Iterable[int]
) -> Iterator[QualityMap]:
    """Maps that change gradually: blurred over the width of a token, and interpolated between the clips.

    All views of a clip make one map, which holds at the clip's middle. A pixel gets the mean score, over the
    clip's frames, of all tokens that saw it; between such pixels it is interpolated. A frame between two
    middles takes their linear interpolation, one before the first or after the last that map.

    Args:
        token_scores: ``(n, T', h, w)``, one map for each view; T' divides the views' frames, h and w divide
            their side.
        plans: The n plans that the views were read with; the draws of a clip next to each other.
        frames: Numbers of the wanted frames, best in increasing order: two clips' maps are held at a time.

    Returns:
        One map for each frame, in the same order, made as it is asked for. A map has no gaps and lies between
        the least and the greatest score of the tokens.

    Raises:
        ConfigError: If the shapes of scores and plans do not fit together, or a frame is negative.
        DataError: If a score is not finite.
    """
    scores = np.asarray(token_scores, dtype=np.float64)
    _check(scores, plans)
    clips = [list(views) for _, views in groupby(range(len(plans)), key=lambda view: plans[view].clip)]
    middles = [plans[views[0]].clip.middle for views in clips]
    still = scores.mean(axis=1)

    @lru_cache(maxsize=2)
    def clip_map(number: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        views = clips[number]
        values, covered = _project(views, still, plans)
        return _blur(values, plans[views[0]], tokens=scores.shape[2]), covered

    return _interpolated(clip_map, np.asarray(middles), frames)


def _interpolated(
    clip_map: Callable[[int], tuple[NDArray[np.float32], NDArray[np.bool_]]],
    middles: NDArray[np.int64],
    frames: Iterable[int],
) -> Iterator[QualityMap]:
    """The maps of :func:`smooth_maps` from the maps of the clips, whose ``middles`` increase."""
    for frame in frames:
        if frame < 0:
            raise ConfigError(f"frame is {frame}; frame numbers start at 0")
        after = min(int(np.searchsorted(middles, frame)), middles.size - 1)
        before = max(after - 1, 0) if frame < middles[after] else after
        gap = int(middles[after] - middles[before])
        share = (frame - int(middles[before])) / gap if gap and frame > middles[before] else 0.0
        near = after if share > 0.5 else before
        values, covered = clip_map(before)
        if share:
            later = clip_map(after)
            values = np.float32(1 - share) * values + np.float32(share) * later[0]
            covered = clip_map(near)[1]
        yield QualityMap(frame, values, covered, int(middles[near]))


def fill_uncovered(values: NDArray[np.float32], covered: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Interpolate over pixels without a value, keeping the others as they are.

    Averages of covered pixels are formed over squares of 2, 4, 8, ... px until none is empty; then, from
    coarse to fine, empty places take the bilinear interpolation of the next coarser level (pull-push). Linear
    time; every result lies between the least and the greatest covered value.

    Args:
        values: ``(H, W)``; ignored where not covered.
        covered: ``(H, W)``.

    Returns:
        ``(H, W)`` without gaps.

    Raises:
        DataError: If no pixel is covered.
    """
    if not covered.any():
        raise DataError(
            "no pixel of the frame is covered by a fragment; a map needs at least one token; add draws"
        )
    return _pull_push(np.where(covered, values, 0.0), covered.astype(np.float32))


def _pull_push(values: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """One level of :func:`fill_uncovered`; ``weights`` in [0, 1] say how far a value is known."""
    if weights.min() >= 1:
        return values
    mass = _halve(values * weights)
    coarse_weights = _halve(weights)
    known = coarse_weights > 0
    coarse = _pull_push(np.divide(mass, coarse_weights, out=mass, where=known), known.astype(np.float32))
    guess = _double(coarse)[: values.shape[0], : values.shape[1]]
    return values * weights + guess * (1 - weights)


def _halve(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over 2 x 2 px; an odd side is padded with zeros."""
    padded = np.pad(image, [(0, side % 2) for side in image.shape])
    return padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]


def _double(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Twice the height, then twice the width; bilinear, with aligned outer edges."""
    for _ in range(2):
        padded = np.pad(image, [(1, 1), (0, 0)], mode="edge")
        larger = np.empty((2 * image.shape[0], image.shape[1]), dtype=image.dtype)
        larger[0::2] = 0.75 * image + 0.25 * padded[:-2]
        larger[1::2] = 0.75 * image + 0.25 * padded[2:]
        image = larger.T
    return image


def _project(
    views: Sequence[int], scores: NDArray[np.float64], plans: Sequence[ViewPlan]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Mean over the tokens of some views that saw a pixel, interpolated elsewhere; and where they did.

    ``scores`` is ``(n, h, w)``, a number for each place of a view.
    """
    first = plans[0].fragments
    shape = (first.source_height_px, first.source_width_px)
    count, total = np.zeros(math.prod(shape), np.int32), np.zeros(math.prod(shape), np.float32)
    for view in views:
        pixels = _flat_pixels(plans[view])
        np.add.at(count, pixels, 1)
        np.add.at(total, pixels, _spread(scores[view], plans[view].fragments.view_px).astype(np.float32))
    covered = (count > 0).reshape(shape)
    mean = total / np.maximum(count, 1)
    return fill_uncovered(mean.astype(np.float32).reshape(shape), covered), covered


def _blur(values: NDArray[np.float32], plan: ViewPlan, *, tokens: int) -> NDArray[np.float32]:
    """Gaussian blur over half a token's side in px of the frame: a token's square has no meaning."""
    from scipy.ndimage import gaussian_filter  # slow to import, and most scores come without a map

    fragments = plan.fragments
    sigma = fragments.view_px / tokens / fragments.scale / 2
    blurred: NDArray[np.float32] = gaussian_filter(values, sigma, mode="nearest", truncate=3.0)
    return blurred


def _flat_pixels(plan: ViewPlan) -> NDArray[np.int64]:
    """For every pixel of the view, row by row: the number of the frame's pixel, counted row by row."""
    rows, columns = plan.fragments.source_pixels()
    return (rows * plan.fragments.source_width_px + columns).ravel()


def _spread(token_map: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The score of the token that every pixel of the view belongs to, row by row, ``(size * size,)``."""
    rows, columns = token_map.shape
    return token_map.repeat(size // rows, axis=0).repeat(size // columns, axis=1).ravel()


def _check(scores: NDArray[np.float64], plans: Sequence[ViewPlan]) -> None:
    """Refuse scores and plans that do not describe the same views."""
    if scores.ndim != 4 or 0 in scores.shape or len(scores) != len(plans):
        raise ConfigError(
            f"token scores have shape {scores.shape} for {len(plans)} plans; expected (n, T', h, w), n plans"
        )
    if len({(p.fragments.source_height_px, p.fragments.source_width_px) for p in plans}) > 1:
        raise ConfigError("the plans are for frames of different sizes; project each video on its own")
    tokens, rows, columns = scores.shape[1:]
    for plan in plans:
        side, frames = plan.fragments.view_px, len(plan.clip.indices)
        if side % rows or side % columns:
            raise ConfigError(f"token maps are {rows}x{columns} for views of {side} px; give divisors of it")
        if frames % tokens:
            raise ConfigError(f"{tokens} temporal tokens for a clip of {frames} frames; give a divisor of it")
    if not np.isfinite(scores).all():
        raise DataError("a token score is not finite; a map needs numbers; check the model and its weights")
