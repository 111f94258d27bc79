"""What sits on the backbone's tokens: the quality head g, and the projection of the contrastive stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from torch import Generator

__all__ = ["Projection", "QualityHead"]


class QualityHead(nn.Module):
    """One quality value per token: dropout, 1x1x1 convolution, GELU, dropout, 1x1x1 convolution.

    Args:
        channels: Channels of a token.
        hidden: Channels between the two convolutions.
        dropout: Probability of both dropouts.
        context: Whether the value of a token also depends on its view as a whole (ours): the first layer then
            sees mean and deviation of every channel over all tokens, too.
        generator: Source of the initial weights; the global one by default.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int = 64,
        dropout: float = 0.5,
        context: bool = False,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        self.fc_hid = nn.Conv3d(channels, hidden, 1)
        self.fc_context = nn.Linear(2 * channels, hidden, bias=False) if context else None
        self.fc_last = nn.Conv3d(hidden, 1, 1)
        self.dropout = dropout
        for layer in (self.fc_hid, self.fc_context, self.fc_last):
            if layer is not None:
                _initialise(layer, generator)

    def forward(self, features: Tensor) -> Tensor:
        """Map tokens ``(B, C, T', h, w)`` to values ``(B, T', h, w)``; arbitrary scale, higher is better."""
        values: Tensor = self.fc_last(F.dropout(self.hidden(features), self.dropout, self.training))
        return values.squeeze(1)

    def hidden(self, features: Tensor) -> Tensor:
        """Map tokens to what the last layer sees, ``(B, hidden, T', h, w)``."""
        features = F.dropout(features, self.dropout, self.training)
        hidden = self.fc_hid(features)
        if self.fc_context is not None:
            hidden = hidden + self.fc_context(_moments(features))[:, :, None, None, None]
        return F.gelu(hidden)

    @torch.no_grad()
    def rescale(self, *, scale: float, offset: float) -> None:
        """Let every value be ``offset + scale * value`` from now on."""
        self.fc_last.weight.mul_(scale)
        if self.fc_last.bias is not None:
            self.fc_last.bias.mul_(scale).add_(offset)


class Projection(nn.Module):
    """Linear layer and ReLU that narrow tokens before a Gaussian is fitted; dropped after the stage.

    Args:
        channels: Channels of a token.
        out_channels: Channels after the projection.
        generator: Source of the initial weights; the global one by default.
    """

    def __init__(self, channels: int, *, out_channels: int = 64, generator: Generator | None = None) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, out_channels)
        _initialise(self.linear, generator)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens ``(..., N, C)`` to ``(..., N, out_channels)``, all >= 0."""
        return F.relu(self.linear(tokens))


def _moments(features: Tensor) -> Tensor:
    """Mean and deviation over tokens, ``(B, C, T', h, w)`` to float32 ``(B, 2 C)``; gradients stay finite."""
    rows = features.flatten(2).float()
    mean = rows.mean(dim=2)
    variance = (rows - mean.unsqueeze(2)).square().mean(dim=2)
    return torch.cat([mean, (variance + 1e-6).sqrt()], dim=1)


def _initialise(layer: nn.Conv3d | nn.Linear, generator: Generator | None) -> None:
    """Draw weights that keep the variance of a ReLU-like network, and set the bias to 0."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
