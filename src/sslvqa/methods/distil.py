"""Distillation: one network learns the scores that a teacher gives to videos without labels."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslvqa.errors import ConfigError
from sslvqa.losses import plcc_loss
from sslvqa.methods.base import Batch, Compute, Gather, Method, StepOutput, evaluating, keep_local
from sslvqa.nn.quality import QualityScores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sslvqa.nn.heads import QualityHead
    from sslvqa.nn.quality import SingleQualityModel

__all__ = ["Distil"]


class Distil(Method):
    """The student's raw scores of a view follow those of the teacher, for the same view.

    Ours. For Q_R, and for Q_D where the teacher has it: the smooth absolute error of the scores, in units of
    the teacher's deviation, plus the PLCC loss over the batch, which minds the order. Every view counts: two
    views of a video have two targets. Each is scored by the teacher once.

    While it learns, the student gives standardised scores; :meth:`distilled` gives them the teacher's scale.

    Args:
        model: Learned. Its Q_R may be the teacher's own: then :meth:`set_scale` keeps it so.
        teacher: Gives raw scores of uint8 views ``(B, 3, T, S, S)``, on any device. It is no part of the
            method's state.
        order_weight: Of the PLCC losses.
        head_first: Share of the run, at its start, in which only the head of Q_D learns. A new head on a
            trained backbone would harm it at first; with 1, Q_R stays as it is. No effect without Q_D.
        compute: How views pass through the student.
        gather: Joins scores over processes.
    """

    centre: Tensor
    deviation: Tensor

    def __init__(
        self,
        model: SingleQualityModel,
        teacher: Callable[[Tensor], QualityScores],
        *,
        order_weight: float = 1.0,
        head_first: float = 0.0,
        compute: Compute | None = None,
        gather: Gather = keep_local,
    ) -> None:
        super().__init__()
        self.model = model
        self.order_weight = order_weight
        self.head_first = 0.0 if model.distance_head is None else head_first
        self._teacher = teacher
        self._compute = compute or Compute()
        self._gather = gather
        outputs = len(_heads(model))
        self.register_buffer("centre", torch.zeros(outputs))
        self.register_buffer("deviation", torch.ones(outputs))

    def trainable(self) -> Mapping[str, nn.Module]:
        """The backbone and the heads."""
        names = ("head", "distance_head")
        heads = dict(zip(names, _heads(self.model), strict=False))
        return {"backbone": self.model.regressor.backbone, **heads}

    def step(self, batch: Batch) -> StepOutput:
        """Compute the losses of ``batch.unlabelled``.

        Raises:
            ConfigError: If the batch has no unlabelled videos.
        """
        if batch.unlabelled is None:
            raise ConfigError(
                "the batch has no unlabelled videos; distillation learns from the teacher alone"
            )
        self.model.regressor.requires_grad_(batch.progress >= self.head_first)
        views = batch.unlabelled.flatten(0, 1)
        wanted = self._gather((self._targets(views) - self.centre) / self.deviation)
        given = self._gather(self._compute(self._outputs, views))
        losses: dict[str, Tensor] = {}
        for name, mine, other in zip("rd", given.unbind(1), wanted.unbind(1), strict=False):
            losses[f"error_{name}"] = F.smooth_l1_loss(mine, other)
            losses[f"order_{name}"] = self.order_weight * plcc_loss(mine, other)
        return StepOutput(losses)

    def set_scale(self, views: Tensor, *, same_regressor: bool) -> None:
        """Take centre and deviation of the teacher's scores from some views.

        Args:
            views: uint8 ``(B, 3, T, S, S)``, B > 1.
            same_regressor: Whether the student's Q_R is on the teacher's scale now, and is to be rescaled.
        """
        targets = self._targets(views)
        spread = targets.std(dim=0)
        self.centre.copy_(targets.mean(dim=0))
        self.deviation.copy_(torch.where(spread > 1e-6 * (1 + self.centre.abs()), spread, 1.0))
        if same_regressor:
            centre, deviation = float(self.centre[0]), float(self.deviation[0])
            self.model.regressor.head.rescale(scale=1 / deviation, offset=-centre / deviation)

    def distilled(self) -> SingleQualityModel:
        """A copy of the student in evaluation mode whose raw scores are on the teacher's scale."""
        model = copy.deepcopy(self.model).eval()
        for head, centre, deviation in zip(
            _heads(model), self.centre.tolist(), self.deviation.tolist(), strict=True
        ):
            head.rescale(scale=deviation, offset=centre)
        return model

    def predict(self, views: Tensor) -> Tensor:
        """Q_R of uint8 views ``(B, 3, T, S, S)`` on the teacher's scale, ``(B,)``."""
        return self.predict_parts(views).q_r

    @torch.no_grad()
    def predict_parts(self, views: Tensor) -> QualityScores:
        """Q_R and Q_D of uint8 views ``(B, 3, T, S, S)`` on the teacher's scale, each ``(B,)``."""
        with evaluating(self.model):
            outputs = self._compute(self._outputs, views) * self.deviation + self.centre
        return QualityScores(*outputs.unbind(1))

    def _outputs(self, views: Tensor) -> Tensor:
        """Standardised scores ``(B, outputs)`` of normalised views."""
        return torch.stack(self.model.encode(views), dim=1)

    @torch.no_grad()
    def _targets(self, views: Tensor) -> Tensor:
        """The teacher's raw scores of uint8 views, ``(B, outputs)``."""
        scores = [part for part in self._teacher(views) if part is not None]
        return torch.stack(scores, dim=1).clone().to(self.centre)  # a clone may take part in a graph


def _heads(model: SingleQualityModel) -> list[QualityHead]:
    return [head for head in (model.regressor.head, model.distance_head) if head is not None]
