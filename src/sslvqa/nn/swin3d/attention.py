"""Self-attention inside 3D windows with a gated relative position bias (GRPB)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslvqa.nn.swin3d.window import constants

if TYPE_CHECKING:
    from sslvqa.nn.swin3d.window import Triple, WindowPlan

__all__ = ["WindowAttention"]


class WindowAttention(nn.Module):
    """Multi-head self-attention among the tokens of a window.

    The logit of a pair (a, b) gets ``g * relative + (1 - g) * fragment``, each term read from a learned table
    at the offset between a and b, where g is the gate of the fragments that a and b lie in. Without a second
    table the bias is ``relative``.

    Args:
        dim: Channels of a token.
        heads: Attention heads; divides ``dim``.
        window: Largest window (time, height, width); sets the size of the tables.
        gated: Whether there is a second table.
    """

    def __init__(self, dim: int, *, heads: int, window: Triple, gated: bool) -> None:
        super().__init__()
        self.heads = heads
        offsets = (2 * window[0] - 1) * (2 * window[1] - 1) * (2 * window[2] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(offsets, heads))
        self.fragment_position_bias_table = nn.Parameter(torch.zeros(offsets, heads)) if gated else None
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def bias(self, plan: WindowPlan) -> Tensor:
        """Return what is added to the logits, ``(distinct windows, heads, tokens, tokens)``."""
        fixed = constants(plan, self.relative_position_bias_table.device)
        bias = self.look_up(self.relative_position_bias_table, fixed.rows, plan.tokens)
        if self.fragment_position_bias_table is not None and fixed.gates is not None:
            fragment = self.look_up(self.fragment_position_bias_table, fixed.rows, plan.tokens)
            bias = torch.addcmul(fragment, fixed.gates.to(bias.dtype), bias - fragment)
        return bias if fixed.masks is None else bias + fixed.masks.to(bias.dtype)

    def look_up(self, table: Tensor, rows: Tensor, tokens: int) -> Tensor:
        """Values of a table for every pair of tokens of a window, ``(1, heads, tokens, tokens)``."""
        return table.t().index_select(1, rows).view(1, self.heads, tokens, tokens)

    def forward(self, tokens: Tensor, plan: WindowPlan) -> Tensor:
        """Let tokens attend to the tokens of their window.

        Args:
            tokens: Padded and rolled map, ``(B, T, H, W, C)`` with (T, H, W) = ``plan.padded``.
            plan: The windows.

        Returns:
            The map, same shape.
        """
        batch, head = tokens.shape[0], tokens.shape[-1] // self.heads
        (nt, nh, nw), (t, h, w) = plan.counts, plan.window
        qkv = self.qkv(tokens).view(batch, nt, t, nh, h, nw, w, 3, self.heads, head)
        # windows with a bias of their own lie beside the heads: the others need no copy of it
        rows = (3, -1, plan.distinct * self.heads, plan.tokens, head)
        query, key, value = qkv.permute(7, 0, 1, 3, 5, 8, 2, 4, 6, 9).reshape(rows).unbind(0)
        bias = self.bias(plan).flatten(0, 1).unsqueeze(0).to(query.dtype)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        mixed = mixed.view(batch, nt, nh, nw, self.heads, t, h, w, head).permute(0, 1, 5, 2, 6, 3, 7, 4, 8)
        out: Tensor = self.proj(mixed.reshape(tokens.shape))
        return out
