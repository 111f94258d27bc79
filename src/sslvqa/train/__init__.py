"""Training: settings, the loop, and the two stages of the method."""

from sslvqa.train.config import (
    CorpusConfig,
    LabelsConfig,
    LossConfig,
    OptimConfig,
    OutputConfig,
    PretrainConfig,
    RuntimeConfig,
    TrainConfig,
)
from sslvqa.train.engine import Interrupted
from sslvqa.train.presets import PRETRAIN_PRESETS, TRAIN_PRESETS
from sslvqa.train.self_supervised import pretrain
from sslvqa.train.semi_supervised import train
from sslvqa.train.settings import read_config, write_config

__all__ = [
    "PRETRAIN_PRESETS",
    "TRAIN_PRESETS",
    "CorpusConfig",
    "Interrupted",
    "LabelsConfig",
    "LossConfig",
    "OptimConfig",
    "OutputConfig",
    "PretrainConfig",
    "RuntimeConfig",
    "TrainConfig",
    "pretrain",
    "read_config",
    "train",
    "write_config",
]
