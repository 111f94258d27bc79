"""SSL-VQA: a regressor and a distance model that teach each other (method, section 5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from sslvqa.errors import ConfigError
from sslvqa.losses import consistency_loss, knowledge_transfer_loss, supervised_loss
from sslvqa.methods.base import Batch, Compute, Gather, Method, StepOutput, evaluating, keep_local, order_loss
from sslvqa.nn.corpus import corpus_moments
from sslvqa.nn.quality import QualityScores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sslvqa.nn.quality import DualQualityModel

__all__ = ["SslVqa"]


class SslVqa(Method):
    """Supervised, consistency and knowledge transfer losses on two models.

    Without unlabelled videos in the batch it is SSL-VQA⁻: L_s + L_c on the labelled ones. Groups of versions
    whose order is known add a ranking loss (ours) to both models.

    Args:
        model: Both models, learned; the statistics of the corpus live in its buffers.
        plcc: Form of the correlation loss.
        consistency: Whether L_c is used; without it there is no mask, and knowledge goes both ways (Table 5).
        transfer: Whether L_u is used.
        consistency_weight: lambda_c.
        transfer_weight: lambda_u.
        ranking_weight: Of the ranking loss.
        ranking_temperature: Of it, see :func:`sslvqa.losses.ranking_loss`.
        supervised_views: Views of a labelled video that L_s looks at: 1 as in the paper, or both (2, the mean
            of two losses), which costs nothing, as both are computed for L_c.
        temperature: tau of Q_D in training; the model's own when None.
        compute: How views pass through the networks.
        gather: Joins scores over processes: a correlation needs the whole batch.
    """

    def __init__(
        self,
        model: DualQualityModel,
        *,
        plcc: Literal["paper", "released"] = "paper",
        consistency: bool = True,
        transfer: bool = True,
        consistency_weight: float = 1.0,
        transfer_weight: float = 1.0,
        ranking_weight: float = 1.0,
        ranking_temperature: float = 0.25,
        supervised_views: Literal[1, 2] = 1,
        temperature: float | None = None,
        compute: Compute | None = None,
        gather: Gather = keep_local,
    ) -> None:
        super().__init__()
        self.model = model
        self.plcc: Literal["paper", "released"] = plcc
        self.consistency = consistency
        self.transfer = transfer
        self.consistency_weight = consistency_weight
        self.transfer_weight = transfer_weight
        self.ranking_weight = ranking_weight
        self.ranking_temperature = ranking_temperature
        self.supervised_views = supervised_views
        self.temperature = temperature
        self._compute = compute or Compute()
        self._gather = gather
        self._corpus_views: Tensor | None = None

    def trainable(self) -> Mapping[str, nn.Module]:
        """Both backbones and the regression head."""
        return {
            "regressor.backbone": self.model.regressor.backbone,
            "regressor.head": self.model.regressor.head,
            "distance.backbone": self.model.distance.backbone,
        }

    def step(self, batch: Batch) -> StepOutput:
        """Compute L_s + lambda_c L_c + lambda_u L_u.

        Raises:
            ConfigError: If the batch has no labelled videos.
        """
        labelled, scores = batch.require_labels()
        self._update_corpus(batch)
        sets = [labelled] if batch.unlabelled is None else [labelled, batch.unlabelled]
        q_r, q_d = self._score_pairs(sets)
        labels = self._gather(scores)
        losses = {
            "supervised_r": self._supervised(q_r[0], labels),
            "supervised_d": self._supervised(q_d[0], labels),
        }
        terms = [
            [consistency_loss(pair[:, 0], pair[:, 1], kind=self.plcc) for pair in pairs]
            for pairs in (q_r, q_d)
        ]
        if self.consistency:
            losses["consistency_r"] = self.consistency_weight * torch.stack(terms[0]).sum()
            losses["consistency_d"] = self.consistency_weight * torch.stack(terms[1]).sum()
        if self.transfer and batch.unlabelled is not None:
            losses["transfer"] = self.transfer_weight * self._transfer(
                q_r[1][:, 0], q_d[1][:, 0], terms[0][1], terms[1][1]
            )
        if batch.groups is not None:
            regressor = partial(self._compute, self.model.regressor)
            losses["ranking_r"] = self._order(batch, regressor, spread=q_r[0].std())
            losses["ranking_d"] = self._order(batch, self._distance_scores, spread=q_d[0].std())
        return StepOutput(losses, log={"q_d_mean": float(q_d[0].detach().mean())})

    def predict(self, views: Tensor) -> Tensor:
        """(Q_R + Q_D) / 2 of uint8 views ``(B, 3, T, S, S)``, the paper's literal mean; ``(B,)``."""
        q_r, q_d = self.predict_parts(views)
        assert q_d is not None
        return (q_r + q_d) / 2

    @torch.no_grad()
    def predict_parts(self, views: Tensor) -> QualityScores:
        """Q_R and Q_D of uint8 views ``(B, 3, T, S, S)`` in evaluation mode, each ``(B,)``."""
        with evaluating(self):
            q_r = self._compute(self.model.regressor, views)
            q_d = self.model.distance.score_tokens(self._compute(self.model.distance.tokens, views))
        return QualityScores(q_r, q_d)

    @torch.no_grad()
    def set_corpus(self, batches: Iterable[Tensor]) -> None:
        """Compute the statistics of the corpus under the current weights and store them in the model.

        Args:
            batches: uint8 views ``(B, 3, T, S, S)`` of pristine clips, on the model's device.
        """
        with evaluating(self):
            distance = self.model.distance
            distance.set_corpus(corpus_moments(self._compute(distance.tokens, views) for views in batches))

    def _update_corpus(self, batch: Batch) -> None:
        if batch.corpus is not None:
            self._corpus_views = batch.corpus
        if batch.refresh_corpus:
            if self._corpus_views is None:
                raise ConfigError("the corpus is to be refreshed, but no batch has given its clips yet")
            self.set_corpus([self._corpus_views])

    def _score_pairs(self, sets: list[Tensor]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Q_R and Q_D of all views in one pass a model: for each set ``(B, 2)``, joined over processes."""
        views = torch.cat([views.flatten(0, 1) for views in sets])
        sizes = [2 * len(views) for views in sets]
        scores = self._compute(self.model.regressor, views), self._distance_scores(views)
        q_r, q_d = (
            tuple(self._gather(part.view(-1, 2)) for part in torch.split(model, sizes)) for model in scores
        )
        return q_r, q_d

    def _distance_scores(self, views: Tensor) -> Tensor:
        """Q_D with the temperature of training, all of it after the networks in float32."""
        tokens = self._compute(self.model.distance.tokens, views)
        return self.model.distance.score_tokens(tokens, temperature=self.temperature)

    def _supervised(self, scores: Tensor, labels: Tensor) -> Tensor:
        """L_s of scores ``(B, 2)``."""
        return supervised_loss(scores[:, : self.supervised_views], labels, kind=self.plcc)

    def _order(self, batch: Batch, score: Callable[[Tensor], Tensor], *, spread: Tensor) -> Tensor:
        """The weighted loss of versions in the wrong order; ``spread`` is that of scores on their scale."""
        loss = order_loss(
            batch, score, gather=self._gather, spread=spread, temperature=self.ranking_temperature
        )
        return self.ranking_weight * loss

    def _transfer(self, q_r: Tensor, q_d: Tensor, eps_r: Tensor, eps_d: Tensor) -> Tensor:
        masked = (eps_r, eps_d) if self.consistency else (None, None)
        return knowledge_transfer_loss(q_r, q_d, *masked, kind=self.plcc)
