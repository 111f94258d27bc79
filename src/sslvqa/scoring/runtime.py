"""What runs the two networks: uint8 views in, the two raw scores of each out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import torch

from sslvqa.errors import ConfigError
from sslvqa.sampling.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from sslvqa.nn.quality import DualQualityModel

__all__ = ["Precision", "RawTensors", "Runtime", "TorchRuntime", "inference", "pick_device"]

Precision = Literal["fp32", "bf16"]
"""Number format of the matrix products; everything that sums over tokens stays float32."""

VIEWS_AT_ONCE = 4


class RawTensors(NamedTuple):
    """Raw scores of views, float32 on the CPU, in the order of the views."""

    q_r: Tensor
    """``(n,)``, arbitrary scale."""
    q_d: Tensor
    """``(n,)``, in (0, 1]."""


class Runtime(Protocol):
    """Runs one model; its two names go into the provenance of a score."""

    backend: str
    precision: Precision

    def __call__(self, views: Tensor) -> RawTensors:
        """Score uint8 views ``(n, 3, T, S, S)``, n >= 1."""
        ...


class TorchRuntime:
    """The model as PyTorch runs it.

    Args:
        model: In evaluation mode, on ``device``.
        device: Where the views are sent.
        threads: CPU threads while it runs; None leaves the setting alone.
    """

    backend = "torch"

    def __init__(self, model: DualQualityModel, *, device: torch.device, threads: int | None = None) -> None:
        self.precision: Precision = "fp32"
        self._model, self._device, self._threads = model, device, threads

    def __call__(self, views: Tensor) -> RawTensors:
        """Score uint8 views ``(n, 3, T, S, S)``, n >= 1."""
        with inference(self._threads):
            parts = [
                self._model(normalize(part.to(self._device))) for part in torch.split(views, VIEWS_AT_ONCE)
            ]
            return RawTensors(*(torch.cat([part[index].cpu() for part in parts]) for index in (0, 1)))


@contextmanager
def inference(threads: int | None) -> Iterator[None]:
    """Inference mode with a number of CPU threads, put back afterwards; None leaves it alone."""
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield
    finally:
        if threads is not None:
            torch.set_num_threads(before)


def pick_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is a GPU if there is one.

    Raises:
        ConfigError: No such device, or it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device is {name!r}; it must be auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device is {name!r} but torch sees no GPU; use device 'cpu' or 'auto'")
    return device
