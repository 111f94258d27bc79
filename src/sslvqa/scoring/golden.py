"""Golden numbers: what a model must say about one synthetic view, stored in its card."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from sslvqa.errors import WeightsError
from sslvqa.hub.card import CARD_FILE, GoldenCard, ModelCard, write_card
from sslvqa.hub.weights import LoadedModel, load_model
from sslvqa.sampling.normalize import normalize
from sslvqa.scoring.combine import Combiner

if TYPE_CHECKING:
    from torch import Tensor

    from sslvqa.sampling.geometry import ViewGeometry

__all__ = ["check_golden", "golden_view", "measure_golden", "store_golden"]


def golden_view(geometry: ViewGeometry) -> Tensor:
    """Return the view, uint8 ``(1, 3, T, S, S)``: integer arithmetic only, the same on every machine."""
    time = torch.arange(geometry.frames).view(1, -1, 1, 1)
    row = torch.arange(geometry.size_px).view(1, 1, -1, 1)
    column = torch.arange(geometry.size_px).view(1, 1, 1, -1)
    channel = torch.arange(3).view(-1, 1, 1, 1)
    ramp = (3 + channel) * column + 2 * row + 5 * time
    texture = ((row + time) * (column + 2 * time) // 16) % 64
    return ((ramp + 2 * texture) % 256).to(torch.uint8).unsqueeze(0)


def measure_golden(loaded: LoadedModel) -> GoldenCard:
    """Score the golden view with a model in evaluation mode, on the device where it is.

    Raises:
        WeightsError: The scores are not finite.
    """
    model, card = loaded
    view = golden_view(card.architecture.geometry).to(next(model.parameters()).device)
    with torch.inference_mode():
        scores = model(normalize(view))
    q_r, q_d = float(scores.q_r[0]), None if scores.q_d is None else float(scores.q_d[0])
    if not all(value is None or math.isfinite(value) for value in (q_r, q_d)):
        raise WeightsError(
            f"{card.name} gives the golden view q_r {q_r}, q_d {q_d}; its weights are unusable"
        )
    if card.calibration is None:
        return GoldenCard(q_r=q_r, q_d=q_d)
    score = float(Combiner.from_card(card, combine="calibrated")(q_r, q_d).score)
    return GoldenCard(q_r=q_r, q_d=q_d, score=score)


def store_golden(directory: str | Path) -> ModelCard:
    """Measure the golden numbers of a written model directory and put them in its card."""
    loaded = load_model(directory)
    card = loaded.card.model_copy(update={"golden": measure_golden(loaded)})
    write_card(Path(directory) / CARD_FILE, card)
    return card


def check_golden(loaded: LoadedModel, *, tolerance: float = 1e-3) -> None:
    """Require that the model gives the numbers of its card.

    Args:
        loaded: A model and its card; a card without golden numbers passes.
        tolerance: Largest difference, relative to ``max(1, |expected|)``.

    Raises:
        WeightsError: A number differs, or is not finite; expected and found are in the message.
    """
    expected = loaded.card.golden
    if expected is None:
        return
    found = measure_golden(loaded)
    for name in ("q_r", "q_d", "score"):
        want, got = getattr(expected, name), getattr(found, name)
        if want is not None and (got is None or abs(got - want) > tolerance * max(1.0, abs(want))):
            raise WeightsError(
                f"{loaded.card.name}: {name} of the golden view is {got}, but the card says {want}; "
                f"the weights and this code do not belong together"
            )
