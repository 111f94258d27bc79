"""The networks of a model as one OpenVINO graph, exported once and kept on disk (extra ``openvino``).

The graph maps the tokens of the patch embeddings to what :meth:`sslvqa.nn.QualityModel.encode` gives. Its two
ends are torch's: the embedding, since OpenVINO's bfloat16 would round away what a weak band holds, and the
Gaussian distance of a pair, which needs a Cholesky factorisation. Table rows, gates and shift masks of the
windows are further inputs, one byte an entry, shared by all blocks of all networks: as constants of the graph
they would be folded to the bias of every window of every block, gigabytes for ``swin_t`` that are also slower
to read than to compute.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from sslvqa import __version__
from sslvqa.errors import MissingExtraError
from sslvqa.nn.quality import QualityScores
from sslvqa.nn.swin3d import SwinBackbone
from sslvqa.nn.swin3d.window import (
    BLOCKED,
    Constants,
    bias_rows,
    fragment_gates,
    given_constants,
    shift_masks,
)
from sslvqa.nn.twin import twin_of
from sslvqa.sampling.normalize import normalize
from sslvqa.scoring.runtime import Precision, inference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sslvqa.nn.quality import QualityModel
    from sslvqa.nn.swin3d.window import WindowPlan
    from sslvqa.sampling.geometry import ViewGeometry

__all__ = ["OpenVinoRuntime", "cache_directory", "unavailable"]


_GRAPH = 3  # form of the graph; part of the name of its file


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
        windows = _WindowInputs(model, geometry)
        path = _graph_path(model, geometry, ov.__version__)
        if not path.is_file():
            _export(model, geometry, windows, path)
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        self._compiled = ov.Core().compile_model(path, "CPU", settings)
        self._windows: list[NDArray[Any]] = [tensor.numpy() for tensor in windows.tensors]

    def __call__(self, views: Tensor) -> QualityScores:
        """Score uint8 views ``(n, 3, T, S, S)``, n >= 1."""
        with inference(self._threads):
            encoded = [
                self._compiled([*self._embed(view), *self._windows]).to_tuple()
                for view in torch.split(views, 1)
            ]
            # at the end for all views: torch's waiting threads would slow down the networks
            return self._model.scores(
                *(torch.from_numpy(np.concatenate(part)) for part in zip(*encoded, strict=True))
            )

    def _embed(self, view: Tensor) -> list[NDArray[np.float32]]:
        normal = normalize(view)
        return [backbone.patch_embed(normal).numpy() for backbone in _backbones(self._model)]


class _WindowInputs:
    """The geometry of all windows as further inputs of the graph."""

    def __init__(self, model: QualityModel, geometry: ViewGeometry) -> None:
        view = (geometry.frames, geometry.size_px, geometry.size_px)
        plans = [plan for each in _backbones(model) for plan in each.config.all_plans(view)]
        self._plans = tuple(dict.fromkeys(plans))
        self._places: dict[tuple[object, ...], int] = {}
        self.tensors: list[Tensor] = []
        for plan in self._plans:
            if _rows_key(plan) not in self._places:
                self._add(_rows_key(plan), bias_rows(plan).reshape(-1).astype(np.int32))
            if plan.gate != "none":
                self._add((plan, "gates"), fragment_gates(plan)[:, None])
            if any(plan.shift):
                self._add((plan, "masks"), shift_masks(plan)[:, None].view(np.uint8))

    def _add(self, key: tuple[object, ...], values: NDArray[Any]) -> None:
        self._places[key] = len(self.tensors)
        self.tensors.append(torch.from_numpy(values))

    def constants(self, given: Sequence[Tensor]) -> dict[WindowPlan, Constants]:
        """What the attention reads, from the inputs inside the graph."""
        table = {key: given[place] for key, place in self._places.items()}
        found = {}
        for plan in self._plans:
            gates, masks = table.get((plan, "gates")), table.get((plan, "masks"))
            found[plan] = Constants(
                table[_rows_key(plan)],
                None if gates is None else gates.float(),
                None if masks is None else masks.float() * BLOCKED,
            )
        return found


def _rows_key(plan: WindowPlan) -> tuple[object, ...]:
    return ("rows", plan.tokens, plan.table_window)


class _Graph(nn.Module):
    """What is exported."""

    def __init__(self, model: QualityModel, windows: _WindowInputs) -> None:
        super().__init__()
        self.count, self.windows = len(_backbones(model)), windows
        places = itertools.count()
        self.model = twin_of(model, SwinBackbone, lambda backbone: _Embedded(backbone, next(places)))

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        with given_constants(self.windows.constants(inputs[self.count :])):
            return self.model.encode(inputs)  # type: ignore[arg-type]  # only handed on to the backbones


class _Embedded(nn.Module):
    """A backbone that takes its tokens out of those of all patch embeddings."""

    def __init__(self, backbone: SwinBackbone, place: int) -> None:
        super().__init__()
        self.backbone, self.place = backbone, place

    def forward(self, embedded: tuple[Tensor, ...]) -> Tensor:
        return self.backbone.encode_tokens(embedded[self.place])


def _backbones(model: QualityModel) -> list[SwinBackbone]:
    return [module for module in model.modules() if isinstance(module, SwinBackbone)]


def _graph_path(model: QualityModel, geometry: ViewGeometry, version: str) -> Path:
    """File of the exported graph: its name is a hash of everything that it depends on."""
    digest = hashlib.sha256(repr((_GRAPH, geometry, model.regressor.backbone.config)).encode())
    digest.update(f"{__version__} {torch.__version__} {version}".encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return cache_directory() / "openvino" / f"{digest.hexdigest()[:32]}.xml"


def _export(model: QualityModel, geometry: ViewGeometry, windows: _WindowInputs, path: Path) -> None:
    """Write the graph of one view; a file appears under its name only when it is whole."""
    ov = _import_openvino()
    view = torch.zeros((1, 3, geometry.frames, geometry.size_px, geometry.size_px))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # both exporters warn of their own deprecations
        inputs = (*(backbone.patch_embed(view) for backbone in _backbones(model)), *windows.tensors)
        program = torch.export.export(_Graph(model, windows).eval(), inputs, strict=False)
        graph = ov.convert_model(program)
    graph.reshape({place: list(tensor.shape) for place, tensor in enumerate(inputs)})
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
