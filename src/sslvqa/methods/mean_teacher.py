"""Mean Teacher (Tarvainen and Valpola 2017), adapted to quality scores by us."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from sslvqa.losses import plcc_loss
from sslvqa.methods.supervised import Supervised, ramp_up

if TYPE_CHECKING:
    from torch import Tensor

    from sslvqa.methods.supervised import MixedBatch

__all__ = ["MeanTeacher"]


class MeanTeacher(Supervised):
    """The student's scores of T'' follow those that the average of its weights gives to T'.

    Ours: the distance of scores is the PLCC loss instead of a squared error of class probabilities, the two
    noisy inputs are the two views of quality-consistent sampling, and the decay is 0.99, as runs are short.
    The consistency batch holds the labelled videos too, and its weight rises over the first 40 % of the run.
    """

    averages: ClassVar[bool] = True

    def unlabelled_losses(self, batch: MixedBatch) -> dict[str, Tensor]:
        """L_con between student and teacher."""
        views = torch.cat([batch.labelled, batch.unlabelled])
        teacher = self._gather(self.target_scores(views[:, 0], self.average))
        student = self.scores(views[:, 1])
        return {
            "consistency": self.weight
            * ramp_up(batch.progress, share=self.ramp)
            * plcc_loss(student, teacher, kind=self.plcc)
        }
