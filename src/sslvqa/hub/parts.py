"""What a training starts from: a folder with a file for each part of a network, and its architecture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from safetensors.torch import save_file

from sslvqa.hub.names import architecture_to_dict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from sslvqa.hub.names import Architecture

__all__ = ["save_parts"]


def save_parts(folder: Path, states: Mapping[str, Mapping[str, Tensor]], architecture: Architecture) -> None:
    """Write ``<part>.safetensors`` for each state, with the architecture in the metadata.

    Args:
        folder: Made where it is absent.
        states: By part: ``backbone``, ``head``, ``distance_backbone``.
        architecture: Of the whole network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"architecture": json.dumps(architecture_to_dict(architecture))}
    for part, state in states.items():
        tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
        save_file(tensors, folder / f"{part}.safetensors", metadata=metadata)
