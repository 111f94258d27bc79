"""Settings that every stage has: the optimizer, and where and how fast.

Frozen dataclasses, written beside the results as TOML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sslvqa.errors import ConfigError

__all__ = ["OptimConfig", "RuntimeConfig", "require"]


def require(condition: bool, name: str, value: object, allowed: str) -> None:  # noqa: FBT001
    """Raise a ConfigError that names the setting, its value and what is allowed, unless it is allowed."""
    if not condition:
        raise ConfigError(f"{name} is {value!r}; expected {allowed}")


@dataclass(frozen=True)
class OptimConfig:
    """AdamW with linear warm-up and cosine decay."""

    lr: float = 1e-4
    """Peak learning rate of the backbones."""
    head_lr: float = 1e-4
    """Peak learning rate of heads and projections."""
    weight_decay: float = 0.05
    """Not applied to biases, norms and position tables."""
    warmup_epochs: float = 0.0
    final_ratio: float = 0.1
    """Learning rate at the end over the peak one."""
    grad_clip: float | None = None
    """Largest norm of the gradient; absent for no limit."""

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("lr", "head_lr"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a positive number")
        for name in ("weight_decay", "warmup_epochs"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "a number not below 0")
        require(0 <= self.final_ratio <= 1, "final_ratio", self.final_ratio, "a number in [0, 1]")
        require(
            self.grad_clip is None or self.grad_clip > 0, "grad_clip", self.grad_clip, "a positive number"
        )


@dataclass(frozen=True)
class RuntimeConfig:
    """Where and how fast; apart from seed and precision the result depends on none of it but rounding."""

    seed: int = 0
    device: str = "auto"
    """``auto`` takes a GPU when there is one."""
    precision: Literal["auto", "fp32", "bf16"] = "fp32"
    """bf16 autocasts the networks; statistics and losses stay in float32. ``auto`` takes bf16 where the
    device has such products, and the run records which it was: without them bf16 is far slower than fp32."""
    workers: int = 1
    """Processes that read videos; 0 reads between the steps."""
    threads: int | None = None
    """CPU threads of the computation; absent leaves PyTorch's choice."""
    chunk: int = 0
    """Views that keep their activations at once, see :class:`sslvqa.methods.Compute`; 0 for all. Set it only
    where memory runs out: the rest is computed a second time."""
    compile: Literal["auto", "on", "off"] = "auto"
    """Whether the networks are compiled for the steps; ``auto``: on a GPU."""
    cache: str | None = None
    """Folder that keeps decoded frames, so that each is decoded once in all runs that name it."""
    cache_gigabytes: float = 50.0
    """The most that the folder may hold; once it is full nothing more is kept."""
    device_gigabytes: float | None = None
    """Hold the frames of all videos in the memory of the device, where views are cut then, if they take no
    more than this; absent: read what a step needs. For small networks on a large GPU, see
    :mod:`sslvqa.data.resident`; the views differ by rounding."""
    checkpoint_minutes: float = 10.0
    """Longest time between two checkpoints."""
    stop_minutes: float | None = None
    """Stop after this many minutes of steps as if asked to, with a checkpoint; absent for no limit."""
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.precision in {"auto", "fp32", "bf16"}, "precision", self.precision, "auto, fp32 or bf16")
        require(self.compile in {"auto", "on", "off"}, "compile", self.compile, "auto, on or off")
        for name in ("workers", "chunk", "checkpoint_minutes"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "a number not below 0")
        for name in ("threads", "stop_minutes", "cache_gigabytes", "device_gigabytes"):
            value = getattr(self, name)
            require(value is None or value > 0, name, value, "a positive number")
