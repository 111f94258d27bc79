"""What runs a model on a CPU with PyTorch alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sslvqa.errors import ConfigError
from sslvqa.nn.inference import bf16_supported, inference_model
from sslvqa.nn.quality import QualityScores
from sslvqa.sampling.normalize import normalize
from sslvqa.scoring.runtime import inference

if TYPE_CHECKING:
    from torch import Tensor

    from sslvqa.nn.quality import QualityModel
    from sslvqa.scoring.runtime import Precision

__all__ = ["TorchRuntime"]


class TorchRuntime:
    """The model as PyTorch runs it on a CPU, in the form of :mod:`sslvqa.nn.inference`.

    Args:
        model: In evaluation mode, on the CPU; later changes of its weights are seen.
        threads: CPU threads while it runs; None leaves the setting alone.
        precision: Of the matrix products.

    Raises:
        ConfigError: This processor has no bfloat16 products.
    """

    backend = "torch"
    owns_weights = False

    def __init__(
        self, model: QualityModel, *, threads: int | None = None, precision: Precision = "fp32"
    ) -> None:
        half = precision == "bf16"
        if half and not bf16_supported():
            raise ConfigError("precision is 'bf16', but this processor has no such products; use 'fp32'")
        self.precision: Precision = precision
        self._threads = threads
        self._model = inference_model(model, dtype=torch.bfloat16 if half else torch.float32)

    def __call__(self, views: Tensor) -> QualityScores:
        """Score uint8 views ``(n, 3, T, S, S)``, n >= 1."""
        with inference(self._threads):
            q_r, q_d = self._model(normalize(views))
            return QualityScores(q_r.float(), None if q_d is None else q_d.float())
