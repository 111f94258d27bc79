"""What runs a model: uint8 views in, the raw scores of each out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import torch

from sslvqa.errors import ConfigError
from sslvqa.nn.inference import bf16_supported, inference_model
from sslvqa.nn.quality import QualityScores, join_scores
from sslvqa.sampling.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    "run_views",
    "views_at_once",
]

Backend = Literal["auto", "torch", "openvino"]
"""What runs the networks."""

Precision = Literal["fp32", "bf16"]
"""Number format of the matrix products; everything that sums over tokens stays float32."""

_CPU_BATCH, _GPU_BATCH = 4, 32


class Runtime(Protocol):
    """Runs one model; its two names go into the provenance of a score."""

    backend: str
    precision: Precision
    owns_weights: bool
    """Whether it goes on without the model that it was made of."""

    def __call__(self, views: Tensor) -> QualityScores:
        """Score uint8 views ``(n, 3, T, S, S)`` at once, n >= 1: float32 on the CPU, in their order."""
        ...


def views_at_once(device: torch.device) -> int:
    """Views of a call by default: what keeps a device busy without taking memory for nothing."""
    return _CPU_BATCH if device.type == "cpu" else _GPU_BATCH


def run_views(
    runtime: Runtime,
    views: Tensor,
    *,
    batch: int,
    progress: Callable[[int, int], object] | None = None,
) -> QualityScores:
    """Score any number of views, ``batch`` at a time.

    Args:
        runtime: Runs the model.
        views: uint8 ``(n, 3, T, S, S)``, n >= 1.
        batch: Views of a call.
        progress: Called after every call with the number of views done and of all views.
    """
    parts: list[QualityScores] = []
    for part in torch.split(views, batch):
        parts.append(runtime(part))
        if progress is not None:
            progress(sum(len(done.q_r) for done in parts), len(views))
    return join_scores(parts)


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


def make_runtime(
    model: QualityModel,
    *,
    geometry: ViewGeometry,
    device: torch.device,
    threads: int | None = None,
    backend: Backend = "auto",
    precision: Precision | Literal["auto"] = "fp32",
    batch: int,
    compiled: bool = False,
) -> Runtime:
    """Choose what runs a model.

    Args:
        model: In evaluation mode, on ``device``.
        geometry: Shape of the views.
        device: Where it runs.
        threads: CPU threads; None takes each backend's own default.
        backend: ``auto`` takes OpenVINO on a CPU where it is installed; otherwise torch.
        precision: Of the matrix products; ``auto`` takes bf16 on a CPU that has such products, else fp32.
        batch: The most views of a call; a GPU always gets as many.
        compiled: Whether the networks are compiled; on a GPU only.

    Raises:
        ConfigError: A setting is unknown, or does not go with the device or processor.
        MissingExtraError: ``openvino`` is asked but not installed.
    """
    from sslvqa.scoring import gpu, openvino  # which need the names above

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
    if not on_cpu:
        return gpu.GpuRuntime(model, device=device, batch=batch, precision=precision, compiled=compiled)
    if compiled:
        raise ConfigError("compiled is for a GPU, but the device is the CPU; leave it out (or use OpenVINO)")
    if backend == "openvino" or (backend == "auto" and openvino.unavailable() is None):
        return openvino.OpenVinoRuntime(model, geometry=geometry, threads=threads, precision=precision)
    return TorchRuntime(model, threads=threads, precision=precision)


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
