"""uint8 views to the floats a backbone takes; the only place where this happens."""

from __future__ import annotations

import torch
from torch import Tensor

from sslvqa.errors import DataError

__all__ = ["RGB_MEAN", "RGB_STD", "normalize"]

RGB_MEAN = (123.675, 116.28, 103.53)
"""Mean of each RGB channel on 0..255 (method, section 0)."""
RGB_STD = (58.395, 57.12, 57.375)
"""Standard deviation of each RGB channel on 0..255 (method, section 0)."""


def normalize(views: Tensor) -> Tensor:
    """Subtract the channel means and divide by the channel standard deviations.

    Args:
        views: uint8 ``(..., 3, T, S, S)``, RGB on 0..255, on any device.

    Returns:
        float32, same shape and device, in about [-2.2, 2.7].

    Raises:
        DataError: If the dtype is not uint8 or the channel axis (fourth from the end) is not 3 long.
    """
    if views.dtype != torch.uint8:
        raise DataError(
            f"views have dtype {views.dtype}; expected torch.uint8 on 0..255; pass them as they were read"
        )
    if views.ndim < 4 or views.shape[-4] != 3:
        raise DataError(
            f"views have shape {tuple(views.shape)}; expected (..., 3, T, S, S); move the channels there"
        )
    mean = torch.tensor(RGB_MEAN, device=views.device).view(3, 1, 1, 1)
    std = torch.tensor(RGB_STD, device=views.device).view(3, 1, 1, 1)
    return (views.float() - mean) / std
