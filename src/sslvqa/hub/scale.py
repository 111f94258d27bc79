"""What a score means in words: five bands of its scale, the same for every model and every label.

Names are the five grades of ITU-T P.910 (absolute category rating), meanings those of its impairment scale.
The bands are equal fifths: a convention for reading the number, not a result of asking people. Documents and
pages repeat these words; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BANDS", "Band", "band_of", "bands"]

BANDS: tuple[tuple[str, str], ...] = (
    ("bad", "damage is very annoying"),
    ("poor", "damage is annoying"),
    ("fair", "damage is slightly annoying"),
    ("good", "damage is visible, but not annoying"),
    ("excellent", "no damage is visible"),
)
"""Name and meaning, the worst first."""


@dataclass(frozen=True, slots=True)
class Band:
    """A fifth of a scale: scores in ``[low, high)``; the last one has its upper end too."""

    name: str
    meaning: str
    low: float
    high: float


def bands(minimum: float, maximum: float) -> tuple[Band, ...]:
    """The five bands of a scale, the worst first."""
    step = (maximum - minimum) / len(BANDS)
    return tuple(
        Band(name, meaning, minimum + index * step, minimum + (index + 1) * step)
        for index, (name, meaning) in enumerate(BANDS)
    )


def band_of(score: float, minimum: float, maximum: float) -> Band:
    """The band of a score; scores beyond the ends of the scale belong to the outer bands."""
    found = bands(minimum, maximum)
    place = int(len(found) * (score - minimum) // (maximum - minimum))
    return found[min(max(place, 0), len(found) - 1)]
