"""A head that fits the backbone as it stands, so that the first steps do not undo what it has learned."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from sslvqa.data.datasets import ItemKey
from sslvqa.data.loaders import make_loader
from sslvqa.losses import plcc_loss
from sslvqa.methods.base import Compute, evaluating
from sslvqa.train.config import OptimConfig
from sslvqa.train.optim import build_optimizer, lr_factor, set_lr
from sslvqa.train.start import seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from sslvqa.data.datasets import VideoDataset
    from sslvqa.losses.plcc import PlccKind
    from sslvqa.nn.heads import QualityHead
    from sslvqa.nn.quality import RegressorModel
    from sslvqa.train.train_config import HeadConfig

__all__ = ["Reading", "fit_head", "fit_ridge", "head_features", "train_head"]

_VIEWS_AT_ONCE = 32
_WARMUP = 20  # steps
_QUIET_SECONDS = 60.0
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """How the views of videos are read and passed through the backbone."""

    compute: Compute = field(default_factory=Compute)
    fetch: Callable[[Tensor], Tensor] | None = None
    """Puts the views of items on the device; None copies them."""
    workers: int = 0
    """Processes that read."""


def fit_head(regressor: RegressorModel, dataset: VideoDataset, *, reading: Reading) -> None:
    """Fit the last layer of the head to the labels, by ridge regression on what the backbone gives now.

    A head that starts at random is as likely to rank the videos backwards as not, and its gradients spoil a
    learned backbone (Kumar et al., ICLR 2022: linear probing, then fine-tuning). A score is the mean over
    tokens, so it is linear in the last layer, and the best one has a closed form. Labels that tell nothing
    change nothing.

    Args:
        regressor: On its device; only the last layer of its head is changed.
        dataset: The labelled videos, two views each.
        reading: How they pass through the backbone.
    """
    features, scores = head_features(regressor, dataset, reading=reading)
    weights = fit_ridge(features, scores)
    fitted = (features - features.mean(axis=0)) @ weights
    if not fitted.std() > 0:
        return
    with torch.no_grad():
        layer = regressor.head.fc_last
        layer.weight.copy_(torch.from_numpy(weights / fitted.std()).view_as(layer.weight))
        if layer.bias is not None:
            layer.bias.fill_(-float(features.mean(axis=0) @ weights / fitted.std()))


def train_head(
    regressor: RegressorModel,
    dataset: VideoDataset,
    config: HeadConfig,
    *,
    reading: Reading,
    plcc: PlccKind = "paper",
    weight_decay: float = 0.05,
    seed: int = 0,
    learned: bool = False,
) -> None:
    """Learn the whole head on what the backbone gives now; nothing else changes.

    What the head sees of some views of each video is computed once, so that a pass over thousands of videos
    takes seconds. A step takes one of the views of each video of its batch.

    Args:
        regressor: On its device.
        dataset: The labelled videos.
        config: How long and how fast.
        reading: How they pass through the backbone.
        plcc: Form of the correlation loss.
        weight_decay: Of the two layers' weights.
        seed: Of everything that is drawn.
        learned: Whether the head has learned before: then it goes on from what it is.
    """
    bank, scores = _input_bank(
        dataset,
        lambda part: regressor.head.inputs(regressor.backbone(part)),
        regressor=regressor,
        draws=config.draws,
        reading=reading,
        kept=torch.float32 if regressor.head.moments else torch.float16,
    )
    mean, deviation = _channel_moments(bank)
    head, device = regressor.head.train(), next(regressor.parameters()).device
    shift, scale = mean.flatten().to(device), deviation.flatten().to(device)
    if learned:
        head.standardise_inputs(-shift / scale, 1 / scale)  # the same scores of standardised inputs
    batch = min(config.batch, len(scores))
    each = len(scores) // batch
    optimizer = build_optimizer({"head": head}, OptimConfig(head_lr=config.lr, weight_decay=weight_decay))
    order = torch.arange(len(scores))
    with seeded(seed, "head"):
        for step in range(config.epochs * each):
            if step % each == 0:
                order = torch.randperm(len(scores))
            rows = order[step % each * batch :][:batch]
            views = torch.randint(bank.shape[1], (batch,))
            inputs = (bank[rows, views].float() - mean) / deviation
            found = head.score(inputs.to(device))
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(plcc_loss(found, scores[rows].to(device), kind=plcc))
            set_lr(optimizer, lr_factor(step, total=config.epochs * each, warmup=_WARMUP, final_ratio=0.0))
            optimizer.step()
    first = torch.split(bank[:, 0], _VIEWS_AT_ONCE)
    _rescale(head.eval(), ((part.float() - mean) / deviation for part in first), device)
    head.standardise_inputs(shift, scale)


def _channel_moments(bank: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the channels of a bank ``(videos, views, C, ...)``, as ``(C, 1, 1, 1)``.

    Some videos at a time, as the bank may fill half the memory in half precision.
    """
    others = [place for place in range(bank.ndim) if place != 2]
    parts, count = torch.split(bank, _VIEWS_AT_ONCE), bank.numel() // bank.shape[2]
    mean = torch.stack([part.double().sum(others) for part in parts]).sum(dim=0) / count
    mean = mean.view(-1, 1, 1, 1)
    squares = torch.stack([(part.double() - mean).square().sum(others) for part in parts]).sum(dim=0)
    deviation = (squares / max(count - 1, 1)).sqrt().clamp_min(1e-3).view(-1, 1, 1, 1)
    return mean.float(), deviation.float()


