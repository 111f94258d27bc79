"""Models to be timed: one with weights, or an architecture with random ones."""

from __future__ import annotations

import torch

from sslvqa.hub.card import ModelCard, ScaleCard, TrainingCard
from sslvqa.hub.names import build_pair, find_architecture
from sslvqa.hub.weights import LoadedModel
from sslvqa.nn.corpus import corpus_moments

__all__ = ["random_model"]


def random_model(architecture: str, *, seed: int = 0) -> LoadedModel:
    """Build a model whose weights are random: right for timing and for nothing else.

    Args:
        architecture: Name of an architecture.
        seed: Of the weights; the global generator is left as it was.

    Raises:
        ConfigError: No such architecture.
    """
    found = find_architecture(architecture)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_pair(found)
        for name, parameter in model.named_parameters():
            if name.endswith("bias_table"):  # as large as trained ones, so that comparisons see them
                torch.nn.init.normal_(parameter, std=0.5)
        tokens = torch.randn(4 * found.backbone.channels, found.backbone.channels)
    model.distance.set_corpus(corpus_moments([tokens]))
    card = ModelCard(
        name=f"{architecture}.random",
        licence="none",
        limits=("random weights: the score means nothing",),
        architecture=found,
        scale=ScaleCard(label="none", kind="random numbers", minimum=0.0, maximum=1.0),
        combine="raw",
        training=TrainingCard(method="none", labelled=0, unlabelled=0, seed=seed),
    )
    return LoadedModel(model.eval(), card)
