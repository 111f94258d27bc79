"""A head that fits the backbone as it stands, so that the first steps do not undo what it has learned."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from sslvqa.data.datasets import ItemKey
from sslvqa.losses import plcc_loss
from sslvqa.methods.base import evaluating
from sslvqa.train.config import OptimConfig
from sslvqa.train.optim import build_optimizer, lr_factor, set_lr
from sslvqa.train.start import seeded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sslvqa.data.datasets import VideoDataset
    from sslvqa.losses.plcc import PlccKind
    from sslvqa.methods import Compute
    from sslvqa.nn.heads import QualityHead
    from sslvqa.nn.quality import RegressorModel
    from sslvqa.train.config import HeadConfig

__all__ = ["fit_head", "fit_ridge", "head_features", "train_head"]

_VIEWS_AT_ONCE = 16
_WARMUP = 20  # steps
_QUIET_SECONDS = 60.0
_logger = logging.getLogger(__name__)


def fit_head(regressor: RegressorModel, dataset: VideoDataset, *, compute: Compute) -> None:
    """Fit the last layer of the head to the labels, by ridge regression on what the backbone gives now.

    A head that starts at random is as likely to rank the videos backwards as not, and its gradients spoil a
    learned backbone (Kumar et al., ICLR 2022: linear probing, then fine-tuning). A score is the mean over
    tokens, so it is linear in the last layer, and the best one has a closed form. Labels that tell nothing
    change nothing.

    Args:
        regressor: On its device; only the last layer of its head is changed.
        dataset: The labelled videos, two views each.
        compute: How views pass through the backbone.
    """
    features, scores = head_features(regressor, dataset, compute=compute)
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
    compute: Compute,
    plcc: PlccKind = "paper",
    weight_decay: float = 0.05,
    seed: int = 0,
) -> None:
    """Learn the whole head on what the backbone gives now; nothing else changes.

    What the head sees of some views of each video is computed once, so that a pass over thousands of videos
    takes seconds. A step takes one of the views of each video of its batch.

    Args:
        regressor: On its device.
        dataset: The labelled videos.
        config: How long and how fast.
        compute: How views pass through the backbone.
        plcc: Form of the correlation loss.
        weight_decay: Of the two layers' weights.
        seed: Of everything that is drawn.
    """
    bank, scores = _input_bank(regressor, dataset, draws=config.draws, compute=compute)
    deviation, mean = torch.std_mean(bank.float().transpose(0, 2).flatten(1), dim=1)
    deviation = deviation.clamp_min(1e-3)
    bank = (bank - mean.view(-1, 1, 1, 1)) / deviation.view(-1, 1, 1, 1)
    head, device = regressor.head.train(), next(regressor.parameters()).device
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
            found = head.score(bank[rows, views].to(device).float())
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(plcc_loss(found, scores[rows].to(device), kind=plcc))
            set_lr(optimizer, lr_factor(step, total=config.epochs * each, warmup=_WARMUP, final_ratio=0.0))
            optimizer.step()
    _rescale(head.eval(), bank[:, 0], device)
    head.standardise_inputs(mean.to(device), deviation.to(device))


@torch.no_grad()
def _input_bank(
    regressor: RegressorModel, dataset: VideoDataset, *, draws: int, compute: Compute
) -> tuple[Tensor, Tensor]:
    """What the head sees of two views a draw: ``(videos, views, channels, T', h, w)`` on the CPU; the labels.

    Tokens are kept as float16, moments as float32.
    """
    device = next(regressor.parameters()).device
    kept = torch.float32 if regressor.head.moments else torch.float16
    bank, scores, spoken = [], [], time.monotonic()
    with evaluating(regressor):
        for position in range(len(dataset)):
            items = [dataset[ItemKey("head", draw, position)] for draw in range(draws)]
            views = torch.cat([item.views for item in items]).to(device)
            inputs = compute(lambda part: regressor.head.inputs(regressor.backbone(part)), views)
            bank.append(inputs.to(kept).cpu())
            scores.append(items[0].score)
            if time.monotonic() - spoken > _QUIET_SECONDS:
                spoken = time.monotonic()
                _logger.info("head: %d of %d videos read", position + 1, len(dataset))
    return torch.stack(bank), torch.tensor(scores, dtype=torch.float32)


@torch.no_grad()
def _rescale(head: QualityHead, inputs: Tensor, device: torch.device) -> None:
    """Let the scores of some views have mean 0 and deviation 1, as after a ridge fit."""
    parts = torch.split(inputs, _VIEWS_AT_ONCE)
    scores = torch.cat([head.score(part.to(device).float()) for part in parts])
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
    regressor: RegressorModel, dataset: VideoDataset, *, compute: Compute
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the last layer sees of each video, and the labels.

    Args:
        regressor: On its device.
        dataset: Labelled videos, two views each.
        compute: How views pass through the backbone.

    Returns:
        Means over tokens and views ``(n, hidden)``, and labels ``(n,)``.
    """
    device = next(regressor.parameters()).device
    items = [dataset[ItemKey("head", 0, position)] for position in range(len(dataset))]

    def hidden(views: Tensor) -> Tensor:
        return regressor.head.summary(regressor.backbone(views))

    with evaluating(regressor), torch.no_grad():
        views = torch.split(torch.cat([item.views for item in items]), _VIEWS_AT_ONCE)
        found = torch.cat([compute(hidden, part.to(device)) for part in views])
    features = found.view(len(items), -1, found.shape[1]).mean(dim=1).double().cpu().numpy()
    return features, np.array([item.score for item in items])
