"""What runs a model on a GPU: batches of one size, views as uint8 until they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sslvqa.nn.compiled import Compiled
from sslvqa.nn.prepared import prepared_model, refresh_biases
from sslvqa.nn.quality import QualityScores
from sslvqa.sampling.normalize import normalize
from sslvqa.scoring.runtime import inference

if TYPE_CHECKING:
    from torch import Tensor

    from sslvqa.nn.quality import QualityModel
    from sslvqa.scoring.runtime import Precision

__all__ = ["GpuRuntime"]


class GpuRuntime:
    """The model in batches of one size: missing views are black, and what they give is dropped.

    So the networks do the same arithmetic at every call, whatever else is in the batch, and one compiled
    graph serves; what follows them (the distances) sees the real views only. Works on any device, which the
    tests use. Later changes of the weights are seen.

    Args:
        model: In evaluation mode, on ``device``.
        device: Where the views are sent.
        batch: Views of a call.
        precision: Of the matrix products; everything that sums over tokens stays float32.
        compiled: Compile the networks at the second call, which takes a minute or two; what follows them is
            not compiled.
    """

    def __init__(
        self,
        model: QualityModel,
        *,
        device: torch.device,
        batch: int,
        precision: Precision = "fp32",
        compiled: bool = False,
    ) -> None:
        self.backend = "torch compiled" if compiled else "torch"
        self.owns_weights = False
        self.precision: Precision = precision
        self._device, self._batch = device, batch
        self._half = precision == "bf16"
        self._model = prepared_model(model, dtype=torch.bfloat16 if self._half else torch.float32)
        self._encode = Compiled(self._networks) if compiled else self._networks

    def __call__(self, views: Tensor) -> QualityScores:
        """Score uint8 views ``(n, 3, T, S, S)`` on any device, 1 <= n <= ``batch``."""
        count = len(views)
        assert count <= self._batch, f"{count} views for batches of {self._batch}"
        with inference(None):
            refresh_biases(self._model)
            there = views.to(self._device, non_blocking=True)
            if count < self._batch:
                there = torch.cat([there, there.new_zeros(self._batch - count, *there.shape[1:])])
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
                encoded = self._encode(there)
            q_r, q_d = self._model.scores(*(part[:count] for part in encoded))
            return QualityScores(q_r.float().cpu(), None if q_d is None else q_d.float().cpu())

    def _networks(self, views: Tensor) -> tuple[Tensor, ...]:
        return self._model.encode(normalize(views))
