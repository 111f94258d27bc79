"""The networks of a model as one OpenVINO graph, exported once and kept on disk (extra ``openvino``).

The graph maps the tokens of the patch embeddings to what :meth:`sslvqa.nn.QualityModel.encode` gives. Its two
ends are torch's: the embedding, since OpenVINO's bfloat16 would round away what a weak band holds, and the
Gaussian distance of a pair, which needs a Cholesky factorisation. What is in between:
:mod:`sslvqa.nn.exported`.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import sys
import threading
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from sslvqa import __version__
from sslvqa.errors import MissingExtraError
from sslvqa.nn.exported import ExportedEncoder, WindowInputs, backbones
from sslvqa.nn.quality import QualityScores
from sslvqa.nn.swin3d.model import SwinBackbone
from sslvqa.nn.twin import twin_of
from sslvqa.sampling.normalize import normalize
from sslvqa.scoring.int8 import calibration_views, quantize_linear
from sslvqa.scoring.runtime import Precision, inference

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sslvqa.nn.quality import QualityModel
    from sslvqa.sampling.geometry import ViewGeometry

__all__ = ["OpenVinoRuntime", "cache_directory", "unavailable"]


_GRAPH = 8  # form of the graph; part of the name of its file
_logger = logging.getLogger(__name__)
_making = threading.Lock()
"""Held while a graph is made: torch traces one model at a time, and the next one may find the file."""


def unavailable() -> str | None:
    """Why OpenVINO cannot be used here; None where it can."""
    return None if find_spec("openvino") else "OpenVINO is not installed: pip install 'sslvqa[openvino]'"


def cache_directory() -> Path:
    """Where exported graphs are kept: ``SSLVQA_CACHE``, else ``sslvqa`` in the user's cache directory."""
    if own := os.environ.get("SSLVQA_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sslvqa"


class OpenVinoRuntime:
    """The model as OpenVINO runs it on the CPU, view by view; weights are those at the time of construction.

    Threads may share it; they take turns.

    Args:
        model: In evaluation mode, on the CPU.
        geometry: Shape of the views.
        threads: CPU threads; None lets OpenVINO choose.
        precision: Of the matrix products; ``int8`` is for those of linear layers, beside bf16. OpenVINO falls
            back to fp32 where the processor lacks bf16.

    Raises:
        MissingExtraError: OpenVINO is not installed.
    """

    backend = "openvino"
    owns_weights = True

    def __init__(
        self,
        model: QualityModel,
        *,
        geometry: ViewGeometry,
        threads: int | None = None,
        precision: Precision = "fp32",
    ) -> None:
        if reason := unavailable():
            asked = "precision is 'int8'" if precision == "int8" else "backend is 'openvino'"
            raise MissingExtraError(f"{asked}, but {reason}")
        self.precision: Precision = precision
        self._threads = threads
        self._ends = twin_of(model, SwinBackbone, lambda backbone: backbone.patch_embed)
        self._embeddings = [backbone.patch_embed for backbone in backbones(model)]
        ov = _import_openvino()
        windows = WindowInputs(model, (geometry.frames, geometry.size_px, geometry.size_px))
        name = _graph_name(model, geometry, ov.__version__)
        fp16 = _fits_fp16(model)
        path = _kept(f"{name}.xml", lambda: _export(model, geometry, windows), fp16=fp16)
        self._windows: list[NDArray[Any]] = [tensor.numpy() for tensor in windows.tensors]
        if precision == "int8":
            exact = path
            path = _kept(f"{name}-int8.xml", lambda: self._quantized(geometry, exact), fp16=fp16)
        self._compiled = self._compile(path)
        self._one_at_a_time = threading.Lock()

    def __call__(self, views: Tensor) -> QualityScores:
        """Score uint8 views ``(n, 3, T, S, S)``, n >= 1."""
        with inference(self._threads):
            encoded = [self._run([*self._embed(view), *self._windows]) for view in torch.split(views, 1)]
            # at the end for all views: torch's waiting threads would slow down the networks
            return self._ends.scores(
                *(torch.from_numpy(np.concatenate(part)) for part in zip(*encoded, strict=True))
            )

    def _run(self, inputs: list[NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        # a compiled graph has one place for inputs and outputs, whoever calls it; what comes back is a copy
        with self._one_at_a_time:
            outputs: tuple[NDArray[Any], ...] = self._compiled(inputs).to_tuple()
        return outputs

    def _compile(self, graph: Any) -> Any:  # noqa: ANN401 - an optional package without types
        """Make a graph, or that of a file, ready to run."""
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "f32" if self.precision == "fp32" else "bf16",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if self._threads is not None:
            settings["INFERENCE_NUM_THREADS"] = self._threads
        return _core(os.getpid()).compile_model(graph, "CPU", settings)

    def _quantized(self, geometry: ViewGeometry, exact: Path) -> Any:  # noqa: ANN401
        """The graph with 8-bit linear layers, made of the exact one."""
        graph = _core(os.getpid()).read_model(exact)
        with inference(self._threads):
            samples = [[*self._embed(view), *self._windows] for view in calibration_views(geometry)]
        quantize_linear(graph, samples, self._compile)
        return graph

    def _embed(self, view: Tensor) -> list[NDArray[np.float32]]:
        normal = normalize(view)
        return [embedding(normal).numpy() for embedding in self._embeddings]


def _graph_name(model: QualityModel, geometry: ViewGeometry, version: str) -> str:
    """What the exported graph is kept as: a hash of everything that it depends on."""
    digest = hashlib.sha256(repr((_GRAPH, geometry, model.regressor.backbone.config)).encode())
    digest.update(f"{__version__} {torch.__version__} {version}".encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def _export(model: QualityModel, geometry: ViewGeometry, windows: WindowInputs) -> Any:  # noqa: ANN401
    """The graph of one view."""
    ov = _import_openvino()
    view = torch.zeros((1, 3, geometry.frames, geometry.size_px, geometry.size_px))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # both exporters warn of their own deprecations
        inputs = (*(backbone.patch_embed(view) for backbone in backbones(model)), *windows.tensors)
        program = torch.export.export(ExportedEncoder(model, windows), inputs, strict=False)
        graph = ov.convert_model(program)
    graph.reshape({place: list(tensor.shape) for place, tensor in enumerate(inputs)})
    return graph


def _kept(name: str, make: Callable[[], Any], *, fp16: bool) -> Path:
    """The file of a graph, made where it is not there yet; under its name it is always whole."""
    with _making:
        path = _folder_for(name) / name
        if not path.is_file():
            graph = make()
            with TemporaryDirectory(dir=path.parent) as own:  # other processes may make the same file
                scratch = Path(own) / name
                _import_openvino().save_model(graph, scratch, compress_to_fp16=fp16)
                scratch.with_suffix(".bin").replace(path.with_suffix(".bin"))
                scratch.replace(path)
        return path


def _folder_for(name: str) -> Path:
    """The folder that has the file or takes it: the cache, or where that cannot be written, our own."""
    folder = cache_directory() / "openvino"
    try:
        if not (folder / name).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            TemporaryDirectory(dir=folder).cleanup()
    except OSError as error:
        return _folder_of_this_process(folder, error.strerror)
    return folder


@cache
def _folder_of_this_process(instead_of: Path, reason: str | None) -> Path:
    """Make the folder, say once why, and take it away at the end."""
    _logger.warning(
        "the cache %s cannot be written (%s), so every process exports the model again; "
        "set SSLVQA_CACHE to a folder that can be written",
        instead_of,
        reason,
    )
    folder = mkdtemp(prefix="sslvqa-openvino-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _fits_fp16(model: QualityModel) -> bool:
    """Whether half precision holds every weight exactly, as it does when they came from such a file."""
    return all(torch.equal(weight, weight.half().float()) for weight in model.parameters())


@cache
def _core(process: int) -> Any:  # noqa: ANN401, ARG001 - an optional package without types; kept by number
    """The one engine of a process, kept until its end; a forked one gets its own, as threads do not fork.

    Each engine gives the thread that makes it a signal stack and takes it back when freed. With two, freed
    oldest first, the thread is left with a stack that is gone, and the next signal with a handler kills the
    process (OpenVINO 2026.4).
    """
    return _import_openvino().Core()


def _import_openvino() -> Any:  # noqa: ANN401 - an optional package without types
    """Import OpenVINO without its telemetry, which would report every conversion."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino
