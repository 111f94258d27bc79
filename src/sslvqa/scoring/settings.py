"""The settings of a scorer, for functions that pass them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from sslvqa.scoring.backends import Backend
    from sslvqa.scoring.combine import Combine
    from sslvqa.scoring.runtime import Precision
    from sslvqa.video.guard import Limits

__all__ = ["ScorerSettings"]


class ScorerSettings(TypedDict, total=False):
    """Keyword arguments of :class:`~sslvqa.scoring.Scorer`, which explains them."""

    clips: int | None
    draws: int | None
    seed: int | None
    device: str
    threads: int | None
    combine: Combine | None
    limits: Limits | None
    backend: Backend
    precision: Precision | Literal["auto"]
    batch: int | None
    compiled: bool
