"""Networks and the statistics of their tokens. No files, no configuration parsing."""

from sslvqa.nn.corpus import CorpusStatistics, corpus_moments
from sslvqa.nn.ema import moving_average
from sslvqa.nn.gaussian import gaussian_distance, pairwise_gaussian_distance, shrink, token_moments
from sslvqa.nn.heads import Projection, QualityHead
from sslvqa.nn.quality import (
    DistanceModel,
    DualQualityModel,
    PristineDistance,
    QualityModel,
    QualityScores,
    RegressorModel,
    SharedQualityModel,
    SingleQualityModel,
    join_scores,
)
from sslvqa.nn.swin3d import SwinBackbone, SwinConfig

__all__ = [
    "CorpusStatistics",
    "DistanceModel",
    "DualQualityModel",
    "PristineDistance",
    "Projection",
    "QualityHead",
    "QualityModel",
    "QualityScores",
    "RegressorModel",
    "SharedQualityModel",
    "SingleQualityModel",
    "SwinBackbone",
    "SwinConfig",
    "corpus_moments",
    "gaussian_distance",
    "join_scores",
    "moving_average",
    "pairwise_gaussian_distance",
    "shrink",
    "token_moments",
]
