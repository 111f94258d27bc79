"""What one view costs a network: operations, activations, parameters."""

from __future__ import annotations

import math

import torch

from sslvqa.hub import Architecture
from sslvqa.nn.swin3d.model import SwinBackbone, SwinConfig


def forward_flop(architecture: Architecture) -> float:
    """Operations of one view through the backbone."""
    config, geometry = architecture.backbone, architecture.geometry
    shape = [
        geometry.frames // config.patch[0],
        *(geometry.grid * geometry.fragment_px // side for side in config.patch[1:]),
    ]
    pixels = 3 * math.prod(config.patch)
    first = config.bands or config.embed_dim
    total = 2.0 * math.prod(shape) * first * pixels
    total += 4.0 * math.prod(shape) * config.bands * config.embed_dim
    for stage, depth in enumerate(config.depths):
        channels = config.embed_dim * 2**stage
        if stage:
            shape = [shape[0], -(-shape[1] // 2), -(-shape[2] // 2)]
            total += 4.0 * math.prod(shape) * channels**2  # merging: 2 C channels to C
        tokens = math.prod(shape)
        window = math.prod(min(side, limit) for side, limit in zip(shape, config.window, strict=True))
        linear = 2 * tokens * channels**2 * (4 + 2 * config.mlp_ratio)
        total += depth * (linear + 4 * tokens * window * channels)
    return total


def activation_bytes(architecture: Architecture) -> float:
    """What one pass keeps for its backward pass in bf16: 61 bytes a token, channel and block.

    That is 1.4 GB for swin_t, as measured on a CPU.
    """
    config, geometry = architecture.backbone, architecture.geometry
    side = geometry.grid * geometry.fragment_px
    tokens = geometry.frames * side**2 / math.prod(config.patch)
    values = sum(
        depth * tokens / 4**stage * config.embed_dim * 2**stage for stage, depth in enumerate(config.depths)
    )
    return 61 * values


def parameters(config: SwinConfig) -> int:
    """Of one backbone."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in SwinBackbone(config).parameters())
