"""The worst and the best stretches of some videos, with a picture and its quality map."""

from __future__ import annotations

import base64
import io
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from sslvqa.errors import SslvqaError
from sslvqa.maps import overlay, score_limits
from sslvqa.sampling import ClipPlan
from sslvqa.scoring import measure_local
from sslvqa.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sslvqa.scoring import ClipScore, Scorer, VideoScore
    from sslvqa.video import Video

__all__ = ["Moment", "choose_moments", "picture_moments"]

_LONGER_PX = 480
_DRAWS = 24
_JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Moment:
    """One stretch of one video."""

    result: VideoScore
    clip: ClipScore
    frame: str | None = None
    """``data:`` address of a JPEG of its middle frame."""
    overlay: str | None = None
    """The same with the quality map over it."""
    limits: tuple[float, float] | None = None
    """Scores of the first and the last colour, the same for all moments of one call."""
    note: str = ""
    """Why a picture is absent."""

    @property
    def middle_seconds(self) -> float:
        """Time of the picture."""
        return (self.clip.start_seconds + self.clip.end_seconds) / 2


def choose_moments(
    results: Sequence[VideoScore], *, count: int = 3
) -> tuple[tuple[Moment, ...], tuple[Moment, ...]]:
    """Choose the worst and the best stretches of all timelines.

    No stretch is in both, and of several videos none gives more than two of a kind.

    Args:
        results: Scores of one model.
        count: The most of each kind.

    Returns:
        The worst, lowest score first, and the best, highest first.
    """
    stretches = [Moment(result, clip) for result in results for clip in result.timeline]
    order = sorted(stretches, key=lambda moment: moment.clip.score)
    each = 2 if len(results) > 1 else count
    worst = _first(order, min(count, -(-len(order) // 2)), each)
    taken = {id(moment) for moment in worst}
    best = _first([m for m in reversed(order) if id(m) not in taken], count, each)
    return tuple(worst), tuple(best)


def picture_moments(
    moments: Sequence[Moment], *, scorer_of: Callable[[VideoScore], Scorer | None]
) -> tuple[Moment, ...]:
    """Add thumbnails and, where the model is at hand, quality maps to moments.

    A file that is gone, has changed or does not decode leaves its moments without pictures and with a note.

    Args:
        moments: Any.
        scorer_of: Gives the scorer of the model that a result came from, None when there is none.

    Returns:
        The moments in the same order.
    """
    shots = [_shoot(moment, scorer_of(moment.result)) for moment in moments]
    maps = [shot.values for shot in shots if shot.values is not None]
    limits = (
        score_limits([np.percentile(np.concatenate([m.ravel() for m in maps]), [2, 98])]) if maps else None
    )
    return tuple(_finish(moment, shot, limits) for moment, shot in zip(moments, shots, strict=True))


@dataclass(frozen=True, slots=True)
class _Shot:
    frame: NDArray[np.uint8] | None = None
    """RGB ``(3, H, W)``, thumbnail size."""
    values: NDArray[np.float32] | None = None
    """``(H, W)``."""
    note: str = ""


def _first(moments: Sequence[Moment], count: int, each: int) -> list[Moment]:
    """The first moments with at most ``each`` of a video."""
    used: Counter[int] = Counter()
    chosen: list[Moment] = []
    for moment in moments:
        if len(chosen) < count and used[id(moment.result)] < each:
            used[id(moment.result)] += 1
            chosen.append(moment)
    return chosen


def _shoot(moment: Moment, scorer: Scorer | None) -> _Shot:
    expected = moment.result.video
    try:
        with open_video(expected.path) as video:
            found = video.info
            if (found.frame_count, found.width_px, found.height_px) != (
                expected.frame_count,
                expected.width_px,
                expected.height_px,
            ):
                return _Shot(note="no picture: the file has changed since it was scored")
            times = video.timestamps_seconds
            number = min(int(np.searchsorted(times, moment.middle_seconds)), found.frame_count - 1)
            frame = next(iter(video.frames([number]))).rgb()
            values = None if scorer is None else _map_at(video, number, scorer)
    except (SslvqaError, OSError, StopIteration) as error:
        return _Shot(note=f"no picture: {error}")
    size = _thumbnail_size(frame)
    small = np.asarray(_picture(frame).resize(size, Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    if values is None:
        return _Shot(small, note="no map: the model that gave the score is not at hand")
    return _Shot(small, np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR)))


def _map_at(video: Video, number: int, scorer: Scorer) -> NDArray[np.float32]:
    """The map of a clip around a frame."""
    geometry, count = scorer.card.architecture.geometry, video.info.frame_count
    start = max(0, min(number - geometry.span_frames // 2, count - geometry.span_frames))
    clip = ClipPlan(tuple((start + step * geometry.interval) % count for step in range(geometry.frames)))
    local = measure_local(video, scorer=scorer, clips=[clip], draws=_DRAWS)
    return next(local.maps([number])).values


def _finish(moment: Moment, shot: _Shot, limits: tuple[float, float] | None) -> Moment:
    if shot.frame is None:
        return replace(moment, note=shot.note)
    drawn = None
    if shot.values is not None and limits is not None:
        drawn = _jpeg(overlay(shot.frame, shot.values, limits=limits))
    return replace(moment, frame=_jpeg(shot.frame), overlay=drawn, limits=limits, note=shot.note)


def _picture(frame: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0)))


def _thumbnail_size(frame: NDArray[np.uint8]) -> tuple[int, int]:
    """Width and height with no side above the thumbnail's."""
    height, width = frame.shape[1:]
    factor = min(1.0, _LONGER_PX / max(height, width))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _jpeg(frame: NDArray[np.uint8]) -> str:
    """A ``data:`` address of the picture."""
    buffer = io.BytesIO()
    _picture(frame).save(buffer, format="JPEG", quality=_JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
