"""The settings of stage one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sslvqa.errors import ConfigError
from sslvqa.sampling import PairPreset
from sslvqa.train.config import OptimConfig, RuntimeConfig, require

__all__ = ["PretrainConfig"]


@dataclass(frozen=True)
class PretrainConfig:
    """Self-supervised stage (ST-VQRL)."""

    videos: str
    """Folder of groups made by ``sslvqa distort``, or of plain videos, which are distorted first."""
    out: str
    """Folder of the run."""
    init: str = "scratch"
    """``scratch``, a run folder or a model whose backbone to start from."""
    architecture: str = "swin_t"
    loss: Literal["statistical", "cosine"] = "statistical"
    cross_scene: bool = False
    """Whether versions of other scenes of the batch are negatives too."""
    temperature: float | None = None
    """10 for the statistical loss and 0.1 for the cosine when absent."""
    ridge: float = 1e-4
    shrinkage: float = 0.0
    """Share of the scaled identity in each covariance, for views with few tokens for their channels."""
    projection: bool = True
    """Fit the Gaussians to projected tokens; without, to the backbone's channels."""
    versions: int = 10
    """K: the source and K - 1 distorted versions of each scene."""
    scenes_per_batch: int = 6
    accumulate: int = 1
    """Parts a batch is computed in: the same result with less memory, as scenes do not mix."""
    pair: PairPreset = "paper"
    epochs: int = 30
    max_steps: int | None = None
    """Fewer steps than the epochs would give."""
    group_frames: int | None = 64
    """Frames of each version when plain videos are distorted first; absent for all."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.loss in {"statistical", "cosine"}, "loss", self.loss, "statistical or cosine")
        require(self.temperature is None or self.temperature > 0, "temperature", self.temperature, "above 0")
        require(self.ridge > 0, "ridge", self.ridge, "a positive number")
        require(0 <= self.shrinkage <= 1, "shrinkage", self.shrinkage, "a number in [0, 1]")
        for name in ("scenes_per_batch", "accumulate", "epochs"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.versions >= 2, "versions", self.versions, "2 or more")
        require(self.max_steps is None or self.max_steps >= 1, "max_steps", self.max_steps, "1 or more")
        if self.cross_scene and self.accumulate > 1:
            raise ConfigError(
                "accumulate is above 1 with cross_scene; scenes of one batch must be together, use 1"
            )
        if self.scenes_per_batch % self.accumulate:
            raise ConfigError(
                f"scenes_per_batch is {self.scenes_per_batch} and accumulate {self.accumulate}; "
                "the first must be a multiple of the second"
            )
