"""The settings of a run: nested frozen dataclasses, written beside the results as TOML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from sslvqa.errors import ConfigError
from sslvqa.sampling import PairPreset

__all__ = [
    "CorpusConfig",
    "LabelsConfig",
    "LossConfig",
    "OptimConfig",
    "OutputConfig",
    "PretrainConfig",
    "RegressorConfig",
    "RuntimeConfig",
    "TrainConfig",
    "TrainMethod",
    "require",
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


@dataclass(frozen=True)
class LabelsConfig:
    """How the labelled table is read and divided."""

    root: str | None = None
    """Folder that its paths start from; the table's own when absent."""
    path_column: str | None = None
    score_column: str | None = None
    limit: int | None = None
    """Use this many labelled videos, drawn by the seed; absent for all."""
    unlabelled_limit: int | None = None
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

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.plcc in {"paper", "released"}, "plcc", self.plcc, "paper or released")
        for name in ("consistency_weight", "transfer_weight", "ranking_weight"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "a number not below 0")
        require(self.supervised_views in {1, 2}, "supervised_views", self.supervised_views, "1 or 2")
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
    """Folder of groups made by ``sslvqa distort``: SSL-VQA learns the order of their versions (ours)."""
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
    """``plcc`` holds for all methods, the rest for SSL-VQA."""
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
            self.groups is None or self.method in WITH_DISTANCE,
            "groups",
            self.groups,
            f"none with method {self.method}; {' and '.join(WITH_DISTANCE)} learn from them",
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
