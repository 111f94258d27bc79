"""Meta Pseudo Labels (Pham et al. 2021), adapted to quality scores by us."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from sslvqa.losses import plcc_loss
from sslvqa.methods.base import Batch, StepOutput
from sslvqa.methods.supervised import Supervised, ramp_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from sslvqa.nn.quality import RegressorModel

__all__ = ["MetaPseudoLabels"]


class MetaPseudoLabels(Supervised):
    """A student learns from a teacher's scores alone; the teacher learns from labels and from the student.

    The teacher's scores of T' are the targets of both networks on T''. Its own loss is
    ``L_s + (w + h) L_con``: w rises over the first 40 % of the run, and h tells whether these targets help
    the student on the labelled batch.

    Ours: h is the cosine between the student's gradients of its loss on pseudo labels and of L_s, the first
    order of what the two forward passes around a student's update measure, and within [-1, 1] without a
    baseline; the distance of scores is the PLCC loss; in the last tenth of the run the student learns from
    labels alone, the fine-tuning of the paper. The average of the student's weights predicts.

    Args:
        model: The student; the teacher starts as its copy.
        fine_tuning: Share of the run in which the student learns from labels alone, at its end.
        options: See :class:`Supervised`.
    """

    averages: ClassVar[bool] = True

    def __init__(self, model: RegressorModel, *, fine_tuning: float = 0.1, **options: Any) -> None:  # noqa: ANN401
        super().__init__(model, **options)
        self.fine_tuning = fine_tuning
        self.teacher = copy.deepcopy(model)

    def trainable(self) -> Mapping[str, nn.Module]:
        """Backbone and head of both."""
        return {
            **super().trainable(),
            "teacher.backbone": self.teacher.backbone,
            "teacher.head": self.teacher.head,
        }

    def step(self, batch: Batch) -> StepOutput:
        """Compute the student's and the teacher's losses.

        Raises:
            ConfigError: If the batch has no labelled videos.
        """
        if batch.unlabelled is None:
            return super().step(batch)
        labelled, scores = batch.require_labels()
        labels = self._gather(scores)
        first, second = batch.unlabelled.unbind(dim=1)
        targets = self._gather(self.target_scores(first, self.teacher))
        on_labels = self.supervised(labelled, labels)
        on_targets = plcc_loss(self.scores(second), targets, kind=self.plcc)
        of_targets, of_labels = self._gradients(on_targets), self._gradients(on_labels)
        feedback = self._feedback(of_targets, of_labels)
        taught = self.scores(second, self.teacher)
        factor = self.weight * ramp_up(batch.progress, share=self.ramp) + feedback
        losses = {
            "student": self._with_gradients(on_targets, of_targets)
            if batch.progress < 1 - self.fine_tuning
            else self._with_gradients(on_labels, of_labels),
            "teacher_supervised": self.supervised(labelled, labels, self.teacher),
            "teacher": factor * plcc_loss(taught, targets, kind=self.plcc),
        }
        return StepOutput(losses, log={"feedback": float(feedback)})

    def _gradients(self, loss: Tensor) -> tuple[Tensor, ...]:
        """The student's gradients of a loss, whose graph is used up: a compiled one can be used only once."""
        return torch.autograd.grad(loss, [*self.model.parameters()], materialize_grads=True)

    def _with_gradients(self, loss: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        """A scalar with the value of a loss and its gradients, which are known already."""
        pairs = zip(self.model.parameters(), gradients, strict=True)
        linear = torch.stack([(parameter * gradient).sum() for parameter, gradient in pairs]).sum()
        return loss.detach() + linear - linear.detach()

    def _feedback(self, of_targets: tuple[Tensor, ...], of_labels: tuple[Tensor, ...]) -> Tensor:
        """Cosine of the student's gradients of two losses, summed over processes; scalar without graph."""
        rows = torch.stack(
            [torch.cat([part.flatten() for part in parts]) for parts in (of_targets, of_labels)]
        )
        with torch.no_grad():
            both = self._gather(rows.unsqueeze(0)).sum(dim=0)
        return torch.nn.functional.cosine_similarity(both[0], both[1], dim=0)
