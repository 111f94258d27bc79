"""No-reference video quality assessment from few human ratings.

The public names below are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sslvqa.api import from_pretrained, load, quality_map, score, score_many
    from sslvqa.errors import SslvqaError, VideoError
    from sslvqa.metric import QualityMetric
    from sslvqa.scoring import Scorer, VideoScore

__all__ = [
    "QualityMetric",
    "Scorer",
    "SslvqaError",
    "VideoError",
    "VideoScore",
    "from_pretrained",
    "load",
    "quality_map",
    "score",
    "score_many",
]

__version__ = "0.1.0"

_HOMES = {
    "QualityMetric": "sslvqa.metric",
    "Scorer": "sslvqa.scoring",
    "SslvqaError": "sslvqa.errors",
    "VideoError": "sslvqa.errors",
    "VideoScore": "sslvqa.scoring",
    "from_pretrained": "sslvqa.api",
    "load": "sslvqa.api",
    "quality_map": "sslvqa.api",
    "score": "sslvqa.api",
    "score_many": "sslvqa.api",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    if name not in _HOMES:
        raise AttributeError(f"module 'sslvqa' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
