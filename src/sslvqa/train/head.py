"""A head that fits the backbone as it stands, so that the first steps do not undo what it has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from sslvqa.data.datasets import ItemKey
from sslvqa.methods.base import evaluating

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from sslvqa.data.datasets import VideoDataset
    from sslvqa.methods import Compute
    from sslvqa.nn.quality import RegressorModel

__all__ = ["fit_head", "fit_ridge", "head_features"]

_VIEWS_AT_ONCE = 16


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
        return regressor.head.hidden(regressor.backbone(views)).mean(dim=(2, 3, 4))

    with evaluating(regressor), torch.no_grad():
        views = torch.split(torch.cat([item.views for item in items]), _VIEWS_AT_ONCE)
        found = torch.cat([compute(hidden, part.to(device)) for part in views])
    features = found.view(len(items), -1, found.shape[1]).mean(dim=1).double().cpu().numpy()
    return features, np.array([item.score for item in items])
