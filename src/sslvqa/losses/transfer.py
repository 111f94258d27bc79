"""Knowledge transfer between the two models on unlabelled clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sslvqa.losses.plcc import plcc_loss

if TYPE_CHECKING:
    from torch import Tensor

    from sslvqa.losses.plcc import PlccKind

__all__ = ["knowledge_transfer_loss"]


def knowledge_transfer_loss(
    q_r: Tensor,
    q_d: Tensor,
    eps_r: Tensor | None = None,
    eps_d: Tensor | None = None,
    *,
    kind: PlccKind = "paper",
) -> Tensor:
    """L_u: the model that is less consistent on the batch learns from the other one.

    ``m lplcc(q_r, stop(q_d)) + (1 - m) lplcc(stop(q_r), q_d)`` with m = 1 if eps_r > eps_d, else 0.

    Args:
        q_r: Scores of Q_R on the unlabelled batch ``(B,)``.
        q_d: Scores of Q_D on it ``(B,)``.
        eps_r: Consistency term of Q_R on it (scalar); gets no gradient.
        eps_d: Consistency term of Q_D on it (scalar); gets no gradient.
            Without both, there is no mask and each model learns from the other (the ablation without L_c).
        kind: See :func:`sslvqa.losses.plcc.plcc_loss`.

    Returns:
        Scalar >= 0, lower is better.
    """
    to_r = plcc_loss(q_r, q_d.detach(), kind=kind)
    to_d = plcc_loss(q_r.detach(), q_d, kind=kind)
    if eps_r is None or eps_d is None:
        return to_r + to_d
    return torch.where(eps_r.detach() > eps_d.detach(), to_r, to_d)
