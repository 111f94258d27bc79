"""From the two raw scores to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from sslvqa.errors import ModelError
from sslvqa.scoring.calibrate import MonotonicMap

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sslvqa.hub.card import ModelCard

__all__ = ["Combine", "Combined", "Combiner"]

Combine = Literal["calibrated", "raw"]


class Combined(NamedTuple):
    """Scores of some views, each of the same shape."""

    score: NDArray[np.float64]
    q_r: NDArray[np.float64]
    """Of the regression model, on the label scale when calibrated."""
    q_d: NDArray[np.float64]
    """Of the distance model, on the label scale when calibrated."""


@dataclass(frozen=True, slots=True)
class Combiner:
    """(Q_R + Q_D) / 2, each mapped to the label scale first, or the paper's literal mean of the raw ones."""

    regressor: MonotonicMap | None
    distance: MonotonicMap | None

    def __call__(self, q_r: ArrayLike, q_d: ArrayLike) -> Combined:
        """Combine raw scores of any shape."""
        mapped_r = self.map_regressor(q_r)
        raw_d = np.asarray(q_d, dtype=np.float64)
        mapped_d = raw_d if self.distance is None else self.distance(raw_d)
        return Combined((mapped_r + mapped_d) / 2, mapped_r, mapped_d)

    def map_regressor(self, q_r: ArrayLike) -> NDArray[np.float64]:
        """Map raw Q_R alone, e.g. the values of a quality map."""
        raw = np.asarray(q_r, dtype=np.float64)
        return raw if self.regressor is None else self.regressor(raw)

    @classmethod
    def from_card(cls, card: ModelCard, *, combine: Combine) -> Combiner:
        """Take the maps of a card.

        Raises:
            ModelError: ``calibrated`` is asked of a model without calibration.
        """
        if combine == "raw":
            return cls(None, None)
        if card.calibration is None:
            raise ModelError(
                f"{card.name} has no calibration; score with combine='raw', or calibrate it on labels"
            )
        calibration = card.calibration
        return cls(
            MonotonicMap.from_card(calibration.regressor), MonotonicMap.from_card(calibration.distance)
        )
