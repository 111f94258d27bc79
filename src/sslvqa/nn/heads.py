"""What sits on the backbone's tokens: the quality head g, and the projection of the contrastive stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from torch import Generator

__all__ = ["Projection", "QualityHead", "view_moments"]


class QualityHead(nn.Module):
    """One quality value per token: dropout, 1x1x1 convolution, GELU, dropout, 1x1x1 convolution.

    With ``moments`` (ours) the two layers judge a view by mean and deviation of every channel over its
    tokens. The value of a token is then what they say of a view that has this token as its mean, moved by
    what is the same for all tokens of the view, so that the values have the view's score as their mean.

    Args:
        channels: Channels of a token.
        hidden: Channels between the two convolutions.
        dropout: Probability of both dropouts.
        moments: Whether views are judged by moments, not token by token.
        generator: Source of the initial weights; the global one by default.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int = 64,
        dropout: float = 0.5,
        moments: bool = False,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        self.fc_hid = nn.Conv3d(2 * channels if moments else channels, hidden, 1)
        self.fc_last = nn.Conv3d(hidden, 1, 1)
        self.dropout = dropout
        self.moments = moments
        for layer in (self.fc_hid, self.fc_last):
            _initialise(layer, generator)

    def forward(self, features: Tensor) -> Tensor:
        """Map tokens ``(B, C, T', h, w)`` to values ``(B, T', h, w)``; arbitrary scale, higher is better."""
        inputs = self.inputs(features)
        if not self.moments:
            return self._last(self._hidden(inputs))
        deviation = inputs[:, features.shape[1] :].expand(-1, -1, *features.shape[2:])
        values = self._last(self._hidden(torch.cat([features.to(inputs.dtype), deviation], dim=1)))
        return values - values.mean(dim=(1, 2, 3), keepdim=True) + self._last(self._hidden(inputs))

    def inputs(self, features: Tensor) -> Tensor:
        """What a view's score is made of: the tokens, or their moments ``(B, 2 C, 1, 1, 1)``."""
        return view_moments(features) if self.moments else features

    def summary(self, features: Tensor) -> Tensor:
        """What the last layer makes a view's score of: ``(B, C, T', h, w)`` to ``(B, hidden)``."""
        return self._hidden(self.inputs(features)).mean(dim=(2, 3, 4))

    def score(self, inputs: Tensor) -> Tensor:
        """The scores ``(B,)`` of what :meth:`inputs` gave: the mean of the values of :meth:`forward`."""
        return self._last(self._hidden(inputs)).mean(dim=(1, 2, 3))

    def _hidden(self, inputs: Tensor) -> Tensor:
        return F.gelu(self.fc_hid(F.dropout(inputs, self.dropout, self.training)))

    def _last(self, hidden: Tensor) -> Tensor:
        values: Tensor = self.fc_last(F.dropout(hidden, self.dropout, self.training))
        return values.squeeze(1)

    @torch.no_grad()
    def rescale(self, *, scale: float, offset: float) -> None:
        """Let every value be ``offset + scale * value`` from now on."""
        self.fc_last.weight.mul_(scale)
        if self.fc_last.bias is not None:
            self.fc_last.bias.mul_(scale).add_(offset)

    @torch.no_grad()
    def standardise_inputs(self, mean: Tensor, deviation: Tensor) -> None:
        """Take as they are the inputs ``(B, C, ...)`` that were given as ``(inputs - mean) / deviation``."""
        weight, bias = self.fc_hid.weight, self.fc_hid.bias
        weight.div_(deviation.view(-1, 1, 1, 1))
        assert bias is not None
        bias.sub_(weight.flatten(1) @ mean)


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


def view_moments(features: Tensor) -> Tensor:
    """Mean and deviation of channels over tokens, ``(B, C, T', h, w)`` to float32 ``(B, 2 C, 1, 1, 1)``."""
    features = features.float()
    mean = features.mean(dim=(2, 3, 4), keepdim=True)
    variance = (features - mean).square().mean(dim=(2, 3, 4), keepdim=True)
    return torch.cat([mean, (variance + 1e-6).sqrt()], dim=1)  # the gradient of equal tokens is finite


def _initialise(layer: nn.Conv3d | nn.Linear, generator: Generator | None) -> None:
    """Draw weights that keep the variance of a ReLU-like network, and set the bias to 0."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
