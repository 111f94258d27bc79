"""Methods with their networks, from the settings of a run."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sslvqa.errors import ConfigError
from sslvqa.hub import build_pair, build_single
from sslvqa.methods import (
    Compute,
    FixMatch,
    MeanTeacher,
    MetaPseudoLabels,
    MixMatch,
    SslVqa,
    Supervised,
    keep_local,
)
from sslvqa.nn.inference import bf16_supported
from sslvqa.scoring.runtime import pick_device
from sslvqa.train.start import seeded
from sslvqa.train.train_config import METHOD_FILE, WITH_DISTANCE

if TYPE_CHECKING:
    from sslvqa.methods import Gather
    from sslvqa.train.config import RuntimeConfig
    from sslvqa.train.start import Start
    from sslvqa.train.train_config import TrainConfig

__all__ = ["build_baseline", "build_method", "build_ssl_vqa", "compute_of", "load_method", "settled"]


def build_method(config: TrainConfig, start: Start, *, gather: Gather = keep_local) -> SslVqa | Supervised:
    """The method of a run, its networks from the seed or the initial weights."""
    build = build_ssl_vqa if config.method in WITH_DISTANCE else build_baseline
    return build(config, start, gather=gather)


def build_ssl_vqa(config: TrainConfig, start: Start, *, gather: Gather = keep_local) -> SslVqa:
    """The method with its two models, from the seed or the initial weights."""
    with seeded(config.runtime.seed, "networks"):
        model = build_pair(start.architecture)
    start.apply(model.regressor.backbone, start.regressor)
    start.apply(model.distance.backbone, start.distance)
    start.apply(model.regressor.head, start.head)
    return SslVqa(
        model,
        plcc=config.loss.plcc,
        consistency=config.loss.consistency,
        transfer=config.loss.transfer,
        consistency_weight=config.loss.consistency_weight,
        transfer_weight=config.loss.transfer_weight,
        ranking_weight=config.loss.ranking_weight,
        ranking_temperature=config.loss.ranking_temperature,
        supervised_views=config.loss.supervised_views,
        temperature=config.loss.temperature,
        compute=compute_of(config.runtime),
        gather=gather,
    )


def build_baseline(config: TrainConfig, start: Start, *, gather: Gather = keep_local) -> Supervised:
    """A method with one regressor."""
    with seeded(config.runtime.seed, "networks"):
        model = build_single(start.architecture).regressor
    start.apply(model.backbone, start.regressor)
    start.apply(model.head, start.head)
    own = config.regressor
    options: dict[str, Any] = {
        "plcc": config.loss.plcc,
        "supervised_views": config.loss.supervised_views,
        "ranking_weight": config.loss.ranking_weight,
        "ranking_temperature": config.loss.ranking_temperature,
        "weight": own.weight,
        "ramp": own.ramp,
        "decay": own.decay,
        "compute": compute_of(config.runtime),
        "gather": gather,
    }
    match config.method:
        case "mean_teacher":
            return MeanTeacher(model, **options)
        case "fixmatch":
            return FixMatch(model, kept=(own.kept_first, own.kept_last), **options)
        case "mixmatch":
            grid = start.architecture.geometry.grid
            return MixMatch(model, grid=grid, alpha=own.mix_alpha, **options)
        case "meta_pseudo_labels":
            return MetaPseudoLabels(model, fine_tuning=own.fine_tuning, **options)
        case "supervised":
            return Supervised(model, **options)
        case _:
            return load_method(config.method)(model, **options)


def load_method(name: str) -> type[Supervised]:
    """Import a method of one's own.

    Args:
        name: ``FILE.py:CLASS``.

    Raises:
        ConfigError: No such file or class, or the class does not derive from :class:`Supervised`.
    """
    found = METHOD_FILE.fullmatch(name)
    assert found is not None, "the settings are checked"
    file = Path(found["file"])
    spec = importlib.util.spec_from_file_location(f"sslvqa_method.{file.stem}", file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise ConfigError(f"method {name}: no file {file}; expected FILE.py:CLASS")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # as dataclasses and pickle expect
    spec.loader.exec_module(module)
    method = getattr(module, found["name"], None)
    if not (isinstance(method, type) and issubclass(method, Supervised)):
        raise ConfigError(
            f"method {name}: {file} has no class {found['name']} derived from sslvqa.methods.Supervised"
        )
    return method


def settled(runtime: RuntimeConfig) -> RuntimeConfig:
    """The same with the precision that ``auto`` means on the device of the run."""
    if runtime.precision != "auto":
        return runtime
    on_gpu = pick_device(runtime.device).type == "cuda"
    half = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else bf16_supported()
    return replace(runtime, precision="bf16" if half else "fp32")


def compute_of(runtime: RuntimeConfig) -> Compute:
    """How views pass through the networks of a run."""
    return Compute(
        bf16=runtime.precision == "bf16",
        chunk=runtime.chunk,
        compiled=runtime.compile == "on"
        or (runtime.compile == "auto" and pick_device(runtime.device).type == "cuda"),
    )
