"""Pixels to tokens: a linear patch embedding, or one that sees the energy of frequency bands.

Quality lives in high frequencies, whose amplitude in natural video is a fiftieth of the mean colour's. Random
filters pass mostly the latter, and learning to look past it takes hundreds of steps; and what matters of a
band is less its value than its energy over decades, which a norm right after a linear layer hides. The band
embedding is ours; the paper starts a linear one from weights pretrained on Kinetics.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslvqa.errors import DataError

if TYPE_CHECKING:
    from sslvqa.nn.swin3d.window import Triple

__all__ = ["PatchEmbed", "cut_patches", "dct_filters"]

_OPPONENTS = ((0.299, 0.587, 0.114), (-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))  # Y, Cb, Cr of BT.601


def dct_filters(patch: Triple, channels: int) -> Tensor:
    """Orthonormal 3D DCT filters on luma, then on the two chroma differences, each by rising frequency.

    Args:
        patch: (time, height, width) of a patch in px.
        channels: How many filters are wanted.

    Returns:
        float32 ``(n, 3, *patch)`` on RGB, n = min(channels, 3 bands of all frequencies). Chroma gets what
        luma leaves over, shared equally.
    """
    from scipy.fft import dct  # 0.2 seconds, which a model from a file does without

    t, h, w = (dct(np.eye(size), axis=0, norm="ortho") for size in patch)
    order = sorted(itertools.product(*(range(size) for size in patch)), key=lambda k: (sum(k), k))
    bands = np.stack([np.einsum("a,b,c->abc", t[i], h[j], w[k]) for i, j, k in order])
    luma = min(channels, len(bands))
    chroma = min(channels - luma, 2 * len(bands))
    shares = (luma, chroma - chroma // 2, chroma // 2)
    filters = [
        np.einsum("c,nthw->ncthw", np.asarray(colour), bands[:share])
        for colour, share in zip(_OPPONENTS, shares, strict=True)
    ]
    return torch.from_numpy(np.concatenate(filters)).float()


class PatchEmbed(nn.Module):
    """One token for each patch of a view.

    Args:
        patch: (time, height, width) of a patch in px.
        dim: Channels of a token.
        bands: 0 for a linear embedding; otherwise how many filters there are, whose values and log energies
            are mixed to a token. :meth:`whiten` gives the filters their start.
        keep: Whether the log energies follow the channels of the token.
    """

    def __init__(self, patch: Triple, dim: int, *, bands: int = 0, keep: bool = False) -> None:
        super().__init__()
        self.patch = patch
        self.keep = keep
        self.proj = nn.Conv3d(3, bands or dim, kernel_size=patch, stride=patch)
        self.mix = nn.Linear(2 * bands, dim) if bands else None
        self.norm = nn.LayerNorm(dim)

    def forward(self, views: Tensor) -> Tensor:
        """Map normalised views ``(B, 3, T, H, W)`` to tokens ``(B, T', h, w, dim)``; odd sides are padded.

        With ``keep`` there are ``dim + bands`` channels.
        """
        pads = [-n % p for n, p in zip(views.shape[2:], self.patch, strict=True)]
        if any(pads):
            views = F.pad(views, (0, pads[2], 0, pads[1], 0, pads[0]))
        if self.mix is None:
            tokens = self._filter(views)
        else:
            # bfloat16 rounds pixels by an eighth of a level, filters by 0.2 %: as much as a weak band holds
            with torch.autocast(views.device.type, enabled=False):
                values = self._filter(views.to(self.proj.weight.dtype))
                energies = _log_energy(values)
            tokens = self.mix(torch.cat([values, energies], dim=-1))
        out: Tensor = self.norm(tokens)
        return torch.cat([out, energies.to(out.dtype)], dim=-1) if self.keep else out

    def _filter(self, views: Tensor) -> Tensor:
        """What the filters give for every patch, ``(B, T', h, w, filters)``.

        A convolution on a CPU; elsewhere the same as one matrix product, as cuDNN has no good kernel for
        filters that do not overlap (https://github.com/huggingface/transformers/issues/45750).
        """
        if views.device.type == "cpu":
            values: Tensor = self.proj(views)
            return values.permute(0, 2, 3, 4, 1)
        return F.linear(cut_patches(views, self.patch), self.proj.weight.flatten(1), self.proj.bias)

    @torch.no_grad()
    def whiten(self, views: Tensor) -> None:
        """Make the filters DCT bands, each with mean 0 and deviation 1 over ``views``; nothing if linear.

        Filters beyond the bands of the patch keep their weights.

        Args:
            views: Normalised views ``(B, 3, T, S, S)`` like those to be trained on; some dozens.

        Raises:
            DataError: If a band is constant over the views, as in videos that do not move or have no colour.
        """
        if self.mix is None:
            return
        filters = dct_filters(self.patch, self.proj.out_channels).to(views)
        values = F.conv3d(views, filters, stride=self.patch)
        deviation, mean = torch.std_mean(values, dim=(0, 2, 3, 4))
        if not bool((deviation > 1e-6).all()):
            raise DataError(
                f"{int((deviation <= 1e-6).sum())} of {len(filters)} DCT bands are constant over "
                f"{len(views)} views; give varied videos, or an architecture with a linear patch embedding"
            )
        self.proj.weight[: len(filters)] = filters / deviation[:, None, None, None, None]
        if self.proj.bias is not None:
            self.proj.bias[: len(filters)] = -mean / deviation


def cut_patches(views: Tensor, patch: Triple) -> Tensor:
    """Patches of views whose sides they fill, ``(B, C, T, H, W)`` to ``(B, T', h, w, C * pixels of one)``."""
    (t, h, w), (batch, channels, *sides) = patch, views.shape
    counts = [side // one for side, one in zip(sides, patch, strict=True)]
    cut = views.reshape(batch, channels, counts[0], t, counts[1], h, counts[2], w)
    return cut.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(batch, *counts, channels * t * h * w)


def _log_energy(values: Tensor) -> Tensor:
    """Half the log of the square, about 0 on average for whitened bands; finite where a value is 0."""
    return (values.square() + 1e-4).log().mul(0.5).add(1.0)
