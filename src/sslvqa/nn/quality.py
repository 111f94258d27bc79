"""The networks of Q_R, which regresses, and Q_D, a distance to pristine clips; and models made of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from sslvqa.errors import ConfigError, DataError
from sslvqa.nn.gaussian import gaussian_distance, shrink, token_moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sslvqa.nn.corpus import CorpusStatistics
    from sslvqa.nn.heads import QualityHead
    from sslvqa.nn.swin3d import SwinBackbone

__all__ = [
    "DistanceModel",
    "DualQualityModel",
    "PristineDistance",
    "QualityModel",
    "QualityScores",
    "RegressorModel",
    "SharedQualityModel",
    "SingleQualityModel",
    "join_scores",
]


class QualityScores(NamedTuple):
    """Raw scores of a batch of views; higher is better for both."""

    q_r: Tensor
    """Regressed quality ``(B,)``, of arbitrary scale."""
    q_d: Tensor | None = None
    """Closeness to pristine clips ``(B,)``, in (0, 1], or an estimate of it; None in a model without Q_D."""


def join_scores(parts: Sequence[QualityScores]) -> QualityScores:
    """Scores of several batches of one model as those of one batch."""
    q_d = [part.q_d for part in parts if part.q_d is not None]
    return QualityScores(torch.cat([part.q_r for part in parts]), torch.cat(q_d) if q_d else None)


class RegressorModel(nn.Module):
    """Q_R: the mean over all tokens of a learned quality value.

    Args:
        backbone: Turns views into tokens.
        head: Turns a token into a value.
    """

    def __init__(self, backbone: SwinBackbone, head: QualityHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, views: Tensor) -> Tensor:
        """Score normalised views ``(B, 3, T, S, S)``: float32 ``(B,)``, arbitrary scale, higher is better."""
        return self.quality_map(views).float().mean(dim=(1, 2, 3))

    def quality_map(self, views: Tensor) -> Tensor:
        """Value of every token, ``(B, T', h, w)``; their mean is the score."""
        values: Tensor = self.head(self.backbone(views))
        return values


class PristineDistance(nn.Module):
    """Q_D of tokens: ``exp(-d(corpus, view) / tau)``, d the distance of the Gaussians of their tokens.

    The buffers hold the corpus at inference (:meth:`set_corpus`); in training, pass the corpus of the step.

    Args:
        channels: Of a token.
        temperature: tau, > 0.
        ridge: Added to the diagonal of the averaged covariance.
        shrinkage: Share of the scaled identity in both covariances, in [0, 1]; needed where a view has
            about as many tokens as channels, or fewer.

    Raises:
        ConfigError: If ``temperature`` or ``shrinkage`` is out of its range, or ``ridge`` is negative.
    """

    corpus_mean: Tensor
    corpus_cov: Tensor
    corpus_tokens: Tensor

    def __init__(
        self, channels: int, *, temperature: float = 10.0, ridge: float = 1e-6, shrinkage: float = 0.0
    ) -> None:
        super().__init__()
        if temperature <= 0 or ridge < 0 or not 0 <= shrinkage <= 1:
            raise ConfigError(
                f"temperature={temperature}, ridge={ridge}, shrinkage={shrinkage}; "
                "temperature must be > 0, ridge >= 0 and shrinkage in [0, 1]"
            )
        self.temperature = temperature
        self.ridge = ridge
        self.shrinkage = shrinkage
        self.register_buffer("corpus_mean", torch.zeros(channels))
        self.register_buffer("corpus_cov", torch.eye(channels))
        self.register_buffer("corpus_tokens", torch.zeros((), dtype=torch.int64))

    def set_corpus(self, statistics: CorpusStatistics) -> None:
        """Store the corpus that scores are relative to.

        Raises:
            DataError: If its channels are not the backbone's.
        """
        if statistics.mean.shape != self.corpus_mean.shape:
            raise DataError(
                f"the corpus has {statistics.mean.shape[-1]} channels, "
                f"the backbone {self.corpus_mean.shape[-1]}; compute it with this model's tokens()"
            )
        self.corpus_mean.copy_(statistics.mean)
        self.corpus_cov.copy_(statistics.cov)
        self.corpus_tokens.fill_(statistics.tokens)

    def score_tokens(
        self,
        tokens: Tensor,
        corpus: tuple[Tensor, Tensor] | None = None,
        *,
        temperature: float | None = None,
    ) -> Tensor:
        """Score tokens.

        Args:
            tokens: ``(B, N, C)``.
            corpus: Mean ``(C,)`` and covariance ``(C, C)`` of pristine tokens, unshrunk; no gradient
                flows into them. The stored ones by default.
            temperature: Another tau than the model's own.

        Returns:
            ``(B,)``, in (0, 1], higher is better.

        Raises:
            DataError: If no corpus is given and none was stored.
        """
        if corpus is None and not self.corpus_tokens:
            raise DataError(
                "this distance model has no corpus; call set_corpus() or pass corpus=(mean, covariance)"
            )
        corpus_mean, corpus_cov = corpus or (self.corpus_mean, self.corpus_cov)
        mean, cov = token_moments(tokens, shrinkage=self.shrinkage)
        reference = corpus_mean.detach().to(mean), shrink(corpus_cov.detach().to(cov), self.shrinkage)
        distance = gaussian_distance(mean, cov, *reference, ridge=self.ridge)
        return torch.exp(-distance / (temperature or self.temperature))


class DistanceModel(PristineDistance):
    """Q_D of views: a backbone, and the distance of its tokens to those of pristine clips.

    Args:
        backbone: Turns views into tokens.
        options: Of :class:`PristineDistance`.
    """

    def __init__(self, backbone: SwinBackbone, **options: float) -> None:
        super().__init__(backbone.channels, **options)
        self.backbone = backbone

    def tokens(self, views: Tensor) -> Tensor:
        """Tokens of normalised views: ``(B, 3, T, S, S)`` to ``(B, N, C)``."""
        features: Tensor = self.backbone(views)
        return features.flatten(2).mT

    def forward(self, views: Tensor, corpus: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Score normalised views ``(B, 3, T, S, S)``; the rest as :meth:`score_tokens`."""
        return self.score_tokens(self.tokens(views), corpus)


class QualityModel(nn.Module, ABC):
    """What a model directory holds: Q_R, with or without Q_D, of normalised views ``(B, 3, T, S, S)``.

    A score takes two steps, since a graph compiler runs the networks but not the Gaussian distance.
    """

    regressor: RegressorModel

    def forward(self, views: Tensor) -> QualityScores:
        """Score views."""
        return self.scores(*self.encode(views))

    @abstractmethod
    def encode(self, views: Tensor) -> tuple[Tensor, ...]:
        """Step one: all that the networks compute."""

    @abstractmethod
    def scores(self, *encoded: Tensor) -> QualityScores:
        """Step two: the scores from what :meth:`encode` gave."""

    @abstractmethod
    def tokens(self, views: Tensor) -> Tensor:
        """Tokens ``(B, N, C)`` that tell how a video looks, apart from its score."""

    def quality_map(self, views: Tensor) -> Tensor:
        """Q_R's value of every token, ``(B, T', h, w)``."""
        return self.regressor.quality_map(views)


class DualQualityModel(QualityModel):
    """Q_R and Q_D with separate parameters.

    Args:
        regressor: Q_R.
        distance: Q_D.
    """

    def __init__(self, regressor: RegressorModel, distance: DistanceModel) -> None:
        super().__init__()
        self.regressor = regressor
        self.distance = distance

    def encode(self, views: Tensor) -> tuple[Tensor, ...]:
        """Q_R ``(B,)`` and the tokens of the distance model ``(B, N, C)``."""
        return self.regressor(views), self.distance.tokens(views)

    def scores(self, *encoded: Tensor) -> QualityScores:
        """Add the distance of the tokens."""
        q_r, tokens = encoded
        return QualityScores(q_r, self.distance.score_tokens(tokens))

    def tokens(self, views: Tensor) -> Tensor:
        """Tokens of the distance model."""
        return self.distance.tokens(views)


class SharedQualityModel(QualityModel):
    """Q_R and Q_D of one backbone that is the same for both, as self-supervised learning leaves it.

    Args:
        regressor: Q_R.
        distance: Q_D of the backbone's own channels.
    """

    def __init__(self, regressor: RegressorModel, distance: PristineDistance) -> None:
        super().__init__()
        self.regressor = regressor
        self.distance = distance

    @classmethod
    def of(cls, pair: DualQualityModel) -> SharedQualityModel | None:
        """What gives the scores of a pair at half its cost; None where its backbones differ."""
        first, second = pair.regressor.backbone.state_dict(), pair.distance.backbone.state_dict()
        if not all(first[name].equal(second[name]) for name in second):
            return None
        own = pair.distance
        options = {name: getattr(own, name) for name in ("temperature", "ridge", "shrinkage")}
        distance = PristineDistance(len(own.corpus_mean), **options).to(own.corpus_mean.device)
        distance.load_state_dict(dict(own.named_buffers(recurse=False)))
        return cls(pair.regressor, distance)

    def encode(self, views: Tensor) -> tuple[Tensor, ...]:
        """Q_R ``(B,)`` and the backbone's own channels as tokens ``(B, N, C)``."""
        features: Tensor = self.regressor.backbone(views)
        return self.regressor.head(features).float().mean(dim=(1, 2, 3)), self._own(features)

    def scores(self, *encoded: Tensor) -> QualityScores:
        """Add the distance of the tokens."""
        q_r, tokens = encoded
        return QualityScores(q_r, self.distance.score_tokens(tokens))

    def tokens(self, views: Tensor) -> Tensor:
        """Tokens of the backbone."""
        return self._own(self.regressor.backbone(views))

    def _own(self, features: Tensor) -> Tensor:
        return features[:, : len(self.distance.corpus_mean)].flatten(2).mT


class SingleQualityModel(QualityModel):
    """Q_R alone, or Q_R and an estimate of Q_D, by one backbone.

    Args:
        regressor: Q_R.
        distance_head: Estimates Q_D from the regressor's tokens, as their mean value; None for a model
            without Q_D.
    """

    def __init__(self, regressor: RegressorModel, distance_head: QualityHead | None = None) -> None:
        super().__init__()
        self.regressor = regressor
        self.distance_head = distance_head

    def encode(self, views: Tensor) -> tuple[Tensor, ...]:
        """The scores ``(B,)``: Q_R, then Q_D if there is one."""
        features: Tensor = self.regressor.backbone(views)
        heads = (
            [self.regressor.head] if self.distance_head is None else [self.regressor.head, self.distance_head]
        )
        return tuple(head(features).float().mean(dim=(1, 2, 3)) for head in heads)

    def scores(self, *encoded: Tensor) -> QualityScores:
        """Name them."""
        return QualityScores(*encoded)

    def tokens(self, views: Tensor) -> Tensor:
        """Tokens of the backbone."""
        features: Tensor = self.regressor.backbone(views)
        return features.flatten(2).mT
