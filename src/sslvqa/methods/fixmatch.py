"""FixMatch (Sohn et al. 2020), adapted to quality scores by us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch

from sslvqa.losses import plcc_loss
from sslvqa.methods.supervised import Supervised, standardise

if TYPE_CHECKING:
    from torch import Tensor

    from sslvqa.methods.supervised import MixedBatch
    from sslvqa.nn.quality import RegressorModel

__all__ = ["FixMatch"]

_FEWEST = 4


class FixMatch(Supervised):
    """Where two views agree on a video, their mean score is the target of a third, more different one.

    Ours: a regression has no confidence, so agreement takes its place: the videos whose standardised scores
    of T' and T'' differ least are kept, 30 % of the batch at first and 80 % at last. Blur, noise and colour
    changes would change the quality, so the strongly augmented view is the mirror image of T''. Fewer than
    4 kept videos give no loss. The average of the weights predicts.

    Args:
        model: Learned.
        kept: Shares of the batch that are kept at the start and at the end of the run, in (0, 1].
        options: See :class:`Supervised`.
    """

    averages: ClassVar[bool] = True

    def __init__(
        self,
        model: RegressorModel,
        *,
        kept: tuple[float, float] = (0.3, 0.8),
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(model, **options)
        self.kept = kept

    def unlabelled_losses(self, batch: MixedBatch) -> dict[str, Tensor]:
        """Pseudo-label loss."""
        weak = [standardise(self._gather(self.target_scores(batch.unlabelled[:, view]))) for view in (0, 1)]
        strong = self.scores(batch.unlabelled[:, 1].flip(-1))
        share = self.kept[0] + (self.kept[1] - self.kept[0]) * batch.progress
        difference = (weak[0] - weak[1]).abs()
        kept = difference <= torch.quantile(difference, share)
        if int(kept.sum()) < _FEWEST:
            return {"pseudo": 0 * strong.sum()}
        target = (weak[0] + weak[1]) / 2
        return {"pseudo": self.weight * plcc_loss(strong[kept], target[kept], kind=self.plcc)}
