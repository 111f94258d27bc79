"""Whether scores fall as distortions rise: an order that is known without labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.errors import DataError
from sslvqa.evaluate.protocol import PairOrder, pair_order_accuracy

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LevelOrder", "level_order"]


@dataclass(frozen=True, slots=True)
class LevelOrder:
    """What scores make of the levels of one kind of distortion."""

    scenes: int
    order: PairOrder
    """Of the pairs of levels of one scene, the undistorted version among them."""
    means: dict[int, float]
    """Mean score by level; 0 is undistorted."""


def level_order(
    scores: Sequence[float], *, scenes: Sequence[str], kinds: Sequence[str], levels: Sequence[int]
) -> dict[str, LevelOrder]:
    """Compare the scores of versions of scenes with the order of their levels, kind by kind.

    Args:
        scores: One a version, higher is better.
        scenes: Scene of each version.
        kinds: Kind of distortion of each version; of the undistorted one, whose level is 0, any.
        levels: 0 for the undistorted version of a scene, higher is worse.

    Returns:
        By kind, in alphabetical order. Scenes without an undistorted version count with their other levels.

    Raises:
        DataError: Sizes that differ, or scores that are not finite.
    """
    if not len(scores) == len(scenes) == len(kinds) == len(levels):
        sizes = ", ".join(str(len(values)) for values in (scores, scenes, kinds, levels))
        raise DataError(f"got {sizes} scores, scenes, kinds and levels; each version needs one of all")
    level, scene = np.asarray(levels, dtype=int), np.asarray(scenes, dtype=str)
    kind, score = np.asarray(kinds, dtype=str), np.asarray(scores, dtype=np.float64)
    found = {}
    for name in sorted(set(kind[level > 0])):
        member = (kind == name) & (level > 0)
        chosen = member | ((level == 0) & np.isin(scene, scene[member]))
        order = pair_order_accuracy(score[chosen], -level[chosen], groups=list(scene[chosen]))
        means = {
            int(step): float(score[chosen & (level == step)].mean()) for step in np.unique(level[chosen])
        }
        found[str(name)] = LevelOrder(len(set(scene[member])), order, means)
    return found
