"""Quality as a metric with the manners of torchmetrics: update, compute, reset."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import distributed

from sslvqa.errors import ConfigError, DataError
from sslvqa.scoring import Scorer
from sslvqa.video import RawGeometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from sslvqa.scoring import VideoScore

__all__ = ["QualityMetric"]


class QualityMetric:
    """Mean quality of videos, e.g. of a codec's or a generator's output during training.

    Args:
        model: As in :class:`~sslvqa.scoring.Scorer`, or a scorer.
        fps: Frame rate of videos given as frames; it only scales the times of their timelines.
        **settings: Keyword arguments of :class:`~sslvqa.scoring.Scorer`.

    Example:
        ``metric = QualityMetric(); metric.update(frames); metric.compute()``
    """

    is_differentiable: ClassVar[bool] = False
    higher_is_better: ClassVar[bool] = True
    full_state_update: ClassVar[bool] = False

    def __init__(
        self,
        model: Any = "default",  # noqa: ANN401 - what the scorer takes
        *,
        fps: float = 25.0,
        **settings: Any,  # noqa: ANN401 - the scorer's
    ) -> None:
        self.scorer = model if isinstance(model, Scorer) else Scorer(model, **settings)
        self.fps = fps
        self.results: list[VideoScore] = []
        """Of all videos since the last reset, in order."""

    def update(self, videos: str | Path | Tensor | Sequence[str | Path | Tensor]) -> None:
        """Score videos and keep their results.

        Args:
            videos: A path, uint8 RGB frames ``(T, 3, H, W)``, a batch of them ``(B, T, 3, H, W)``, or a
                sequence of paths and frames.

        Raises:
            ConfigError: A tensor is not uint8 or has another shape; nothing of this call is kept.
            VideoError: A file cannot be used; nothing of this call is kept.
        """
        items = [videos] if isinstance(videos, str | Path | torch.Tensor) else list(videos)
        self.results += [result for item in items for result in self._score(item)]

    def compute(self) -> Tensor:
        """Return the mean score since the last reset, a float32 scalar on the model's scale.

        Where :mod:`torch.distributed` runs, the mean is over the videos of all processes, and all of them
        have to call this.

        Raises:
            DataError: There was no update.
        """
        return self._mean(joined=distributed.is_available() and distributed.is_initialized())

    def reset(self) -> None:
        """Forget all videos."""
        self.results = []

    def __call__(self, videos: str | Path | Tensor | Sequence[str | Path | Tensor]) -> Tensor:
        """Update, and return the mean score of these videos alone, those of this process.

        Raises:
            DataError: There are none.
        """
        before = self.results
        self.results = []
        try:
            self.update(videos)
            return self._mean(joined=False)
        finally:
            self.results = before + self.results

    def _mean(self, *, joined: bool) -> Tensor:
        scores = [item.score for item in self.results]
        state = torch.tensor([sum(scores), len(scores)], dtype=torch.float64)
        if joined:
            state = state.to("cuda" if distributed.get_backend() == "nccl" else "cpu")
            distributed.all_reduce(state)
        total, count = state.tolist()
        if not count:
            raise DataError("no video was given since the last reset; call update() before compute()")
        return torch.tensor(total / count, dtype=torch.float32)

    def _score(self, item: str | Path | Tensor) -> list[VideoScore]:
        if not isinstance(item, torch.Tensor):
            return [self.scorer.score(item)]
        if item.dtype != torch.uint8 or item.ndim not in {4, 5} or item.shape[-3] != 3 or 0 in item.shape:
            raise ConfigError(
                f"frames are {item.dtype} of shape {tuple(item.shape)}; give uint8 RGB of shape (T, 3, H, W) "
                "or (B, T, 3, H, W)"
            )
        batch = item if item.ndim == 5 else item.unsqueeze(0)
        return [self._score_frames(frames) for frames in batch]

    def _score_frames(self, frames: Tensor) -> VideoScore:
        """Score uint8 frames ``(T, 3, H, W)`` as a headerless file in memory."""
        height, width = frames.shape[-2:]
        pixels = frames.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        geometry = RawGeometry(width, height, fps=self.fps, pixel_format="rgb24")
        return self.scorer.score(io.BytesIO(pixels.tobytes()), geometry=geometry)
