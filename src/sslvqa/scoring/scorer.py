"""The scorer: a model, a way to sample, and a number for every video."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from sslvqa.errors import ConfigError, ModelError
from sslvqa.hub.weights import LoadedModel, load_model, model_directory
from sslvqa.sampling.normalize import RGB_MEAN, RGB_STD, normalize
from sslvqa.sampling.qcs import ViewPlan, plan_views, read_views
from sslvqa.scoring.assembly import Assembler, score_kind
from sslvqa.scoring.backends import Backend, make_runtime
from sslvqa.scoring.combine import Combine, Combiner
from sslvqa.scoring.interval import ConformalInterval
from sslvqa.scoring.overlap import read_and_run
from sslvqa.scoring.reading import RawScores, Reading
from sslvqa.scoring.runtime import (
    Precision,
    inference,
    pick_device,
    run_views,
    views_at_once,
)
from sslvqa.scoring.windows import Window, plan_windows
from sslvqa.video.guard import Limits
from sslvqa.video.reader import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray
    from torch import Tensor

    from sslvqa.hub.card import ModelCard
    from sslvqa.nn.quality import QualityModel, QualityScores
    from sslvqa.scoring.result import VideoScore
    from sslvqa.video.frames import VideoInfo
    from sslvqa.video.raw import RawGeometry

__all__ = ["Scorer"]


class Scorer:
    """Scores videos with one model: the same file gives the same number, whatever was scored before.

    Args:
        model: ``default``, a shipped name, a model directory, or a loaded model (which is then put in
            evaluation mode and moved to the device).
        clips: Clips spread evenly over the video; default from the model's card.
        draws: Draws of the fragment places for each clip; more give a smaller spread. Default from the card.
        seed: Of the draws, the same for every file; default from the card.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ``cuda:1`` ...
        threads: CPU threads for decoding and for the model; default: as many as each takes by itself.
        combine: ``calibrated`` (both scores on the label scale) or ``raw`` (the paper's literal mean);
            default from the card.
        backend: What runs the networks: ``torch``, ``openvino``, or ``auto``: OpenVINO for a large model
            from files where it is installed; torch for a small one, which is scored before OpenVINO has
            started, and for a loaded one, whose weights may still change.
        precision: ``fp32``; ``bf16`` for faster products, with scores that differ slightly; or ``auto``: bf16
            on a CPU that has such products, for a model from files; fp32 otherwise. ``int8``, for the linear
            layers beside bf16, needs OpenVINO.
        batch: Views that the networks take at once, joined over the files of :func:`score_each`; by default
            32 on a GPU, and the views of one file, 2 at a time, on a CPU.
        compiled: Compile the networks for a GPU: worth its minutes for many thousands of files.
        limits: What an untrusted file may do; default :class:`sslvqa.video.Limits`.

    Raises:
        UnknownModelError: No such model.
        ModelError: The model cannot be used, or is not calibrated and ``calibrated`` is asked.
        ConfigError: A number is out of range, or the device is not there.
    """

    def __init__(
        self,
        model: str | Path | LoadedModel = "default",
        *,
        clips: int | None = None,
        draws: int | None = None,
        seed: int | None = None,
        device: str = "auto",
        threads: int | None = None,
        combine: Combine | None = None,
        backend: Backend = "auto",
        precision: Precision | Literal["auto"] = "auto",
        batch: int | None = None,
        compiled: bool = False,
        limits: Limits | None = None,
    ) -> None:
        in_memory = isinstance(model, LoadedModel)
        loaded = model if isinstance(model, LoadedModel) else load_model(model)
        card = loaded.card
        _require_known_input(card)
        self.card = card
        self.clips = _positive("clips", card.input.clips if clips is None else clips)
        self.draws = _positive("draws", card.input.draws if draws is None else draws)
        self.seed = card.input.seed if seed is None else seed
        self.threads = None if threads is None else _positive("threads", threads)
        self.combine: Combine = card.combine if combine is None else combine
        self.combiner = Combiner.from_card(card, combine=self.combine)
        interval = card.interval if self.combine == "calibrated" else None
        self.interval = None if interval is None else ConformalInterval.from_card(interval)
        self.device = pick_device(device)
        self.joins_files = batch is not None or self.device.type != "cpu"
        self.batch = views_at_once(self.device) if batch is None else _positive("batch", batch)
        networks = loaded.model.eval().to(self.device)
        self.runtime = make_runtime(
            networks,
            geometry=card.architecture.geometry,
            device=self.device,
            threads=self.threads,
            backend="torch" if in_memory and backend == "auto" else backend,
            precision="fp32" if in_memory and precision == "auto" else precision,
            batch=self.batch,
            compiled=compiled,
        )
        self._source = None if isinstance(model, LoadedModel) else model_directory(model).absolute()
        self._model = networks if self._source is None or not self.runtime.owns_weights else None
        self.kind = score_kind(
            card,
            combine=self.combine,
            seed=self.seed,
            clips=self.clips,
            draws=self.draws,
            precision=self.runtime.precision,
        )
        self._assemble = Assembler(card, self.kind, self.combiner, self.interval, str(self.device))
        self.limits = Limits() if limits is None else limits

    @property
    def model(self) -> QualityModel:
        """The networks as modules, on :attr:`device`.

        Where the runtime has its own copy of the weights, these are loaded when first asked for.

        Raises:
            ModelError: The model's directory has gone or changed meanwhile.
        """
        if self._model is None:
            assert self._source is not None
            loaded = load_model(self._source)
            if loaded.card.weights_sha256 != self.card.weights_sha256:
                raise ModelError(f"{self._source} has other weights now; make a new Scorer")
            self._model = loaded.model.eval().to(self.device)
        return self._model

    @property
    def scale(self) -> str:
        """What a score of this scorer is, in words."""
        return self.kind.scale

    def score(
        self,
        source: str | Path | BinaryIO,
        *,
        timeline_seconds: float | None = None,
        max_windows: int = 120,
        geometry: RawGeometry | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> VideoScore:
        """Score one video.

        Args:
            source: A file.
            timeline_seconds: Length of the windows of the timeline; by default its entries are the score's
                clips. Windows do not change the score.
            max_windows: Longer videos get longer windows.
            geometry: What a headerless file (.yuv) holds.
            progress: Called while the model runs with the number of views done and of all views.

        Raises:
            VideoError: The file cannot be used.
            ConfigError: ``timeline_seconds`` is not positive and finite, or ``max_windows`` is below 1.
        """
        read = partial(
            self.read,
            source,
            timeline_seconds=timeline_seconds,
            max_windows=max_windows,
            geometry=geometry,
        )
        reading, raw = self.read_and_run(read, progress=progress)
        return self.finish(reading, raw=raw)

    def read_and_run(
        self, read: Callable[..., Reading], *, progress: Callable[[int, int], object] | None = None
    ) -> tuple[Reading, RawScores]:
        """Return what :meth:`finish` needs, with the raw scores of all views.

        The networks have the first views while the last ones are being read.

        Args:
            read: :meth:`read` of one file, all but ``arrived`` given.
            progress: As for :meth:`score`.

        Raises:
            VideoError: The file cannot be used.
        """
        reading, scores = read_and_run(read, self.runtime, batch=self.batch, progress=progress)
        return reading, self._checked(scores)

    def read(
        self,
        source: str | Path | BinaryIO,
        *,
        timeline_seconds: float | None = None,
        max_windows: int = 120,
        geometry: RawGeometry | None = None,
        threads: int | None = None,
        arrived: Callable[[Tensor, int], object] | None = None,
    ) -> Reading:
        """Read what :meth:`finish` needs; may run in another thread than the networks.

        Args:
            source: A file.
            timeline_seconds: As for :meth:`score`.
            max_windows: As for :meth:`score`.
            geometry: As for :meth:`score`.
            threads: Of the decoder; default the scorer's.
            arrived: As of :func:`sslvqa.sampling.read_views`; called in the thread that reads.

        Raises:
            VideoError: The file cannot be used.
            ConfigError: ``timeline_seconds`` is not positive and finite, or ``max_windows`` is below 1.
        """
        threads = self.threads if threads is None else threads
        with open_video(source, limits=self.limits, threads=threads, geometry=geometry) as video:
            info, timestamps = video.info, video.timestamps_seconds
            plans = self.plan(info)
            windows: tuple[Window, ...] = ()
            if timeline_seconds is not None:
                windows = plan_windows(
                    info,
                    timestamps,
                    seconds=timeline_seconds,
                    geometry=self.card.architecture.geometry,
                    generator=self._generator(),
                    max_windows=max_windows,
                )
            views = read_views(
                video,
                [*plans, *(window.plan for window in windows)],
                pinned=self.device.type == "cuda",
                arrived=arrived,
            )
            return Reading(info, timestamps, plans, windows, views, tuple(video.warnings), timeline_seconds)

    def finish(
        self,
        reading: Reading,
        *,
        raw: RawScores | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> VideoScore:
        """Score what was read of one video.

        Args:
            reading: What :meth:`read` gave.
            raw: Its scores from :meth:`raw_together`, where they are known.
            progress: As for :meth:`score`.
        """
        raw = self._forward(reading.views, progress=progress) if raw is None else raw
        return self._assemble(reading, raw, backend=self.runtime.backend)

    def raw(self, reading: Reading) -> RawScores:
        """Return the raw outputs for every view of a score, e.g. to fit a calibration."""
        views = reading.views[: len(reading.plans)]
        return self._forward(views).part(slice(None), (self.clips, self.draws))

    def raw_together(self, readings: Sequence[Reading]) -> list[RawScores]:
        """Return the raw outputs ``(views,)`` for all views of several videos, which share batches."""
        views = torch.cat([reading.views.to(self.device, non_blocking=True) for reading in readings])
        raw, ends = self._forward(views), list(accumulate(len(reading.views) for reading in readings))
        return [raw.part(slice(start, end)) for start, end in pairwise([0, *ends])]

    def plan(self, info: VideoInfo) -> tuple[ViewPlan, ...]:
        """Return the views of a score: all draws of the first clip, then of the second, and so on."""
        return plan_views(
            info.height_px,
            info.width_px,
            info.frame_count,
            geometry=self.card.architecture.geometry,
            clips=self.clips,
            draws=self.draws,
            generator=self._generator(),
        )

    def token_scores(self, views: Tensor) -> NDArray[np.float64]:
        """Return Q_R of every token of uint8 views, on the scale of ``q_r``: float64 ``(n, T', h, w)``."""
        with inference(self.threads):
            maps = [
                self.model.quality_map(normalize(part.to(self.device))).cpu()
                for part in torch.split(views, self.batch)
            ]
        return self.combiner.map_regressor(torch.cat(maps).double().numpy())

    def token_features(self, views: Tensor) -> NDArray[np.float64]:
        """Return mean and deviation over the tokens of uint8 views: ``(n, 2 C)``.

        The tokens are those of the distance backbone, or of the only one where there is one.
        """
        with inference(self.threads):
            tokens = [self.model.tokens(normalize(view[None].to(self.device)))[0] for view in views]
            pooled = [torch.cat([part.mean(dim=0), part.std(dim=0)]) for part in tokens]
        return torch.stack(pooled).cpu().double().numpy()

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)

    def _forward(self, views: Tensor, *, progress: Callable[[int, int], object] | None = None) -> RawScores:
        """Return the raw scores of uint8 views, in their order."""
        return self._checked(run_views(self.runtime, views, batch=self.batch, progress=progress))

    def _checked(self, scores: QualityScores) -> RawScores:
        if not all(part.isfinite().all() for part in scores if part is not None):
            raise ModelError(f"{self.card.name} gave scores that are not finite; its weights are unusable")
        q_d = None if scores.q_d is None else scores.q_d.double().numpy()
        return RawScores(scores.q_r.double().numpy(), q_d)


def _require_known_input(card: ModelCard) -> None:
    if card.input.mean != RGB_MEAN or card.input.std != RGB_STD:
        raise ModelError(
            f"{card.name} expects pixels normalised with mean {card.input.mean} and std {card.input.std}; "
            f"this version only knows {RGB_MEAN} and {RGB_STD}; use the version that wrote the model "
            f"({card.package_version})"
        )


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise ConfigError(f"{name} is {value}; it must be at least 1")
    return value
