"""The models that a server can score with: the one it was started with, and those taught since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sslvqa.errors import UnknownModelError
from sslvqa.hub import load_card

if TYPE_CHECKING:
    from pathlib import Path

    from sslvqa.hub import ModelCard

__all__ = ["SERVED", "Models"]

SERVED = "served"
"""Key of the model that the server was started with."""


class Models:
    """Models by key.

    Args:
        served: ``default``, a shipped name or a model directory.

    Raises:
        ModelError: There is no such model.
    """

    def __init__(self, served: str | Path) -> None:
        self._sources = {SERVED: str(served)}
        self.cards: dict[str, ModelCard] = {SERVED: load_card(served)}

    def add(self, key: str, directory: Path) -> None:
        """Offer one more model.

        Raises:
            ModelError: There is no such model.
        """
        self.cards[key] = load_card(directory)
        self._sources[key] = str(directory)

    def source(self, key: str) -> str:
        """What a worker loads.

        Raises:
            UnknownModelError: No model has this key.
        """
        if key not in self._sources:
            raise UnknownModelError(f"no model {key!r} on this server; it has {', '.join(self._sources)}")
        return self._sources[key]
