"""A start for the patch embedding at which distortions are visible: whitened space-time DCT bands.

Quality lives in high frequencies, whose amplitude in natural video is a fiftieth of the mean colour's. Random
filters pass mostly the latter, and learning to look past it takes hundreds of steps. This start is ours; the
paper's is weights pretrained on Kinetics.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor

from sslvqa.errors import DataError

if TYPE_CHECKING:
    from sslvqa.nn.swin3d.model import SwinBackbone
    from sslvqa.nn.swin3d.window import Triple

__all__ = ["dct_filters", "whiten_patches"]

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


@torch.no_grad()
def whiten_patches(backbone: SwinBackbone, views: Tensor) -> None:
    """Make the patch embedding a bank of DCT bands, each with mean 0 and deviation 1 over ``views``.

    Channels beyond the bands keep their weights.

    Args:
        backbone: Changed in place.
        views: Normalised views ``(B, 3, T, S, S)`` like those to be trained on; some dozens.

    Raises:
        DataError: If a band is constant over the views, as in videos that do not move or have no colour.
    """
    convolution = backbone.patch_embed.proj
    kernel = convolution.weight.shape[2:]
    filters = dct_filters((kernel[0], kernel[1], kernel[2]), convolution.out_channels).to(views)
    bands = torch.nn.functional.conv3d(views, filters, stride=tuple(kernel))
    deviation, mean = torch.std_mean(bands, dim=(0, 2, 3, 4))
    if not bool((deviation > 1e-6).all()):
        raise DataError(
            f"{int((deviation <= 1e-6).sum())} of {len(filters)} DCT bands are constant over {len(views)} "
            "views; give varied videos, or start the patch embedding at random (patches='random')"
        )
    convolution.weight[: len(filters)] = filters / deviation[:, None, None, None, None]
    if convolution.bias is not None:
        convolution.bias[: len(filters)] = -mean / deviation
