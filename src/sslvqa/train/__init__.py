"""Training: settings, the loop, the two stages of the method, baselines, and students."""

from sslvqa.train.config import OptimConfig, RuntimeConfig
from sslvqa.train.distil_config import DistilConfig
from sslvqa.train.distillation import distil
from sslvqa.train.engine import Interrupted
from sslvqa.train.presets import DISTIL_PRESETS, PRETRAIN_PRESETS, TRAIN_PRESETS
from sslvqa.train.pretrain_config import PretrainConfig
from sslvqa.train.self_supervised import pretrain
from sslvqa.train.semi_supervised import train
from sslvqa.train.settings import read_config, write_config
from sslvqa.train.train_config import (
    CorpusConfig,
    HeadConfig,
    LabelsConfig,
    LossConfig,
    OutputConfig,
    RegressorConfig,
    TrainConfig,
)

__all__ = [
    "DISTIL_PRESETS",
    "PRETRAIN_PRESETS",
    "TRAIN_PRESETS",
    "CorpusConfig",
    "DistilConfig",
    "HeadConfig",
    "Interrupted",
    "LabelsConfig",
    "LossConfig",
    "OptimConfig",
    "OutputConfig",
    "PretrainConfig",
    "RegressorConfig",
    "RuntimeConfig",
    "TrainConfig",
    "distil",
    "pretrain",
    "read_config",
    "train",
    "write_config",
]
