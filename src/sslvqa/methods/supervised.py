"""Fine-tuning on labels, and what every method with one regressor has in common with it."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from sslvqa.losses import supervised_loss
from sslvqa.methods.base import Batch, Compute, Gather, Method, StepOutput, evaluating, keep_local, order_loss
from sslvqa.nn.ema import moving_average
from sslvqa.nn.quality import QualityScores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch.optim.swa_utils import AveragedModel

    from sslvqa.losses.plcc import PlccKind
    from sslvqa.nn.quality import RegressorModel

__all__ = ["MixedBatch", "Supervised", "ramp_up", "standardise"]


class MixedBatch(NamedTuple):
    """A batch that has labelled and unlabelled videos."""

    labelled: Tensor
    """uint8 ``(B, 2, 3, T, S, S)``, of this process."""
    scores: Tensor
    """``(B,)``, of this process."""
    all_scores: Tensor
    """The same, of all processes."""
    unlabelled: Tensor
    """uint8 ``(U, 2, 3, T, S, S)``, of this process."""
    progress: float
    """Share of the run that is done, in [0, 1]."""


class Supervised(Method):
    """L_s alone: the PLCC loss of a regressor on labelled videos. Unlabelled videos are not looked at.

    Groups of versions whose order is known add a ranking loss (ours).

    A semi-supervised method with one regressor derives from it, adds :meth:`unlabelled_losses`, and so is
    the same as this one without unlabelled videos.

    Args:
        model: Learned.
        plcc: Form of the correlation loss.
        supervised_views: Views of a labelled video that L_s looks at: 1 as in the paper, or both (2).
        ranking_weight: Of the ranking loss.
        ranking_temperature: Of it, see :func:`sslvqa.losses.ranking_loss`.
        weight: Of the losses on unlabelled videos, after their ramp.
        decay: Of the moving average of the weights, for the methods that keep one; 0.99 forgets 100 steps.
        ramp: Share of the run over which the weight of a loss on unlabelled videos rises, where it does.
        compute: How views pass through the networks.
        gather: Joins scores over processes: a correlation needs the whole batch.
    """

    averages: ClassVar[bool] = False
    """Whether a moving average of the weights is kept, and predicts."""

    def __init__(
        self,
        model: RegressorModel,
        *,
        plcc: PlccKind = "paper",
        supervised_views: Literal[1, 2] = 1,
        ranking_weight: float = 1.0,
        ranking_temperature: float = 0.25,
        weight: float = 1.0,
        decay: float = 0.99,
        ramp: float = 0.4,
        compute: Compute | None = None,
        gather: Gather = keep_local,
    ) -> None:
        super().__init__()
        self.model = model
        self.plcc: PlccKind = plcc
        self.supervised_views = supervised_views
        self.ranking_weight = ranking_weight
        self.ranking_temperature = ranking_temperature
        self.weight = weight
        self.ramp = ramp
        self.average: AveragedModel | None = moving_average(model, decay=decay) if self.averages else None
        self._compute = compute or Compute()
        self._gather = gather

    def trainable(self) -> Mapping[str, nn.Module]:
        """Backbone and head of the regressor."""
        return {"backbone": self.model.backbone, "head": self.model.head}

    def step(self, batch: Batch) -> StepOutput:
        """Compute L_s, the ranking loss of groups, and the losses on unlabelled videos.

        Raises:
            ConfigError: If the batch has no labelled videos.
        """
        labelled, scores = batch.require_labels()
        labels = self._gather(scores)
        found = self.label_scores(labelled)
        losses = {"supervised": supervised_loss(found, labels, kind=self.plcc)}
        if batch.groups is not None:
            losses["ranking"] = self.ranking_weight * order_loss(
                batch,
                partial(self._compute, self.model),
                gather=self._gather,
                spread=found.std(),
                temperature=self.ranking_temperature,
            )
        if batch.unlabelled is not None:
            losses |= self.unlabelled_losses(
                MixedBatch(labelled, scores, labels, batch.unlabelled, batch.progress)
            )
        return StepOutput(losses)

    def unlabelled_losses(self, batch: MixedBatch) -> dict[str, Tensor]:
        """Weighted losses that need unlabelled videos; none here."""
        del batch
        return {}

    @property
    def learned(self) -> RegressorModel:
        """What predicts: the averaged weights when there are any."""
        return self.model if self.average is None else cast("RegressorModel", self.average.module)

    def supervised(self, labelled: Tensor, labels: Tensor, network: nn.Module | None = None) -> Tensor:
        """L_s of a network.

        Args:
            labelled: uint8 ``(B, 2, 3, T, S, S)``, of this process.
            labels: Scores of all processes.
            network: The learned one when absent.
        """
        return supervised_loss(self.label_scores(labelled, network), labels, kind=self.plcc)

    def label_scores(self, labelled: Tensor, network: nn.Module | None = None) -> Tensor:
        """Scores ``(B, supervised_views)`` of ``labelled`` as in :meth:`supervised`, of all processes."""
        views = labelled[:, : self.supervised_views]
        return self.scores(views.flatten(0, 1), network).view(-1, self.supervised_views)

    def scores(self, views: Tensor, network: nn.Module | None = None) -> Tensor:
        """Scores of uint8 views ``(B, 3, T, S, S)`` with graph, joined over processes."""
        return self._gather(self._compute(self.model if network is None else network, views))

    @torch.no_grad()
    def target_scores(self, views: Tensor, network: nn.Module | None = None) -> Tensor:
        """Scores in evaluation mode without graph, of this process only; ``(B,)``."""
        network = self.model if network is None else network
        with evaluating(network):
            return self._compute(network, views)

    @torch.no_grad()
    def predict(self, views: Tensor) -> Tensor:
        """Scores ``(B,)`` of uint8 views ``(B, 3, T, S, S)``, of the averaged weights when there are any."""
        return self.target_scores(views, self.learned)

    def predict_parts(self, views: Tensor) -> QualityScores:
        """The same as the scores of a model without Q_D."""
        return QualityScores(self.predict(views))

    def after_step(self) -> None:
        """Let the average follow."""
        if self.average is not None:
            self.average.update_parameters(self.model)


def ramp_up(progress: float, *, share: float = 0.4) -> float:
    """Sigmoid-shaped rise of a weight, ``exp(-5 (1 - t)^2)`` with t = progress / share, at most 1.

    A share of 0 is a weight that is full from the start.

    Source: Laine and Aila 2017, as used by Mean Teacher.
    """
    return math.exp(-5 * (1 - min(progress / share, 1.0)) ** 2) if share > 0 else 1.0


def standardise(scores: Tensor, reference: Tensor | None = None) -> Tensor:
    """Scores ``(B,)`` less the mean of ``reference`` and over its deviation; zeros if that is constant.

    Args:
        scores: What to standardise.
        reference: ``scores`` themselves when absent; those of all processes when they are of one.
    """
    reference = scores if reference is None else reference
    deviation = reference.std(correction=0)
    centred = scores - reference.mean()
    return torch.where(deviation > 1e-6, centred / deviation.clamp_min(1e-6), torch.zeros_like(centred))
