"""Published checkpoints in our names: Video Swin-T (Kinetics), FAST-VQA, the authors' ST-VQRL and SSL-VQA.

Known layouts, after wrappers such as ``module.`` and ``model.`` are taken off:

- ``backbone.layers.0...`` with ``cls_head...``: Video Swin-T trained on Kinetics;
- ``layers.0...``: a bare backbone (ST-VQRL under the entry ``model``);
- ``fragments_backbone.layers.0...`` or ``backbone.layers.0...`` with ``vqa_head...``: FAST-VQA;
- entries ``primary`` (backbone and head) and ``auxillary`` (backbone): SSL-VQA.

Parameter names inside the backbone and the head are ours already; what is left is to find the parts, and to
account for every tensor.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from sslvqa.errors import WeightsError
from sslvqa.hub.names import Architecture, build_pair
from sslvqa.hub.parts import save_parts

__all__ = ["ConversionReport", "convert_checkpoint", "convert_tensors", "read_checkpoint"]

_SECTIONS = {
    "primary": "",
    "auxillary": "distance_",
}  # [sic]; the entries of SSL-VQA, and our parts' prefixes
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "model.")
_PARTS = {
    "fragments_backbone.": "backbone",
    "fragments_head.": "head",
    "backbone.": "backbone",
    "vqa_head.": "head",
}
_BARE = ("patch_embed.", "layers.", "norm.")
_DROPPED = {
    "relative_position_index": "index buffer; follows from the window",
    "cls_head.": "classifier of actions",
}
_RELATIVE, _FRAGMENT = "relative_position_bias_table", "fragment_position_bias_table"


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What became of every tensor of a checkpoint and of every parameter of the architecture."""

    kept: dict[str, str]
    """Our name (``part/parameter``) to the name in the checkpoint."""
    dropped: dict[str, str]
    """Name in the checkpoint to why it is not needed."""
    initialised: dict[str, str]
    """Our names that the checkpoint lacks on purpose, and the tensor they were copied from."""
    missing: tuple[str, ...]
    """Our names without a tensor."""
    unexpected: tuple[str, ...]
    """Names in the checkpoint that nothing is known of."""
    mismatched: tuple[str, ...]
    """Tensors of the wrong shape, with both shapes."""

    @property
    def complete(self) -> bool:
        """Whether everything fits."""
        return not (self.missing or self.unexpected or self.mismatched)

    def to_json(self) -> str:
        """Return the report as a JSON document."""
        return json.dumps(dataclasses.asdict(self), indent=2)


def read_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint; no code in the file is run.

    Args:
        path: ``.safetensors``, or a file of ``torch.save``.

    Returns:
        Tensors by name, on the CPU. Names within SSL-VQA's entries begin with ``primary.`` or ``auxillary.``.

    Raises:
        WeightsError: If the file cannot be read safely, or holds no tensors.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{path} cannot be read as weights ({reason}); expected safetensors or a torch state dict"
        ) from error
    tensors = _flatten(content)
    if not tensors:
        raise WeightsError(f"{path} holds no tensors by name; expected a state dict saved by torch")
    return tensors


def _flatten(content: object) -> dict[str, Tensor]:
    """Find the state dict within a training checkpoint."""
    if not isinstance(content, Mapping):
        return {}
    found = [name for name in _SECTIONS if isinstance(content.get(name), Mapping)]
    if found:
        return {f"{name}.{key}": value for name in found for key, value in _flatten(content[name]).items()}
    for wrapper in _WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            return _flatten(content[wrapper])
    return {str(key): value for key, value in content.items() if isinstance(value, Tensor)}


def convert_tensors(
    tensors: Mapping[str, Tensor], *, architecture: Architecture
) -> tuple[dict[str, dict[str, Tensor]], ConversionReport]:
    """Sort the tensors of a published checkpoint into our parts.

    Args:
        tensors: Of :func:`read_checkpoint`.
        architecture: What they shall fit.

    Returns:
        State dicts in float32 by part, and the report. Parts are ``backbone`` (of :class:`SwinBackbone`),
        ``head`` (of :class:`QualityHead`) and, for SSL-VQA, ``distance_backbone``; those that the checkpoint
        has. Where it has no fragment bias tables (Kinetics), each is a copy of the relative table beside it.
    """
    expected = _expected(architecture)
    matched = _match(tensors, expected)
    parts = {name.split("/")[0] for name in matched.kept} | {"backbone"}
    wanted = [name for name in expected if name.split("/")[0] in parts]
    copied = _fragment_sources(wanted, matched.kept)
    sources = matched.kept | copied
    states: dict[str, dict[str, Tensor]] = {part: {} for part in sorted(parts)}
    for name, source in sources.items():
        part, parameter = name.split("/", 1)
        states[part][parameter] = tensors[source].detach().float().clone().contiguous()
    missing = tuple(name for name in wanted if name not in sources)
    return states, dataclasses.replace(matched, initialised=copied, missing=missing)


