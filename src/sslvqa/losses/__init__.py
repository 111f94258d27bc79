"""Training objectives, as functions of scores or tokens."""

from sslvqa.losses.consistency import consistency_loss
from sslvqa.losses.contrastive import contrastive_loss, cosine_contrastive_loss, statistical_contrastive_loss
from sslvqa.losses.plcc import plcc, plcc_loss, supervised_loss
from sslvqa.losses.ranking import pairwise_logistic_loss, pairwise_margin_loss, ranking_loss
from sslvqa.losses.transfer import knowledge_transfer_loss

__all__ = [
    "consistency_loss",
    "contrastive_loss",
    "cosine_contrastive_loss",
    "knowledge_transfer_loss",
    "pairwise_logistic_loss",
    "pairwise_margin_loss",
    "plcc",
    "plcc_loss",
    "ranking_loss",
    "statistical_contrastive_loss",
    "supervised_loss",
]
