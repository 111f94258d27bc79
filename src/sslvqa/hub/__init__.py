"""Which weights: names, cards, model directories."""

from sslvqa.hub.card import (
    CalibrationCard,
    GoldenCard,
    InputCard,
    IntervalCard,
    ManifestCard,
    MapCard,
    ModelCard,
    ResultCard,
    ScaleCard,
    TrainingCard,
    WeightsFile,
    read_card,
    write_card,
)
from sslvqa.hub.names import ARCHITECTURES, Architecture, build_model, find_architecture
from sslvqa.hub.weights import (
    DEFAULT_MODEL,
    LoadedModel,
    list_models,
    load_card,
    load_model,
    model_directory,
    save_model,
)

__all__ = [
    "ARCHITECTURES",
    "DEFAULT_MODEL",
    "Architecture",
    "CalibrationCard",
    "GoldenCard",
    "InputCard",
    "IntervalCard",
    "LoadedModel",
    "ManifestCard",
    "MapCard",
    "ModelCard",
    "ResultCard",
    "ScaleCard",
    "TrainingCard",
    "WeightsFile",
    "build_model",
    "find_architecture",
    "list_models",
    "load_card",
    "load_model",
    "model_directory",
    "read_card",
    "save_model",
    "write_card",
]
