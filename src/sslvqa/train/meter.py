"""How busy training keeps the hardware: arithmetic done of the possible, and time spent waiting for data."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Meter", "matmul_peak"]


class Meter:
    """Adds up what the steps of an epoch did.

    Args:
        device: Where the networks run; the peak of its matrix products is measured at once.
        bf16: Format of the products.
    """

    def __init__(self, device: torch.device, *, bf16: bool) -> None:
        self._peak = matmul_peak(device, torch.bfloat16 if bf16 else torch.float32)
        self._flop, self._counted = 0.0, 0
        self._parts, self._seconds, self._waited = 0, 0.0, 0.0

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        """Around the arithmetic of a batch, forward and backward.

        Its operations are those of the second batch, as the first one also computes the corpus: products and
        convolutions, recomputation included, as far as torch knows them (not fused attention on a CPU).
        """
        self._parts += 1
        if self._counted == 2:
            yield
            return
        with FlopCounterMode(display=False) as counter:
            yield
        self._flop, self._counted = float(counter.get_total_flops()), self._counted + 1

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around the wait for a batch."""
        began = time.monotonic()
        yield
        self._waited += time.monotonic() - began

    def step(self, seconds: float) -> None:
        """Note the time of a finished step, its waiting included."""
        self._seconds += seconds

    def take(self) -> dict[str, float]:
        """Return the record since the last call, and begin anew.

        Returns:
            ``mfu``, model FLOPs utilisation: arithmetic a second over the peak of this process's device;
            ``waited``, share of the time in which no batch was there. Both from 0 to about 1.
        """
        seconds = max(self._seconds, 1e-9)
        record = {"mfu": self._parts * self._flop / seconds / self._peak, "waited": self._waited / seconds}
        self._parts, self._seconds, self._waited = 0, 0.0, 0.0
        return record


def matmul_peak(device: torch.device, dtype: torch.dtype, *, runs: int = 3) -> float:
    """Operations a second of the best of a few large square matrix products of random numbers.

    Constant ones need less power, and a GPU is faster on them by an eighth than on any real data.
    """
    side = 1024 if device.type == "cpu" else 8192
    left = torch.randn((side, side), generator=torch.Generator(device).manual_seed(0), device=device).to(
        dtype
    )
    fastest = float("inf")
    for _ in range(runs + 1):
        began = time.perf_counter()
        (left @ left)[0, 0].item()  # waits for the device
        fastest = min(fastest, time.perf_counter() - began)
    return 2.0 * side**3 / fastest
