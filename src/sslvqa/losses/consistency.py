"""Agreement of a model's scores on two views of the same clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sslvqa.losses.plcc import plcc_loss

if TYPE_CHECKING:
    from torch import Tensor

    from sslvqa.losses.plcc import PlccKind

__all__ = ["consistency_loss"]


def consistency_loss(first: Tensor, second: Tensor, *, kind: PlccKind = "paper") -> Tensor:
    """One model's term of L_c: the PLCC loss of its scores on views T' and T''; both views get a gradient.

    Args:
        first: Scores of the first views ``(B,)``.
        second: Scores of the second views ``(B,)``.
        kind: See :func:`sslvqa.losses.plcc.plcc_loss`.

    Returns:
        Scalar >= 0, lower is better. L_c is the sum over the two models; on an unlabelled batch the terms are
        epsilon_r and epsilon_d.
    """
    return plcc_loss(first, second, kind=kind)
