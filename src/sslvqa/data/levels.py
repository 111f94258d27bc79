"""What is known of the order of versions of one scene, whatever their quality is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["known_order"]


def known_order(versions: Sequence[tuple[str, int]]) -> Tensor:
    """The levels of K versions of one scene, as :func:`sslvqa.losses.pairwise_logistic_loss` takes them.

    Two versions are ordered when they have the same kind of distortion, or one is the reference.

    Args:
        versions: Kind and level of each; a kind has levels from 1, the higher the worse, and 0 is the
            undistorted reference, or a mixture of kinds when it is not the first: its order to others but
            the reference is not known.

    Returns:
        float32 ``(K, K)``, higher is better: a row for each kind, NaN where a version is of another one.
    """
    levels = torch.full((len(versions), len(versions)), torch.nan)
    rows: dict[str, int] = {}
    for column, (kind, level) in enumerate(versions[1:], start=1):
        row = rows.setdefault(kind, len(rows))
        levels[row, column] = -max(level, 1)
    levels[: len(rows), 0] = 0
    return levels
