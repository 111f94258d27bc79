"""MixMatch (Berthelot et al. 2019), adapted to quality scores by us."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch

from sslvqa.errors import ConfigError
from sslvqa.losses import plcc_loss
from sslvqa.methods.supervised import Supervised, ramp_up, standardise

if TYPE_CHECKING:
    from typing import Any

    from torch import Tensor

    from sslvqa.methods.supervised import MixedBatch
    from sslvqa.nn.quality import RegressorModel

__all__ = ["MixMatch", "mix_fragments"]


class MixMatch(Supervised):
    """Views are mosaics of rows of fragments of two videos, and the target is mixed in the same share.

    Ours: blending pixels would be a distortion of its own (ghosts), so whole rows of fragments are taken from
    one video or the other; a quality score is a mean over the view, so its target mixes linearly. Guessed
    targets are the mean of the standardised scores of T' and T'', standardised again instead of sharpened.
    Videos mix within a process. The average of the weights (decay 0.99) predicts.

    Args:
        model: Learned.
        grid: Rows of fragments of a view.
        alpha: Of the symmetric Beta distribution that shares are drawn from (PyTorch's random state).
        options: See :class:`Supervised`.

    Raises:
        ConfigError: If a view has one row only.
    """

    averages: ClassVar[bool] = True

    def __init__(self, model: RegressorModel, *, grid: int, alpha: float = 0.75, **options: Any) -> None:  # noqa: ANN401
        super().__init__(model, **options)
        if grid < 2:
            raise ConfigError(f"grid is {grid}; MixMatch mixes rows of fragments and needs 2 or more")
        self.grid = grid
        self.alpha = alpha

    def unlabelled_losses(self, batch: MixedBatch) -> dict[str, Tensor]:
        """Losses of mixed labelled and mixed unlabelled views."""
        views = torch.cat([batch.labelled[:, 0], batch.unlabelled[:, 0]])
        targets = torch.cat([standardise(batch.scores, batch.all_scores), self._guess(batch.unlabelled)])
        partner = torch.randperm(len(views)).to(views.device)
        rows = _draw_rows(self.grid, self.alpha)
        share = rows / self.grid
        scores = self.scores(mix_fragments(views, views[partner], rows=rows, grid=self.grid))
        wanted = self._gather(share * targets + (1 - share) * targets[partner])
        labelled = self._gather((torch.arange(len(views), device=views.device) < len(batch.labelled)).float())
        known = labelled > 0
        unknown = plcc_loss(scores[~known], wanted[~known], kind=self.plcc)
        return {
            "mixed": plcc_loss(scores[known], wanted[known], kind=self.plcc),
            "mixed_unlabelled": self.weight * ramp_up(batch.progress, share=self.ramp) * unknown,
        }

    def _guess(self, unlabelled: Tensor) -> Tensor:
        """Targets of this process's unlabelled videos, on the standardised scale of all."""
        both = sum(self._standard(self.target_scores(unlabelled[:, view])) for view in (0, 1))
        return self._standard(torch.as_tensor(both))

    def _standard(self, scores: Tensor) -> Tensor:
        return standardise(scores, self._gather(scores))


def mix_fragments(first: Tensor, second: Tensor, *, rows: int, grid: int) -> Tensor:
    """Views with the upper ``rows`` rows of fragments of one video and the others of another.

    Args:
        first: Views ``(B, 3, T, S, S)``.
        second: As many views.
        rows: From 0 to ``grid``.
        grid: Rows of fragments of a view; divides S.
    """
    split = rows * (first.shape[-2] // grid)
    return torch.cat([first[..., :split, :], second[..., split:, :]], dim=-2)


def _draw_rows(grid: int, alpha: float) -> int:
    """Rows of the video itself: the larger share of a Beta draw, rounded up."""
    draw = float(torch.distributions.Beta(alpha, alpha).sample())
    return math.ceil(max(draw, 1 - draw) * grid)
