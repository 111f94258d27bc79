"""The settings of stage two."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from sslvqa.errors import ConfigError
from sslvqa.sampling import PairPreset
from sslvqa.train.config import OptimConfig, RuntimeConfig, require

__all__ = [
    "METHOD_FILE",
    "WITHOUT_UNLABELLED",
    "WITH_DISTANCE",
    "WITH_GROUPS",
    "CorpusConfig",
    "HeadConfig",
    "LabelsConfig",
    "LossConfig",
    "OutputConfig",
    "RegressorConfig",
    "TrainConfig",
    "TrainMethod",
]

TrainMethod = Literal[
    "ssl_vqa",
    "ssl_vqa_minus",
    "supervised",
    "mean_teacher",
    "fixmatch",
    "mixmatch",
    "meta_pseudo_labels",
]
"""Ours with two networks, and the baselines with one regressor."""


METHOD_FILE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")
"""A method of one's own: a Python file and a class in it, derived from :class:`sslvqa.methods.Supervised`."""


WITHOUT_UNLABELLED = ("ssl_vqa_minus", "supervised")
"""Methods that look at labelled videos only."""


WITH_DISTANCE = ("ssl_vqa", "ssl_vqa_minus")
"""Methods that learn Q_D, the distance to pristine videos."""


WITH_GROUPS = (*WITH_DISTANCE, "supervised")
"""Methods that learn from versions of known order."""


@dataclass(frozen=True)
class LabelsConfig:
    """How the labelled table is read and divided."""

    root: str | None = None
    """Folder that its paths start from; the table's own when absent."""
    path_column: str | None = None
    score_column: str | None = None
    limit: int | None = None
    """Use this many labelled videos, drawn by the seed; absent for all. Those held out are among them, unless
    the table marks them."""
    unlabelled_limit: int | None = None
    """Use this many unlabelled videos, drawn by the seed; absent for all."""
    calibration_fraction: float = 0.2
    """Share of the contents held out for the interval when no row has the split ``calibration``."""
    calibration_minimum: int = 40
    """Labelled videos below which nothing is held out (and no interval is stated)."""
    skip_bad: bool = False
    """Drop unreadable labelled videos instead of refusing them."""

    def __post_init__(self) -> None:
        """Check ranges."""
        require(
            0 <= self.calibration_fraction < 1,
            "calibration_fraction",
            self.calibration_fraction,
            "a number in [0, 1)",
        )
        require(self.limit is None or self.limit >= 2, "limit", self.limit, "2 or more")
        most = self.unlabelled_limit
        require(most is None or most >= 1, "unlabelled_limit", most, "1 or more")


@dataclass(frozen=True)
class LossConfig:
    """Terms of the semi-supervised loss."""

    plcc: Literal["paper", "released"] = "paper"
    consistency: bool = True
    """Whether L_c is used; without it knowledge goes both ways, unmasked."""
    transfer: bool = True
    """Whether L_u is used."""
    consistency_weight: float = 1.0
    """lambda_c."""
    transfer_weight: float = 1.0
    """lambda_u."""
    supervised_views: Literal[1, 2] = 1
    """Views of a labelled video in L_s: one as in the paper, or both."""
    temperature: float | None = None
    """tau of Q_D in training; the architecture's when absent."""
    ranking_weight: float = 1.0
    """Of the ranking loss of groups."""
    ranking_temperature: float = 0.25
    """Difference of two versions that counts as clear, in deviations of the labelled videos' scores."""

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.plcc in {"paper", "released"}, "plcc", self.plcc, "paper or released")
        for name in ("consistency_weight", "transfer_weight", "ranking_weight"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "a number not below 0")
        require(self.supervised_views in {1, 2}, "supervised_views", self.supervised_views, "1 or 2")
        require(self.ranking_temperature > 0, "ranking_temperature", self.ranking_temperature, "above 0")
        require(self.temperature is None or self.temperature > 0, "temperature", self.temperature, "above 0")


@dataclass(frozen=True)
class HeadConfig:
    """How the head learns before the backbones move (ours), see :func:`sslvqa.train.head.train_head`."""

    epochs: int = 0
    """Passes over the labelled videos in which the head learns alone; 0 for none."""
    moments: bool = False
    """Whether a new head judges a view by mean and deviation of its tokens and, where patches are embedded as
    bands, of their log energies."""
    draws: int = 2
    """Pairs of views of a video, whose tokens or moments are computed once."""
    batch: int = 64
    """Videos a step."""
    lr: float = 1e-3
    """Peak learning rate."""

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.epochs >= 0, "epochs", self.epochs, "0 or more")
        require(self.draws >= 1, "draws", self.draws, "1 or more")
        require(self.batch >= 2, "batch", self.batch, "2 or more (a correlation)")
        require(self.lr > 0, "lr", self.lr, "a positive number")


@dataclass(frozen=True)
class RegressorConfig:
    """Options of the methods with one regressor; the losses on unlabelled videos are correlation losses."""

    weight: float = 1.0
    """Of the losses on unlabelled videos (lambda_u), after its rise."""
    ramp: float = 0.4
    """Share of the run over which that weight rises (all but ``fixmatch``); 0 for full from the start."""
    decay: float = 0.99
    """Of the moving average of the weights, which predicts (all but ``supervised``)."""
    kept_first: float = 0.3
    """Share of the unlabelled batch that ``fixmatch`` keeps at the start: where two views agree best."""
    kept_last: float = 0.8
    """The same at the end."""
    mix_alpha: float = 0.75
    """Of the Beta distribution of the shares that ``mixmatch`` mixes in."""
    fine_tuning: float = 0.1
    """Share of the run, at its end, in which a student of ``meta_pseudo_labels`` learns from labels only."""

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.weight >= 0, "weight", self.weight, "a number not below 0")
        require(self.mix_alpha > 0, "mix_alpha", self.mix_alpha, "a positive number")
        require(0 <= self.decay < 1, "decay", self.decay, "a number in [0, 1)")
        for name in ("ramp", "fine_tuning"):
            require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "a number in [0, 1]")
        for name in ("kept_first", "kept_last"):
            require(0 < getattr(self, name) <= 1, name, getattr(self, name), "a number in (0, 1]")


@dataclass(frozen=True)
class CorpusConfig:
    """The pristine clips that Q_D measures the distance to."""

    clips: int = 24
    """Clips of one epoch, drawn anew for each."""
    refresh_steps: int = 0
    """Steps after which their statistics are computed anew; 0 once an epoch."""
    final_clips: int = 4
    """Clips of each pristine video for the statistics stored with the model."""

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("clips", "final_clips"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        require(self.refresh_steps >= 0, "refresh_steps", self.refresh_steps, "0 or more")


@dataclass(frozen=True)
class OutputConfig:
    """What the model says about itself."""

    tag: str = "run"
    """The model is named ``architecture.tag``."""
    label: str = "MOS"
    """Name of the labels."""
    label_kind: str = "human opinion as given in the training table"
    minimum: float | None = None
    """Lowest value of the label scale; the lowest label when absent."""
    maximum: float | None = None
    licence: str = "unstated"
    """Of the weights."""
    description: str = ""
    coverage: float = 0.9
    """Of the interval."""
    clips: int = 4
    """Clips of a prediction."""

    def __post_init__(self) -> None:
        """Check ranges."""
        require(0 < self.coverage < 1, "coverage", self.coverage, "a number in (0, 1)")
        require(self.clips >= 1, "clips", self.clips, "1 or more")


@dataclass(frozen=True)
class TrainConfig:
    """Stage two: SSL-VQA, or a baseline."""

    labels: str
    """Table with scores."""
    out: str
    """Folder of the run; the model goes to ``out/model``."""
    pristine: str | None = None
    """Folder or table of pristine videos; methods with one regressor need none."""
    unlabelled: str | None = None
    """Folder or table of videos without scores; absent for SSL-VQA⁻ and ``supervised``."""
    groups: str | None = None
    """Folder of groups made by ``sslvqa distort``: the order of their versions is learned (ours)."""
    group_versions: int = 6
    """Versions of a scene in a step, drawn anew each time; the reference is one of them."""
    groups_batch: int = 1
    """Scenes a step."""
    init: str = "scratch"
    """``scratch``, the folder of a ``pretrain`` run, or a model."""
    architecture: str = "swin_t"
    """Used with ``scratch``; otherwise the one of ``init``."""
    method: str = "ssl_vqa"
    """One of :data:`TrainMethod`, or ``FILE.py:CLASS`` for one's own, see :data:`METHOD_FILE`."""
    labelled_batch: int = 16
    unlabelled_batch: int = 16
    pair: PairPreset = "paper"
    turned: bool = False
    """Whether the views of labelled videos are mirrored, turned and run backwards at random (ours), see
    :mod:`sslvqa.sampling.turns`: as good as more contents where there are few."""
    epochs: int = 30
    """Passes over the labelled videos."""
    max_steps: int | None = None
    """Fewer steps than the epochs would give; 0 leaves the backbones as they start."""
    fit_head: bool = False
    """Whether a new head's last layer is fitted to the labels first, see
    :func:`sslvqa.train.head.fit_head`."""
    head: HeadConfig = field(default_factory=HeadConfig)
    validate_epochs: int = 5
    """Epochs between two looks at the held-out videos (for the record only); 0 for none."""
    labels_table: LabelsConfig = field(default_factory=LabelsConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    """``plcc`` holds for all methods, ``supervised_views`` and those of ranking for ``supervised`` too, the
    rest for SSL-VQA."""
    regressor: RegressorConfig = field(default_factory=RegressorConfig)
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(head_lr=1e-3, warmup_epochs=2.5, final_ratio=0.0)
    )
    output: OutputConfig = field(default_factory=OutputConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)

    def __post_init__(self) -> None:
        """Check ranges."""
        known = self.method in get_args(TrainMethod) or METHOD_FILE.fullmatch(self.method)
        names = ", ".join(get_args(TrainMethod))
        require(bool(known), "method", self.method, f"{names}, or FILE.py:CLASS")
        require(self.labelled_batch >= 2, "labelled_batch", self.labelled_batch, "2 or more (a correlation)")
        require(
            self.unlabelled_batch >= 2, "unlabelled_batch", self.unlabelled_batch, "2 or more (a correlation)"
        )
        require(self.group_versions >= 2, "group_versions", self.group_versions, "2 or more")
        require(self.groups_batch >= 1, "groups_batch", self.groups_batch, "1 or more")
        require(
            self.groups is None or self.method in WITH_GROUPS,
            "groups",
            self.groups,
            f"none with method {self.method}; {', '.join(WITH_GROUPS)} learn from them",
        )
        require(self.epochs >= 1, "epochs", self.epochs, "1 or more")
        require(self.max_steps is None or self.max_steps >= 0, "max_steps", self.max_steps, "0 or more")
        needs_unlabelled = self.method in get_args(TrainMethod) and self.method not in WITHOUT_UNLABELLED
        if needs_unlabelled and self.unlabelled is None:
            instead = "ssl_vqa_minus" if self.method == "ssl_vqa" else "supervised"
            raise ConfigError(
                f"method {self.method} has no unlabelled videos; give --unlabelled, or --method {instead}"
            )
        if self.method in WITH_DISTANCE and self.pristine is None:
            raise ConfigError(
                f"method {self.method} has no pristine videos to measure a distance to; give --pristine, or "
                "--method supervised"
            )