def _match(tensors: Mapping[str, Tensor], expected: Mapping[str, torch.Size]) -> ConversionReport:
    """Account for the tensors of a checkpoint one by one."""
    kept: dict[str, str] = {}
    dropped: dict[str, str] = {}
    unexpected: list[str] = []
    mismatched: list[str] = []
    for key, tensor in tensors.items():
        name = _our_name(key)
        reason = next((why for text, why in _DROPPED.items() if text in key), None)
        if reason is not None:
            dropped[key] = reason
        elif name is None or name not in expected or name in kept:
            unexpected.append(key)
        else:
            kept[name] = key
            if tensor.shape != expected[name]:
                mismatched.append(f"{key}: shape {tuple(tensor.shape)} instead of {tuple(expected[name])}")
    return ConversionReport(kept, dropped, {}, (), tuple(unexpected), tuple(mismatched))


def convert_checkpoint(
    source: str | Path, out: str | Path, *, architecture: Architecture
) -> ConversionReport:
    """Convert a published checkpoint to a folder that training can start from.

    Args:
        source: The checkpoint, see :func:`read_checkpoint`.
        out: Folder for ``<part>.safetensors`` (parts as in :func:`convert_tensors`, the architecture in their
            metadata) and the report, ``conversion.json``.
        architecture: What the weights shall fit; ``swin_t`` for all published ones but FAST-VQA-M.

    Returns:
        The report, which is complete.

    Raises:
        WeightsError: If the file cannot be read, or a tensor is missing, unexpected or of the wrong shape;
            all of them are listed, and nothing is written.
    """
    states, report = convert_tensors(read_checkpoint(source), architecture=architecture)
    if not report.complete:
        problems = [f"missing {name}" for name in report.missing]
        problems += [f"unexpected {name}" for name in report.unexpected] + list(report.mismatched)
        listing = "\n  ".join(problems)
        raise WeightsError(
            f"{source} does not fit the architecture {architecture.name!r}; "
            f"choose the one it was trained with:\n  {listing}"
        )
    folder = Path(out)
    save_parts(folder, states, architecture)
    (folder / "conversion.json").write_text(report.to_json() + "\n", encoding="utf-8")
    return report


def _expected(architecture: Architecture) -> dict[str, torch.Size]:
    """Shapes of all parameters as ``part/parameter``."""
    with torch.device("meta"):
        model = build_pair(architecture)
    modules = {
        "backbone": model.regressor.backbone,
        "head": model.regressor.head,
        "distance_backbone": model.distance.backbone,
    }
    return {
        f"{part}/{key}": value.shape for part, m in modules.items() for key, value in m.state_dict().items()
    }


def _our_name(key: str) -> str | None:
    """Translate a checkpoint's name to ``part/parameter``; None for a name of no known layout."""
    section, _, rest = key.partition(".")
    key, ours = (rest, _SECTIONS[section]) if section in _SECTIONS else (key, "")
    while wrapper := next((p for p in _PREFIXES if key.startswith(p)), None):
        key = key.removeprefix(wrapper)
    if key.startswith(_BARE):
        return f"{ours}backbone/{key}"
    return next(
        (f"{ours}{part}/{key.removeprefix(p)}" for p, part in _PARTS.items() if key.startswith(p)), None
    )


def _fragment_sources(wanted: list[str], found: Mapping[str, str]) -> dict[str, str]:
    """For parts without any fragment table: the relative table to copy for each."""
    copied = {}
    for name in wanted:
        part = name.split("/")[0]
        has_own = any(other.startswith(f"{part}/") and other.endswith(_FRAGMENT) for other in found)
        source = found.get(name.replace(_FRAGMENT, _RELATIVE))
        if name.endswith(_FRAGMENT) and not has_own and source is not None:
            copied[name] = source
    return copied