@torch.no_grad()
def _input_bank(
    dataset: VideoDataset,
    network: Callable[[Tensor], Tensor],
    *,
    regressor: RegressorModel,
    draws: int,
    reading: Reading,
    kept: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor]:
    """What a network gives for two views a draw: ``(videos, views, ...)`` on the CPU; the labels."""
    fetch = reading.fetch or partial(Tensor.to, device=next(regressor.parameters()).device)
    bank, scores, spoken = [], [], time.monotonic()
    with evaluating(regressor):
        for views, labels in _all_views(dataset, draws=draws, workers=reading.workers):
            parts = torch.split(fetch(views).flatten(0, 2), _VIEWS_AT_ONCE)
            found = torch.cat([reading.compute(network, part).to(kept) for part in parts]).cpu()
            bank.append(found.view(len(views), -1, *found.shape[1:]))
            scores.append(labels)
            if time.monotonic() - spoken > _QUIET_SECONDS:
                spoken = time.monotonic()
                _logger.info("head: %d of %d videos read", sum(map(len, scores)), len(dataset))
    return torch.cat(bank), torch.cat(scores)


def _all_views(dataset: VideoDataset, *, draws: int, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Items of some videos at a time, ``(videos, draws, 2, ...)``, and their labels."""
    each = max(_VIEWS_AT_ONCE // (2 * draws), 1)
    keys = [
        [ItemKey("head", draw, position) for position in positions for draw in range(draws)]
        for positions in (
            range(first, min(first + each, len(dataset))) for first in range(0, len(dataset), each)
        )
    ]
    for parts in make_loader({"head": dataset}, keys, workers=workers):
        views = parts["head"].views
        yield views.view(-1, draws, *views.shape[1:]), parts["head"].scores[::draws]


@torch.no_grad()
def _rescale(head: QualityHead, parts: Iterable[Tensor], device: torch.device) -> None:
    """Let the scores of some views have mean 0 and deviation 1, as after a ridge fit."""
    scores = torch.cat([head.score(part.to(device)) for part in parts])
    deviation, mean = (float(value) for value in torch.std_mean(scores, correction=0))
    if deviation > 0:
        head.rescale(scale=1 / deviation, offset=-mean / deviation)


def fit_ridge(
    features: NDArray[np.float64], scores: NDArray[np.float64], *, factor: float = 1.0
) -> NDArray[np.float64]:
    """Weights of a ridge regression with an intercept.

    The penalty is the features' total variance: of n rows, a direction with less than 1/n of that variance is
    damped to less than half. With few rows it is steadier than one chosen by leaving out rows in turn:
    ``benchmarks/probe.py``.

    Args:
        features: ``(n, d)``.
        scores: ``(n,)``.
        factor: On the penalty.

    Returns:
        ``(d,)`` for centred features; zeros where scores or features are constant.
    """
    centred, target = features - features.mean(axis=0), scores - scores.mean()
    penalty = factor * np.square(centred).sum() / len(scores)
    if not penalty > 0:
        return np.zeros(features.shape[1])
    products = centred.T @ centred + penalty * np.eye(features.shape[1])
    weights: NDArray[np.float64] = np.linalg.solve(products, centred.T @ target)
    return weights


def head_features(
    regressor: RegressorModel, dataset: VideoDataset, *, reading: Reading
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the last layer sees of each video, and the labels.

    Args:
        regressor: On its device.
        dataset: Labelled videos, two views each.
        reading: How they pass through the backbone.

    Returns:
        Means over tokens and views ``(n, hidden)``, and labels ``(n,)``.
    """
    found, scores = _input_bank(
        dataset,
        lambda part: regressor.head.summary(regressor.backbone(part)),
        regressor=regressor,
        draws=1,
        reading=reading,
    )
    return found.mean(dim=1).double().numpy(), scores.double().numpy()
