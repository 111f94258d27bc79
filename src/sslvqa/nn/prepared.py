"""The networks as they run on a GPU: the attention bias of every block is put together once and kept.

For views of one shape a block has one bias. Those of ``swin_t`` take 0.4 GB a network in bfloat16 (all
windows of a clip, all blocks): little for a GPU, and reading them costs less than making them anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sslvqa.nn.swin3d.attention import WindowAttention
from sslvqa.nn.twin import stamp_of, twin_of

if TYPE_CHECKING:
    from sslvqa.nn.quality import QualityModel
    from sslvqa.nn.swin3d.window import WindowPlan

__all__ = ["prepared_model", "refresh_biases"]


class _PreparedAttention(WindowAttention):
    """Shares everything with another attention and keeps its bias."""

    def __init__(self, own: WindowAttention, dtype: torch.dtype) -> None:
        self.__dict__.update(own.__dict__)
        self.dtype = dtype
        self.kept: tuple[WindowPlan, Tensor, object] | None = None  # and the tables that it was made from

    def bias(self, plan: WindowPlan) -> Tensor:
        """Return the bias of the one plan that these views have."""
        if self.kept is None:
            self.kept = plan, self._make(plan), self._stamp()
        return self.kept[1]

    def refresh(self) -> None:
        """Put the bias together anew, in its place, if the tables have changed."""
        if self.kept is not None and self.kept[2] != self._stamp():
            plan, bias, _ = self.kept
            with torch.inference_mode(mode=False):
                bias.copy_(self._make(plan))
            self.kept = plan, bias, self._stamp()

    def _make(self, plan: WindowPlan) -> Tensor:
        with torch.inference_mode(mode=False), torch.no_grad():
            return super().bias(plan).to(self.dtype)

    def _stamp(self) -> object:
        tables = (self.relative_position_bias_table, self.fragment_position_bias_table)
        return stamp_of(table for table in tables if table is not None)


def prepared_model(model: QualityModel, *, dtype: torch.dtype = torch.float32) -> QualityModel:
    """Wrap a model for inference on views of one shape; weights are shared.

    Args:
        model: In evaluation mode, float32, on its device.
        dtype: That attention runs in.

    Returns:
        A model of the same class for use without gradients. After changes of the weights, call
        :func:`refresh_biases` before the next forward pass.
    """
    return twin_of(model, WindowAttention, lambda attention: _PreparedAttention(attention, dtype))


def refresh_biases(model: nn.Module) -> None:
    """Put the biases whose tables were changed together anew."""
    for module in model.modules():
        if isinstance(module, _PreparedAttention):
            module.refresh()
