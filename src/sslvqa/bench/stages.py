"""Where the time of one score goes."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, cast

from sslvqa.sampling.qcs import read_views
from sslvqa.scoring.runtime import run_views
from sslvqa.video.reader import Video, open_video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sslvqa.nn.quality import QualityScores
    from sslvqa.scoring.scorer import Scorer
    from sslvqa.video.frames import Planes

__all__ = ["Stages", "median_stages", "run_stages"]


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds of each stage of one score, and what was handled."""

    probe_seconds: float
    """Opening and, for ours, indexing all packets."""
    decode_seconds: float
    """Seeking and decoding; for the straightforward pipeline with the conversion to RGB."""
    cut_seconds: float
    """Making the views from frames; ours converts to RGB here."""
    forward_seconds: float
    """The networks."""
    total_seconds: float
    """The whole score, measured apart from its stages."""
    frames_decoded: int
    pixels_converted: int

    @property
    def rest_seconds(self) -> float:
        """What no stage explains; negative where stages overlap."""
        known = self.probe_seconds + self.decode_seconds + self.cut_seconds + self.forward_seconds
        return self.total_seconds - known

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "rest_seconds": self.rest_seconds}


def run_stages(scorer: Scorer, path: str | Path) -> tuple[QualityScores, Stages]:
    """Score a video twice: stage by stage, and as users do for the total.

    Returns:
        The raw scores of the views, and where the time went.
    """
    started = time.perf_counter()
    with open_video(path, limits=scorer.limits, threads=scorer.threads) as video:
        probed = time.perf_counter()
        clocked = _ClockedVideo(video)
        views = read_views(cast("Video", clocked), scorer.plan(video.info))
        read = time.perf_counter()
        counts = video.frames_decoded, video.pixels_converted
    closed = time.perf_counter()
    scores = run_views(scorer.runtime, views, batch=scorer.batch)
    done = time.perf_counter()
    scorer.score(path)
    total = time.perf_counter() - done
    decode = clocked.seconds
    return scores, Stages(probed - started, decode, read - probed - decode, done - closed, total, *counts)


def median_stages(runs: Sequence[Stages]) -> Stages:
    """Median of each stage over runs."""
    values = {
        field.name: statistics.median(getattr(run, field.name) for run in runs) for field in fields(Stages)
    }
    counts = {name: int(values[name]) for name in ("frames_decoded", "pixels_converted")}
    return Stages(**{**values, **counts})


class _ClockedVideo:
    """A video that counts the seconds in which its frames are waited for."""

    def __init__(self, video: Video) -> None:
        self.info = video.info
        self.seconds = 0.0
        self._video = video

    def frames(self, indices: Sequence[int]) -> Iterator[Planes]:
        frames = iter(self._video.frames(indices))
        while True:
            started = time.perf_counter()
            frame = next(frames, None)
            self.seconds += time.perf_counter() - started
            if frame is None:
                return
            yield frame
