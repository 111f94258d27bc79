"""What all runs do before the first step: the folder, the identity of the run, the initial weights."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from sslvqa.data.datasets import ItemKey, derive_seed
from sslvqa.errors import ConfigError, UnknownModelError, WeightsError
from sslvqa.hub import Architecture, load_model
from sslvqa.hub.names import architecture_from_dict, find_architecture
from sslvqa.hub.parts import save_parts
from sslvqa.nn.quality import DualQualityModel
from sslvqa.sampling import normalize
from sslvqa.train.checkpoint import find_checkpoint
from sslvqa.train.settings import portable_settings, write_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor, nn

    from sslvqa.data.datasets import GroupDataset, VideoDataset
    from sslvqa.hub import ModelKind
    from sslvqa.nn.swin3d.model import SwinBackbone
    from sslvqa.train.distributed import World
    from sslvqa.train.footage import Footage
    from sslvqa.train.settings import RunConfig

__all__ = [
    "BACKBONE_FILE",
    "Start",
    "fingerprint",
    "open_run",
    "read_start",
    "save_backbone",
    "seeded",
    "start_patches",
]

BACKBONE_FILE = "backbone.safetensors"
"""What a ``pretrain`` run leaves behind; ``models convert`` may write a head and Q_D's backbone beside it."""

_PATCH_ITEMS = 16

_WITHOUT_EFFECT = (
    *("workers", "threads", "checkpoint_minutes", "stop_minutes", "tensorboard", "device"),
    *("compile", "cache", "cache_gigabytes"),
)
_OF_THE_CARD = ("output", "tag", "description", "licence")
"""Settings that decide what is said of the weights, not the weights."""


@dataclass(frozen=True)
class Start:
    """Architecture and initial weights."""

    architecture: Architecture
    regressor: dict[str, Tensor] | None = None
    """State of the first backbone; None for random weights."""
    distance: dict[str, Tensor] | None = None
    """State of the second backbone; the same one after self-supervised learning or from a single network."""
    head: dict[str, Tensor] | None = None
    """State of the regression head, when the start has one."""

    def apply(self, module: nn.Module, state: dict[str, Tensor] | None) -> None:
        """Load a state strictly; nothing happens for None.

        Raises:
            WeightsError: Keys or shapes differ; they are listed.
        """
        if state is None:
            return
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            raise WeightsError(f"initial weights do not fit {self.architecture.name}: {error}") from None


def open_run(config: RunConfig, *, resume: bool, world: World) -> Path:
    """Make the folder of a run and write the settings into it (the main process does).

    Raises:
        ConfigError: The folder holds a run and ``resume`` is False.
    """
    folder = Path(config.out)
    if not world.main:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    found = find_checkpoint(folder)
    if found is not None and not resume:
        raise ConfigError(
            f"{folder} already holds {found.name}; pass --resume to continue it, or another --out"
        )
    if found is None:
        (folder / "metrics.jsonl").unlink(missing_ok=True)
        write_config(folder / "config.toml", config)
    return folder


def fingerprint(config: RunConfig, *data_hashes: str) -> str:
    """Hash of the data and of every setting that can change the result; of paths the last part only.

    So a run that is moved to another folder or machine can be resumed there.
    """
    values = portable_settings(config)
    del values["out"]
    for name in _OF_THE_CARD:
        values.pop(name, None)
    for name in _WITHOUT_EFFECT:
        del values["runtime"][name]
    values["runtime"]["device_gigabytes"] = values["runtime"]["device_gigabytes"] is not None
    return hashlib.sha256(json.dumps([values, data_hashes], sort_keys=True).encode()).hexdigest()


@contextmanager
def seeded(seed: int, purpose: str) -> Iterator[None]:
    """Run with the global generator seeded for one purpose (building networks), and put it back after."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, purpose))
        yield


def save_backbone(folder: Path, backbone: nn.Module, architecture: Architecture) -> Path:
    """Write the backbone of a run; the architecture travels in the file's metadata."""
    save_parts(folder, {"backbone": backbone.state_dict()}, architecture)
    return folder / BACKBONE_FILE


def start_patches(
    backbones: Iterable[SwinBackbone], dataset: VideoDataset | GroupDataset, footage: Footage
) -> None:
    """Start band embeddings at DCT bands whitened on views of the dataset's first items; none if linear."""
    embeddings = [backbone.patch_embed for backbone in backbones if backbone.config.bands]
    if not embeddings:
        return
    views = torch.cat(
        [
            footage(dataset[ItemKey("patches", 0, position)].views).flatten(0, -5).cpu()
            for position in range(min(len(dataset), _PATCH_ITEMS))
        ]
    )
    for embedding in embeddings:
        embedding.whiten(normalize(views))


def read_start(init: str, architecture: str, *, kind: ModelKind = "pair") -> Start:
    """Find what to start from.

    Args:
        init: ``scratch``; the folder of a ``pretrain`` run or of ``models convert``, with all parts that are
            there; a ``backbone.safetensors`` alone; or a model.
        architecture: Name used with ``scratch``.
        kind: Of the model that the run makes; what it starts from may be of another one.

    Raises:
        ConfigError: ``init`` is none of these, or the architecture is unknown.
    """
    start = Start(find_architecture(architecture)) if init == "scratch" else _read_weights(init)
    return replace(start, architecture=replace(start.architecture, kind=kind))


def _read_weights(init: str) -> Start:
    path = Path(init)
    file = path / BACKBONE_FILE if path.is_dir() else path
    if file.is_file():
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
        if "architecture" not in metadata:
            raise ConfigError(
                f"{file} does not name its architecture; expected a file written by sslvqa pretrain"
            )
        state = load_file(file)
        distance, head = path / "distance_backbone.safetensors", path / "head.safetensors"
        return Start(
            architecture_from_dict(json.loads(metadata["architecture"])),
            state,
            load_file(distance) if distance.is_file() else state,
            load_file(head) if head.is_file() else None,
        )
    try:
        model, card = load_model(init)
    except UnknownModelError as error:
        raise ConfigError(
            f"init is '{init}'; expected scratch, the folder of a finished pretrain run, or a model ({error})"
        ) from None
    second = model.distance if isinstance(model, DualQualityModel) else model.regressor
    return Start(
        card.architecture,
        model.regressor.backbone.state_dict(),
        second.backbone.state_dict(),
        model.regressor.head.state_dict(),
    )
