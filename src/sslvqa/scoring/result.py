"""What a score is: the number, how sure, where it came from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from sslvqa.errors import DataError
from sslvqa.hub.names import check_keys
from sslvqa.video.frames import VideoInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SCHEMA", "ClipScore", "Interval", "Provenance", "ScoreKind", "VideoScore"]

SCHEMA = 1
"""Version of the JSON form; raised when a field changes its meaning or goes away."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Range that holds the label of a video like the calibration videos with probability ``coverage``."""

    low: float
    high: float
    coverage: float


@dataclass(frozen=True, slots=True)
class ClipScore:
    """Quality of one stretch of a video, from one clip."""

    start_seconds: float
    end_seconds: float
    score: float
    q_r: float
    q_d: float | None = None
    """None where the model has no Q_D."""
    interval: Interval | None = None
    """That of a whole video with these scores. Its coverage is stated for videos; for a stretch, a guide."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Enough to get this number again."""

    model: str
    weights_sha256: str
    package_version: str
    torch_version: str
    device: str
    precision: str
    """Of the matrix products: ``fp32``, ``bf16`` or ``int8`` (linear layers, beside bf16)."""
    combine: str
    """``calibrated`` or ``raw``."""
    seed: int
    clips: int
    draws: int
    clip_starts: tuple[int, ...]
    """First frame of each clip; the rest follows from the seed and the model's view geometry."""
    backend: str = "torch"
    """What ran the networks: ``torch``, ``torch compiled`` or ``openvino``."""
    card_sha256: str | None = None
    """Of what decides the number beside the weights, all from the model's card: shape of the views, scale,
    calibration, interval. None in scores of versions that did not tell."""
    timeline_seconds: float | None = None
    """Length of the windows that were asked for; None where the timeline's entries are the clips."""


_LATER = ("card_sha256", "timeline_seconds")
"""What :class:`Provenance` did not hold from the start."""


@dataclass(frozen=True, slots=True)
class ScoreKind:
    """What the scores of one output share; scores of different kinds are different measures.

    Each field means what it does in :class:`Provenance`, ``scale`` what it does in :class:`VideoScore`.
    """

    weights_sha256: str
    combine: str
    seed: int
    clips: int
    draws: int
    precision: str
    scale: str
    card_sha256: str | None
    timeline_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def differences(self, found: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Return what differs in the plain values of a score or a kind: name to (found, ours).

        What older versions did not tell differs from nothing.
        """
        ours = {name: value for name, value in self.to_dict().items() if name in found or name not in _LATER}
        return {name: (found.get(name), value) for name, value in ours.items() if found.get(name) != value}


@dataclass(frozen=True, slots=True)
class VideoScore:
    """Quality of one video. Higher is better."""

    path: str
    score: float
    """Weighted mean of Q_R and Q_D (Q_R alone where the model has no Q_D), mean over clips and draws, on the
    scale of the model (``scale``)."""
    scale: str
    """What the number is, e.g. ``VMAF 0..100: VMAF, not human opinion``."""
    spread: float
    """Standard deviation over clips and draws, same unit as ``score``; 0 with one view."""
    disagreement: float | None
    """``|q_r - q_d|``; None where the model has no Q_D."""
    interval: Interval | None
    """Absent when the model had too few labels for one, or the combination is raw."""
    q_r: float
    """Of the regression model, on the label scale when calibrated."""
    q_d: float | None
    """Of the distance model (a student's estimate of it), on the label scale when calibrated; None where the
    model has no Q_D."""
    raw_q_r: float
    """Mean raw output of the regression model, arbitrary scale."""
    raw_q_d: float | None
    """Mean raw output of the distance model, in (0, 1]; None where the model has no Q_D."""
    timeline: tuple[ClipScore, ...]
    """One entry a clip, or a window when windows were asked for, in temporal order."""
    video: VideoInfo
    provenance: Provenance
    warnings: tuple[str, ...] = ()
    """What may make the number less trustworthy."""

    @property
    def worst(self) -> ClipScore:
        """The stretch of the timeline with the lowest score, the first of several."""
        return min(self.timeline, key=lambda item: item.score)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values in the JSON form, ``schema`` first; ``worst`` repeats a timeline entry."""
        return {"schema": SCHEMA, **asdict(self), "worst": asdict(self.worst)}

    def to_json(self, *, indent: int | None = None) -> str:
        """Return JSON (schema 1), strict: no NaN. In ASCII, since a file's name need not be UTF-8."""
        return json.dumps(self.to_dict(), allow_nan=False, indent=indent)

    def _repr_html_(self) -> str:
        """Show the score in a notebook."""
        return _html(self)

    @classmethod
    def from_json(cls, text: str) -> VideoScore:
        """Inverse of :meth:`to_json`.

        Raises:
            DataError: Not JSON, another schema, or fields of a part are unknown or missing.
            ConfigError: Fields of the score itself are unknown or missing.
        """
        try:
            return cls.from_dict(json.loads(text))
        except (json.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f"not a score of this package (schema {SCHEMA}): {error}") from error

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> VideoScore:
        """Inverse of :meth:`to_dict`.

        Raises:
            DataError: Another schema.
            ConfigError: Keys are unknown or missing.
        """
        if values.get("schema") != SCHEMA:
            raise DataError(f"schema is {values.get('schema')!r}; this version reads schema {SCHEMA}")
        fields = {key: value for key, value in values.items() if key not in {"schema", "worst"}}
        check_keys(fields, cls.__slots__, where="score")
        provenance = dict(fields["provenance"])
        provenance["clip_starts"] = tuple(provenance["clip_starts"])
        fields["interval"] = _interval(fields["interval"])
        fields["timeline"] = tuple(
            ClipScore(**{**item, "interval": _interval(item.get("interval"))}) for item in fields["timeline"]
        )
        fields["video"] = VideoInfo(**fields["video"])
        fields["provenance"] = Provenance(**provenance)
        fields["warnings"] = tuple(fields["warnings"])
        return cls(**fields)


def _interval(values: Mapping[str, Any] | None) -> Interval | None:
    return None if values is None else Interval(**values)


def _html(result: VideoScore) -> str:
    """Return a small table; every text is escaped."""
    interval, worst, video = result.interval, result.worst, result.video
    rows = [("score", f"<b>{result.score:.2f}</b> ({escape(result.scale)})")]
    if interval is not None:
        rows.append(("interval", f"{interval.low:.2f} to {interval.high:.2f} ({interval.coverage:.0%})"))
    rows += [
        ("Q_R, Q_D", f"{result.q_r:.2f}, {'none' if result.q_d is None else format(result.q_d, '.2f')}"),
        ("spread", f"{result.spread:.2f}"),
        ("worst", f"{worst.score:.2f} at {worst.start_seconds:.1f}–{worst.end_seconds:.1f} s"),
        (
            "video",
            f"{video.width_px}×{video.height_px}, {video.duration_seconds:.1f} s, {escape(video.codec)}",
        ),
        ("model", escape(result.provenance.model)),
        *(("warning", escape(warning)) for warning in result.warnings),
    ]
    body = "".join(
        f'<tr><th scope="row" style="text-align:left">{name}</th><td style="text-align:left">{text}</td></tr>'
        for name, text in rows
    )
    return f"<table><caption>{escape(result.path)}</caption>{body}</table>"
