"""Local quality: the token scores of a few clips that cover the frame, and what colours stand for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sslvqa.errors import ConfigError
from sslvqa.maps import score_limits, smooth_maps
from sslvqa.sampling.fragments import tile_fragments
from sslvqa.sampling.qcs import ViewPlan, read_views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from sslvqa.maps import QualityMap
    from sslvqa.sampling.temporal import ClipPlan
    from sslvqa.scoring.scorer import Scorer
    from sslvqa.video.reader import Video

__all__ = ["LocalQuality", "MapRange", "measure_local"]

MapRange = Literal["auto", "scale"]
"""What the colours span: ``auto`` the video's own values, ``scale`` the whole scale of the model."""

_MOST_VIEWS = 512
_LEAST_RANGE = 0.1


@dataclass(frozen=True, slots=True)
class LocalQuality:
    """Q_R of every token of the views that were measured."""

    token_scores: NDArray[np.float64]
    """``(n, T', h, w)``, on the scale of ``q_r``; all views of a clip have the same mean."""
    plans: tuple[ViewPlan, ...]
    label: str
    """What the values are."""
    scale: tuple[float, float] | None
    """Ends of the model's scale; None for raw scores."""

    def maps(self, frames: Iterable[int]) -> Iterator[QualityMap]:
        """Smooth maps of frames, made as they are asked for; see :func:`sslvqa.maps.smooth_maps`."""
        return smooth_maps(self.token_scores, self.plans, frames=frames)

    def limits(self, kind: MapRange = "auto") -> tuple[float, float]:
        """Scores of the first and the last colour.

        ``auto`` goes from the 2nd to the 98th percentile, over a tenth of the scale at least, so that an even
        picture stays even; ``scale`` makes the colours of different videos comparable.

        Raises:
            ConfigError: ``scale`` is asked for raw scores, or the kind is unknown.
        """
        if kind not in {"auto", "scale"}:
            raise ConfigError(f"map range is {kind!r}; allowed are auto and scale")
        if kind == "scale":
            if self.scale is None:
                raise ConfigError(
                    "map range 'scale' needs calibrated scores; raw Q_R has no scale; use 'auto'"
                )
            return self.scale
        ends = np.percentile(self.token_scores.mean(axis=1), [2, 98])
        low, high = score_limits([ends])
        if self.scale is None:
            return low, high
        room = max(_LEAST_RANGE * (self.scale[1] - self.scale[0]) - (high - low), 0) / 2
        return low - room, high + room


def measure_local(
    video: Video,
    *,
    scorer: Scorer,
    clips: Sequence[ClipPlan],
    draws: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> LocalQuality:
    """Score the tokens of clips, with fragments that cover the frame.

    One clip is read and scored at a time, so memory does not grow with their number.

    Args:
        video: An open video.
        scorer: Its model's Q_R is measured.
        clips: In temporal order.
        draws: Views of each clip, on a regular lattice. Default as many as cover every pixel, but at most
            512 for all clips together (and 8 for each at least).
        progress: Called with the fraction of the clips that were measured, after each.

    Raises:
        ConfigError: ``draws`` is below 1.
        UnreadableVideoError: A frame does not decode.
    """
    geometry, info = scorer.card.architecture.geometry, video.info
    most = max(_MOST_VIEWS // len(clips), 8) if draws is None else draws
    tiles = tile_fragments(
        info.height_px, info.width_px, grid=geometry.grid, size=geometry.fragment_px, most=most
    )
    plans = [[ViewPlan(clip, tile) for tile in tiles] for clip in dict.fromkeys(clips)]
    scores = []
    for part in plans:
        scores.append(_aligned(scorer.token_scores(read_views(video, part))))
        if progress is not None:
            progress(len(scores) / len(plans))
    scale = scorer.card.scale
    raw = scorer.combine == "raw"
    return LocalQuality(
        np.concatenate(scores),
        tuple(plan for part in plans for plan in part),
        "local Q_R (raw)" if raw else f"local Q_R ({scale.label})",
        None if raw else (scale.minimum, scale.maximum),
    )


def _aligned(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give every view of a clip the mean of all, within the range of their scores.

    Each view sees the whole frame through one lattice. Where the lattice cuts the picture changes the level
    of all its tokens (with ``nano.open1`` by 20 to 40 of 100 points on two videos), which would print the
    lattice on the map.
    """
    level = scores.mean(axis=(1, 2, 3), keepdims=True)
    aligned: NDArray[np.float64] = np.clip(scores - level + level.mean(), scores.min(), scores.max())
    return aligned
