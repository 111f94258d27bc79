"""The settings of a distillation, as those of the other stages in :mod:`sslvqa.train.config`."""

from __future__ import annotations

from dataclasses import dataclass, field

from sslvqa.sampling import PairPreset
from sslvqa.train.config import OptimConfig, RuntimeConfig, require

__all__ = ["DistilConfig"]


@dataclass(frozen=True)
class DistilConfig:
    """One network that imitates a model."""

    teacher: str
    """Model directory or shipped name."""
    videos: str
    """Folder or table of videos; scores are ignored. In a table, ``content`` keeps versions together, rows of
    the split ``calibration`` are held out, and those of other splits than ``train`` are left out."""
    out: str
    """Folder of the run; the model goes to ``out/model``."""
    init: str = "teacher"
    """``teacher`` for its regressor, ``scratch``, the folder of a ``pretrain`` run, or a model; the views
    must be the teacher's."""
    limit: int | None = None
    """Use this many videos, drawn by the seed; absent for all."""
    held_out: float = 0.2
    """Share of the contents held out to compare student and teacher on, where no row is marked."""
    batch: int = 16
    """Videos a step; two views of each."""
    pair: PairPreset = "paper"
    epochs: int = 30
    """Passes over the videos."""
    max_steps: int | None = None
    validate_epochs: int = 5
    """Epochs between two looks at the held-out videos (for the record only); 0 for none."""
    order_weight: float = 1.0
    """Of the correlation losses beside the errors of the scores."""
    head_first: float = 0.2
    """Share of the run, at its start, in which only the new head of Q_D learns, where the rest is the
    teacher's; with 1, Q_R stays the teacher's."""
    interval_share: float = 0.95
    """The student's interval holds the teacher's with this probability; its coverage is lower by the rest."""
    labels: str | None = None
    """Table with labels on the teacher's scale, of contents that neither has learned from (its rows of the
    split ``calibration``, where any are marked). The interval is then fitted to them, as a teacher's is."""
    tag: str = "student"
    """The model is named ``architecture.tag``."""
    description: str = ""
    licence: str | None = None
    """Of the weights; the teacher's when absent."""
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(
            lr=5e-5, head_lr=1e-3, warmup_epochs=0.5, final_ratio=0.0, grad_clip=1.0
        )
    )
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)

    def __post_init__(self) -> None:
        """Check ranges."""
        require(0 < self.held_out < 1, "held_out", self.held_out, "a number in (0, 1)")
        require(0.5 <= self.interval_share < 1, "interval_share", self.interval_share, "a number in [0.5, 1)")
        require(0 <= self.head_first <= 1, "head_first", self.head_first, "a number in [0, 1]")
        require(self.order_weight >= 0, "order_weight", self.order_weight, "a number not below 0")
        require(self.limit is None or self.limit >= 4, "limit", self.limit, "4 or more")
        for name in ("batch", "epochs"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.max_steps is None or self.max_steps >= 1, "max_steps", self.max_steps, "1 or more")
