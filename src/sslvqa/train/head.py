"""A head that fits the backbone as it stands, so that the first steps do not undo what it has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sslvqa.data.datasets import ItemKey, derive_seed
from sslvqa.losses import plcc_loss
from sslvqa.methods.base import evaluating

if TYPE_CHECKING:
    from sslvqa.data.datasets import VideoDataset
    from sslvqa.methods import Compute
    from sslvqa.nn.quality import RegressorModel

__all__ = ["fit_head"]

_BATCH = 32
_VIEWS_AT_ONCE = 16


def fit_head(
    regressor: RegressorModel, dataset: VideoDataset, *, steps: int, lr: float, compute: Compute, seed: int
) -> None:
    """Train the head alone, on the tokens that the backbone gives now for two views of each labelled video.

    A random head is as likely to rank the videos backwards as not; the gradients of such a head spoil a
    learned backbone (Kumar et al., ICLR 2022: linear probing, then fine-tuning).

    Args:
        regressor: On its device; its backbone is not changed.
        dataset: The labelled videos, two views each.
        steps: Of AdamW, on random batches of at most 32 videos with one of their views.
        lr: Of the head.
        compute: How views pass through the backbone.
        seed: Of batches, views and dropout.
    """
    device = next(regressor.parameters()).device
    items = [dataset[ItemKey("head", 0, position)] for position in range(len(dataset))]
    scores = torch.tensor([item.score for item in items], device=device)
    with evaluating(regressor), torch.no_grad():
        tokens = torch.cat(
            [
                compute(regressor.backbone, views.to(device)).half()  # half the memory; they are normalised
                for views in torch.split(torch.cat([item.views for item in items]), _VIEWS_AT_ONCE)
            ]
        )
    tokens = tokens.view(len(items), 2, *tokens.shape[1:])
    optimizer = torch.optim.AdamW(regressor.head.parameters(), lr=lr)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derive_seed(seed, "head"))
        for _ in range(steps):
            videos = torch.randperm(len(items))[:_BATCH]
            views = torch.randint(2, videos.shape)
            q_r = regressor.head(tokens[videos, views].float()).mean(dim=(1, 2, 3))
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(plcc_loss(q_r, scores[videos]))
            optimizer.step()
