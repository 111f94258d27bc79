"""The networks of a model as one OpenVINO graph, exported once and kept on disk (extra ``openvino``).

The graph takes uint8 views and gives what :meth:`sslvqa.nn.QualityModel.encode` does; the Gaussian distance
of a pair, which needs a Cholesky factorisation, is computed by torch from the tokens.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sslvqa import __version__
from sslvqa.errors import MissingExtraError
from sslvqa.nn.quality import QualityScores, join_scores
from sslvqa.sampling.normalize import normalize
from sslvqa.scoring.runtime import Precision, inference

if TYPE_CHECKING:
    from sslvqa.nn.quality import QualityModel
    from sslvqa.nn.swin3d.model import SwinConfig
    from sslvqa.sampling.geometry import ViewGeometry

__all__ = ["OpenVinoRuntime", "cache_directory", "unavailable", "unsuited"]


def unavailable() -> str | None:
    """Why OpenVINO cannot be used here; None where it can."""
    return None if find_spec("openvino") else "OpenVINO is not installed: pip install 'sslvqa[openvino]'"


def unsuited(backbone: SwinConfig) -> str | None:
    """Why OpenVINO is not taken unless it is asked for; None where it is."""
    if backbone.gate != "none":
        return "OpenVINO would spread the constants of the gated bias over gigabytes"
    return unavailable()


def cache_directory() -> Path:
    """Where exported graphs are kept: ``SSLVQA_CACHE``, else ``sslvqa`` in the user's cache directory."""
    if own := os.environ.get("SSLVQA_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sslvqa"


class OpenVinoRuntime:
    """The model as OpenVINO runs it on the CPU, view by view; weights are those at the time of construction.

    Args:
        model: In evaluation mode, on the CPU.
        geometry: Shape of the views.
        threads: CPU threads; None lets OpenVINO choose.
        precision: Of the matrix products; OpenVINO falls back to fp32 where the processor lacks bf16.

    Raises:
        MissingExtraError: OpenVINO is not installed.
    """

    backend = "openvino"

    def __init__(
        self,
        model: QualityModel,
        *,
        geometry: ViewGeometry,
        threads: int | None = None,
        precision: Precision = "fp32",
    ) -> None:
        if reason := unavailable():
            raise MissingExtraError(f"backend is 'openvino', but {reason}")
        self.precision: Precision = precision
        self._model, self._threads = model, threads
        ov = _import_openvino()
        path = _graph_key(model, geometry, ov.__version__)
        if not path.is_file():
            _export(model, geometry, path)
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        self._compiled = ov.Core().compile_model(path, "CPU", settings)

    def __call__(self, views: Tensor) -> QualityScores:
        """Score uint8 views ``(n, 3, T, S, S)``, n >= 1."""
        parts = []
        with inference(self._threads):
            for view in torch.split(views, 1):
                encoded = self._compiled(view.contiguous().numpy()).to_tuple()
                parts.append(self._model.scores(*(torch.from_numpy(values.copy()) for values in encoded)))
            return join_scores(parts)


class _Graph(nn.Module):
    """What is exported."""

    def __init__(self, model: QualityModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        return self.model.encode(normalize(views))


def _graph_key(model: QualityModel, geometry: ViewGeometry, version: str) -> Path:
    """File of the exported graph: its name is a hash of everything that it depends on."""
    digest = hashlib.sha256(repr((geometry, model.regressor.backbone.config)).encode())
    digest.update(f"{__version__} {torch.__version__} {version}".encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return cache_directory() / "openvino" / f"{digest.hexdigest()[:32]}.xml"


def _export(model: QualityModel, geometry: ViewGeometry, path: Path) -> None:
    """Write the graph of one view; a file appears under its name only when it is whole."""
    ov = _import_openvino()
    view = torch.zeros((1, 3, geometry.frames, geometry.size_px, geometry.size_px), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # both exporters warn of their own deprecations
        graph = ov.convert_model(torch.export.export(_Graph(model).eval(), (view,), strict=False))
    graph.reshape(list(view.shape))
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.stem}.{os.getpid()}.xml")
    ov.save_model(graph, scratch, compress_to_fp16=False)
    scratch.with_suffix(".bin").replace(path.with_suffix(".bin"))
    scratch.replace(path)


def _import_openvino() -> Any:  # noqa: ANN401 - an optional package without types
    """Import OpenVINO without its telemetry, which would report every conversion."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino
