"""What runs a model: uint8 views in, the raw scores of each out."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import torch

from sslvqa.errors import ConfigError
from sslvqa.nn.inference import bf16_supported, inference_model
from sslvqa.nn.quality import QualityScores, join_scores
from sslvqa.sampling.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from sslvqa.nn.quality import QualityModel
    from sslvqa.sampling.geometry import ViewGeometry

__all__ = [
    "Backend",
    "Precision",
    "Runtime",
    "TorchRuntime",
    "inference",
    "make_runtime",
    "pick_device",
]

Backend = Literal["auto", "torch", "openvino"]
"""What runs the networks."""

Precision = Literal["fp32", "bf16"]
"""Number format of the matrix products; everything that sums over tokens stays float32."""

VIEWS_AT_ONCE = 4


class Runtime(Protocol):
    """Runs one model; its two names go into the provenance of a score."""

    backend: str
    precision: Precision

    def __call__(self, views: Tensor) -> QualityScores:
        """Score uint8 views ``(n, 3, T, S, S)``, n >= 1: float32 on the CPU, in the order of the views."""
        ...


class TorchRuntime:
    """The model as PyTorch runs it: on a CPU in the form of :mod:`sslvqa.nn.inference`.

    Args:
        model: In evaluation mode, on ``device``; later changes of its weights are seen.
        device: Where the views are sent.
        threads: CPU threads while it runs; None leaves the setting alone.
        precision: Of the matrix products.

    Raises:
        ConfigError: This processor has no bfloat16 products.
    """

    backend = "torch"

    def __init__(
        self,
        model: QualityModel,
        *,
        device: torch.device,
        threads: int | None = None,
        precision: Precision = "fp32",
    ) -> None:
        self.precision = precision
        self._device, self._threads = device, threads
        half = precision == "bf16"
        self._autocast = half and device.type != "cpu"
        if device.type == "cpu":
            if half and not bf16_supported():
                raise ConfigError("precision is 'bf16', but this processor has no such products; use 'fp32'")
            model = inference_model(model, dtype=torch.bfloat16 if half else torch.float32)
        self._model = model

    def __call__(self, views: Tensor) -> QualityScores:
        """Score uint8 views ``(n, 3, T, S, S)``, n >= 1."""
        halved = torch.autocast(self._device.type, torch.bfloat16) if self._autocast else nullcontext()
        with inference(self._threads), halved:
            parts = [
                self._model(normalize(part.to(self._device))) for part in torch.split(views, VIEWS_AT_ONCE)
            ]
            q_r, q_d = join_scores(parts)
            return QualityScores(q_r.float().cpu(), None if q_d is None else q_d.float().cpu())


def make_runtime(
    model: QualityModel,
    *,
    geometry: ViewGeometry,
    device: torch.device,
    threads: int | None = None,
    backend: Backend = "auto",
    precision: Precision | Literal["auto"] = "auto",
) -> Runtime:
    """Choose what runs a model.

    Args:
        model: In evaluation mode, on ``device``.
        geometry: Shape of the views.
        device: Where it runs.
        threads: CPU threads; None takes each backend's own default.
        backend: ``auto`` takes OpenVINO on a CPU where it is installed; otherwise torch.
        precision: Of the matrix products; ``auto`` takes bf16 on a CPU that has such products, else fp32.

    Raises:
        ConfigError: A setting is unknown, or does not go with the device or processor.
        MissingExtraError: ``openvino`` is asked but not installed.
    """
    from sslvqa.scoring import openvino  # which needs the names above

    precisions = ("auto", *get_args(Precision))
    for name, value, allowed in (
        ("backend", backend, get_args(Backend)),
        ("precision", precision, precisions),
    ):
        if value not in allowed:
            raise ConfigError(f"{name} is {value!r}; allowed are {', '.join(allowed)}")
    on_cpu = device.type == "cpu"
    if precision == "auto":
        precision = "bf16" if on_cpu and bf16_supported() else "fp32"
    if backend == "openvino" and not on_cpu:
        raise ConfigError(f"backend is 'openvino', which runs on the CPU, but device is {str(device)!r}")
    chosen = backend == "auto" and on_cpu and openvino.unavailable() is None
    if backend == "openvino" or chosen:
        return openvino.OpenVinoRuntime(model, geometry=geometry, threads=threads, precision=precision)
    return TorchRuntime(model, device=device, threads=threads, precision=precision)


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
