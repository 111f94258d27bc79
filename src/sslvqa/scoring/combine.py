"""From the raw scores to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from sslvqa.errors import ModelError
from sslvqa.scoring.calibrate import MonotonicMap

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sslvqa.hub.card import ModelCard

__all__ = ["Combine", "Combined", "Combiner", "fit_weight"]

Combine = Literal["calibrated", "raw"]


class Combined(NamedTuple):
    """Scores of some views, each of the same shape."""

    score: NDArray[np.float64]
    q_r: NDArray[np.float64]
    """Of the regression model, on the label scale when calibrated."""
    q_d: NDArray[np.float64] | None
    """Of the distance model, on the label scale when calibrated; None where the model has no Q_D."""

    def mean(self, *, axis: int) -> Combined:
        """Means along an axis."""
        q_d = None if self.q_d is None else self.q_d.mean(axis=axis)
        return Combined(self.score.mean(axis=axis), self.q_r.mean(axis=axis), q_d)


@dataclass(frozen=True, slots=True)
class Combiner:
    """A weighted mean of Q_R and Q_D on the label scale, or the paper's literal mean of the raw ones.

    Without Q_D the score is Q_R.
    """

    regressor: MonotonicMap | None
    distance: MonotonicMap | None
    weight: float = 0.5
    """Of Q_R; Q_D has the rest. 1/2 is the paper's."""

    def __call__(self, q_r: ArrayLike, q_d: ArrayLike | None) -> Combined:
        """Combine raw scores of any shape."""
        mapped_r = self.map_regressor(q_r)
        if q_d is None:
            return Combined(mapped_r, mapped_r, None)
        raw_d = np.asarray(q_d, dtype=np.float64)
        mapped_d = raw_d if self.distance is None else self.distance(raw_d)
        return Combined(self.weight * mapped_r + (1 - self.weight) * mapped_d, mapped_r, mapped_d)

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
            MonotonicMap.from_card(calibration.regressor),
            None if calibration.distance is None else MonotonicMap.from_card(calibration.distance),
            calibration.weight,
        )


def fit_weight(q_r: ArrayLike, q_d: ArrayLike, labels: ArrayLike) -> float:
    """The weight of Q_R with the least squared error.

    Args:
        q_r: Of labelled videos, on the label scale ``(n,)``.
        q_d: Of the same videos, on the label scale.
        labels: Their labels.

    Returns:
        In [0, 1]; 1/2, the paper's, where Q_R and Q_D are equal throughout.
    """
    r, d, y = (np.asarray(values, dtype=np.float64) for values in (q_r, q_d, labels))
    spread = float(np.square(r - d).sum())
    return 0.5 if spread == 0 else float(np.clip(((r - d) * (y - d)).sum() / spread, 0, 1))
