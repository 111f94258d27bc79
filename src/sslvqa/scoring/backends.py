"""Which runtime a model gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from sslvqa.errors import ConfigError
from sslvqa.nn.inference import bf16_supported
from sslvqa.scoring.cpu import TorchRuntime
from sslvqa.scoring.gpu import GpuRuntime
from sslvqa.scoring.openvino import OpenVinoRuntime, unavailable
from sslvqa.scoring.runtime import Precision

if TYPE_CHECKING:
    import torch

    from sslvqa.nn.quality import QualityModel
    from sslvqa.sampling.geometry import ViewGeometry
    from sslvqa.scoring.runtime import Runtime

__all__ = ["Backend", "make_runtime"]

Backend = Literal["auto", "torch", "openvino"]
"""What runs the networks."""

_LARGE = 20_000_000
"""Parameters from which OpenVINO is worth its start: 16 to 34 s at a model's first use, 0.7 to 2 s later."""


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
        backend: ``auto`` takes OpenVINO for large models on a CPU where it is installed; otherwise torch.
        precision: Of the matrix products; ``auto`` takes bf16 on a CPU that has such products, else fp32.
            ``int8`` needs OpenVINO.
        batch: The most views of a call; a GPU always gets as many.
        compiled: Whether the networks are compiled; on a GPU only.

    Raises:
        ConfigError: A setting is unknown, or does not go with the device or processor.
        MissingExtraError: ``openvino`` is asked or needed but not installed.
    """
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
    if precision == "int8" and (backend == "torch" or not on_cpu):
        raise ConfigError("precision is 'int8', which needs backend 'openvino' and the CPU; take bf16 here")
    if not on_cpu:
        return GpuRuntime(model, device=device, batch=batch, precision=precision, compiled=compiled)
    if compiled:
        raise ConfigError("compiled is for a GPU, but the device is the CPU; leave it out (or use OpenVINO)")
    if backend == "openvino" or precision == "int8" or (backend == "auto" and _openvino_pays(model)):
        return OpenVinoRuntime(model, geometry=geometry, threads=threads, precision=precision)
    return TorchRuntime(model, threads=threads, precision=precision)


def _openvino_pays(model: QualityModel) -> bool:
    size = sum(parameter.numel() for parameter in model.parameters())
    return size >= _LARGE and unavailable() is None
