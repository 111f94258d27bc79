"""Model directories: ``card.toml`` and safetensors files, checked by sha256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from sslvqa.errors import ModelError, UnknownModelError, WeightsError
from sslvqa.hub.card import CARD_FILE, ModelCard, WeightsFile, read_card, write_card
from sslvqa.hub.names import build_model, suggest

if TYPE_CHECKING:
    from torch import Tensor

    from sslvqa.nn.quality import QualityModel

__all__ = [
    "DEFAULT_MODEL",
    "LoadedModel",
    "ShippedModel",
    "file_sha256",
    "list_models",
    "load_card",
    "load_model",
    "model_directory",
    "save_model",
]

DEFAULT_MODEL = "nano.open3"
"""What the name ``default`` stands for."""

_SHIPPED = Path(__file__).with_name("weights")
_LARGEST_FP16 = 65504.0


@dataclass(frozen=True, slots=True)
class ShippedModel:
    """A model inside the package."""

    name: str
    directory: Path


def list_models() -> tuple[ShippedModel, ...]:
    """Return the models shipped with the package, by name."""
    found = sorted(_SHIPPED.glob(f"*/{CARD_FILE}"))
    return tuple(ShippedModel(path.parent.name, path.parent) for path in found)


def model_directory(name_or_dir: str | Path) -> Path:
    """Return the directory of a shipped model (``default`` or ``architecture.tag``) or of one's own.

    Raises:
        UnknownModelError: Neither; the nearest shipped names are in the message.
    """
    shipped = {model.name: model.directory for model in list_models()}
    name = DEFAULT_MODEL if str(name_or_dir) == "default" else str(name_or_dir)
    if name in shipped:
        return shipped[name]
    directory = Path(name_or_dir)
    if (directory / CARD_FILE).is_file():
        return directory
    if directory.is_dir():
        raise UnknownModelError(
            f"{directory} is not a model: it holds no {CARD_FILE}; give a directory written by sslvqa train"
        )
    raise UnknownModelError(
        f"no model named {name!r}, and no such directory{suggest(name, shipped)} (see: sslvqa models list)"
    )


def load_card(name_or_dir: str | Path) -> ModelCard:
    """Read the card of a model without its weights.

    Raises:
        UnknownModelError: No such model.
        ModelError: The card is malformed.
    """
    return read_card(model_directory(name_or_dir) / CARD_FILE)


class LoadedModel(NamedTuple):
    """A model and what is known of it."""

    model: QualityModel
    card: ModelCard


def load_model(name_or_dir: str | Path) -> LoadedModel:
    """Load a model in float32 on the CPU, in evaluation mode.

    Args:
        name_or_dir: ``default``, a shipped name or a model directory.

    Returns:
        The model and its card.

    Raises:
        UnknownModelError: No such model.
        ModelError: The card is malformed.
        WeightsError: A file is missing or differs from the card, or its tensors do not fit the architecture.
    """
    directory = model_directory(name_or_dir)
    card = read_card(directory / CARD_FILE)
    if not card.weights:
        raise WeightsError(f"{directory / CARD_FILE}: the card names no weights file; write the model again")
    state: dict[str, Tensor] = {}
    for item in card.weights:
        state |= _read_part(directory, item)
    model = _blank_model(card)
    _require_same_tensors(state, model.state_dict(), directory)
    model.load_state_dict(state)
    return LoadedModel(model.eval(), card)


def save_model(
    directory: str | Path,
    model: QualityModel,
    card: ModelCard,
    *,
    dtype: Literal["float16", "float32"] = "float32",
    part_bytes: int = 40_000_000,
) -> ModelCard:
    """Write a model directory.

    Args:
        directory: Created if absent; a model already in it is replaced.
        model: Must have the card's architecture.
        card: Its ``weights`` entry is filled in here.
        dtype: Of the stored parameters; buffers (the corpus statistics) stay float32.
        part_bytes: A file is split so that no part with more than one tensor is larger.

    Returns:
        The card as written.

    Raises:
        WeightsError: The model does not fit the card's architecture, or a value is not finite in ``dtype``.
    """
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    state = _storable(model, dtype)
    _require_same_tensors(state, _blank_model(card).state_dict(), target)
    parts = _split(state, part_bytes)
    files = []
    for number, part in enumerate(parts, start=1):
        name = "weights.safetensors" if len(parts) == 1 else f"weights-{number}-of-{len(parts)}.safetensors"
        save_file(part, target / name)
        (target / name).chmod(0o644)  # safetensors makes files that only their owner can read
        size = (target / name).stat().st_size
        files.append(WeightsFile(file=name, sha256=file_sha256(target / name), bytes=size, dtype=dtype))
    written = card.model_copy(update={"weights": tuple(files)})
    write_card(target / CARD_FILE, written)
    for stale in set(target.glob("weights*.safetensors")) - {target / item.file for item in files}:
        stale.unlink()
    return written


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _blank_model(card: ModelCard) -> QualityModel:
    """Build the card's architecture, its backbones without values, and leave the global RNG as it was."""
    with torch.random.fork_rng(devices=[]):
        return build_model(card.architecture, drawn=False)


def _storable(model: QualityModel, dtype: str) -> dict[str, Tensor]:
    parameters = {name for name, _ in model.named_parameters()}
    state = {}
    for name, value in model.state_dict().items():
        tensor = value.detach().cpu().contiguous()
        if tensor.is_floating_point():
            limit = _LARGEST_FP16 if dtype == "float16" and name in parameters else float("inf")
            if not bool((tensor.abs() <= limit).all()) or not bool(tensor.isfinite().all()):
                raise WeightsError(
                    f"{name} holds values that {dtype} cannot store; the training has diverged"
                )
            tensor = tensor.to(torch.float16 if dtype == "float16" and name in parameters else torch.float32)
        state[name] = tensor.clone()
    return state


def _split(state: dict[str, Tensor], part_bytes: int) -> list[dict[str, Tensor]]:
    parts: list[dict[str, Tensor]] = [{}]
    used = 0
    for name, tensor in state.items():
        size = tensor.numel() * tensor.element_size()
        if parts[-1] and used + size > part_bytes:
            parts.append({})
            used = 0
        parts[-1][name] = tensor
        used += size
    return parts


def _read_part(directory: Path, item: WeightsFile) -> dict[str, Tensor]:
    if Path(item.file).name != item.file:
        raise ModelError(
            f"{directory / CARD_FILE}: weights file {item.file!r} must be a name without a folder"
        )
    path = directory / item.file
    if not path.is_file():
        raise WeightsError(f"{path} is missing; copy the whole model directory again")
    found = file_sha256(path)
    if found != item.sha256:
        raise WeightsError(
            f"{path}: sha256 is {found}, but the card says {item.sha256}; copy the file again or "
            f"write card and weights together with save_model()"
        )
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a safetensors file: {error}") from error
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}


def _require_same_tensors(state: dict[str, Tensor], expected: dict[str, Tensor], directory: Path) -> None:
    problems = [f"missing {key!r}" for key in expected if key not in state]
    problems += [f"unexpected {key!r}" for key in state if key not in expected]
    problems += [
        f"{key!r} has shape {tuple(state[key].shape)}, not {tuple(value.shape)}"
        for key, value in expected.items()
        if key in state and state[key].shape != value.shape
    ]
    if problems:
        raise WeightsError(f"{directory}: tensors do not fit the card's architecture: {'; '.join(problems)}")
