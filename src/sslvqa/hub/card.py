"""The card of a model: everything about weights that is not a tensor, as ``card.toml``."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    model_validator,
)

from sslvqa import __version__
from sslvqa.errors import ConfigError, ModelError
from sslvqa.hub.names import Architecture, architecture_from_dict, architecture_to_dict, suggest
from sslvqa.hub.scale import Band, band_of, bands
from sslvqa.hub.toml import dump_toml

__all__ = [
    "CARD_FILE",
    "CalibrationCard",
    "GoldenCard",
    "InputCard",
    "IntervalCard",
    "ManifestCard",
    "MapCard",
    "ModelCard",
    "ResultCard",
    "ScaleCard",
    "TeacherCard",
    "TrainingCard",
    "WeightsFile",
    "read_card",
    "write_card",
]

CARD_FILE = "card.toml"


def _architecture(value: object) -> Architecture:
    if isinstance(value, Architecture):
        return value
    if not isinstance(value, dict):
        raise ConfigError(f"architecture is {value!r}; it must be a table")
    return architecture_from_dict(value)


ArchitectureField = Annotated[
    Architecture, PlainValidator(_architecture), PlainSerializer(architecture_to_dict, return_type=dict)
]


class _Part(BaseModel):
    """Strict and frozen: no unknown keys, no conversions, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class InputCard(_Part):
    """Preprocessing, and how a video is sampled unless the caller says otherwise."""

    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    """Per RGB channel, on 0..255."""
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    clips: int = 4
    draws: int = 1
    seed: int = 0


class ScaleCard(_Part):
    """What the calibrated score is."""

    label: str
    """Name of the labels, e.g. ``VMAF`` or ``MOS``."""
    kind: str
    """In words, e.g. ``VMAF of a full-reference model, not human opinion``."""
    minimum: float
    maximum: float
    direction: Literal["higher_is_better"] = "higher_is_better"

    @property
    def bands(self) -> tuple[Band, ...]:
        """The five bands of the scale, the worst first."""
        return bands(self.minimum, self.maximum)

    def band(self, score: float) -> Band:
        """What a calibrated score means in words."""
        return band_of(score, self.minimum, self.maximum)

    @model_validator(mode="after")
    def _ordered(self) -> ScaleCard:
        if not self.minimum < self.maximum:
            raise ValueError(f"minimum {self.minimum} must be below maximum {self.maximum}")
        return self


class MapCard(_Part):
    """Numbers of one :class:`sslvqa.scoring.MonotonicMap`, from a raw score to the label scale."""

    kind: Literal["logistic4", "linear", "moments", "constant"]
    parameters: dict[str, float]
    minimum: float
    """Results below are set to it."""
    maximum: float
    """Results above are set to it."""
    pairs: int
    """How many (raw score, label) pairs it was fitted on."""

    @model_validator(mode="after")
    def _rising(self) -> MapCard:
        names = {"low", "high", "centre", "scale"} if self.kind == "logistic4" else {"intercept", "slope"}
        if set(self.parameters) != names:
            raise ValueError(f"a {self.kind} map needs the parameters {sorted(names)}")
        p = self.parameters
        if self.kind == "logistic4" and not (p["scale"] > 0 and p["low"] <= p["high"]):
            raise ValueError("a logistic4 map needs scale > 0 and low <= high")
        if self.kind != "logistic4" and p["slope"] < 0:
            raise ValueError(f"a {self.kind} map needs slope >= 0")
        return self


class CalibrationCard(_Part):
    """One map for each raw score, and how they are weighted."""

    regressor: MapCard
    distance: MapCard | None = None
    """Absent where the model has no Q_D."""
    weight: float = Field(default=0.5, ge=0, le=1)
    """Of Q_R in the score; Q_D has the rest. 1 where the model has no Q_D."""

    @model_validator(mode="after")
    def _weighs_what_there_is(self) -> CalibrationCard:
        if self.distance is None and self.weight != 1:
            raise ValueError(f"weight is {self.weight} without a distance map; it must be 1")
        return self


class IntervalCard(_Part):
    """Numbers of one :class:`sslvqa.scoring.ConformalInterval`."""

    coverage: float
    half_width: float
    """On the label scale."""
    margin: float = Field(default=0.0, ge=0)
    """Added to the half-width: how far a student may be from its teacher, whose interval this is."""
    videos: int
    contents: int
    """Held-out contents whose labels gave the interval."""


class ManifestCard(_Part):
    """One table of videos that the model learned from."""

    name: str
    sha256: str
    rows: int


class TeacherCard(_Part):
    """The model that a student imitates."""

    name: str
    sha256: str
    """Of its weights."""


class TrainingCard(_Part):
    """How the weights came about."""

    method: str
    """Training procedure, e.g. ``ssl_vqa``."""
    labelled: int
    unlabelled: int
    seed: int
    manifests: tuple[ManifestCard, ...] = ()
    pretrained: str | None = None
    """What the backbones started from; absent for random initialisation."""
    teacher: TeacherCard | None = None
    """Of a student: whose scores were its labels."""
    config: str | None = None
    """The run's settings as text, enough to repeat it."""


class ResultCard(_Part):
    """One measured result; an undefined correlation is absent."""

    dataset: str
    protocol: str
    """Which videos, how split, what is in the interval."""
    videos: int
    contents: int
    srocc: float | None = None
    srocc_interval: tuple[float, float] | None = None
    plcc: float | None = None
    plcc_logistic: float | None = None
    krocc: float | None = None
    rmse: float | None = None


class GoldenCard(_Part):
    """Scores of the synthetic view of :func:`sslvqa.scoring.golden_view`, float32 on a CPU."""

    q_r: float
    q_d: float | None = None
    """Absent where the model has no Q_D."""
    score: float | None = None
    """Calibrated, absent without calibration."""


class WeightsFile(_Part):
    """One safetensors file of the model directory."""

    file: str
    sha256: str
    bytes: int
    dtype: Literal["float16", "float32"]
    """Of the parameters; buffers are float32. Everything is used as float32."""


class ModelCard(_Part):
    """Identity and meaning of one model."""

    card_version: Literal[1] = 1
    name: str
    """``architecture.tag``."""
    description: str = ""
    licence: str
    """Of the weights."""
    limits: tuple[str, ...] = ()
    """What the score does not mean, one sentence each."""
    package_version: str = __version__
    """sslvqa version that wrote the weights."""
    architecture: ArchitectureField
    input: InputCard = InputCard()
    scale: ScaleCard
    combine: Literal["calibrated", "raw"] = "calibrated"
    calibration: CalibrationCard | None = None
    interval: IntervalCard | None = None
    training: TrainingCard
    results: tuple[ResultCard, ...] = ()
    golden: GoldenCard | None = None
    weights: tuple[WeightsFile, ...] = ()

    @property
    def weights_sha256(self) -> str:
        """Identity of the weights: the hash of the file, or of the hashes of all parts in order."""
        hashes = [item.sha256 for item in self.weights]
        return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()

    @model_validator(mode="after")
    def _consistent(self) -> ModelCard:
        if self.combine == "calibrated" and self.calibration is None:
            raise ValueError(
                "combine is 'calibrated' but there is no [calibration]; fit one, or use combine = 'raw'"
            )
        if self.combine == "raw" and self.interval is not None:
            raise ValueError("an [interval] is on the label scale; it needs combine = 'calibrated'")
        return self

    @model_validator(mode="after")
    def _of_its_kind(self) -> ModelCard:
        has_distance = self.architecture.kind != "regressor"
        if self.calibration is not None and (self.calibration.distance is not None) != has_distance:
            wanted = "needs" if has_distance else "has no Q_D for"
            raise ValueError(f"a {self.architecture.kind} {wanted} a [calibration.distance]")
        return self


def write_card(path: Path, card: ModelCard) -> None:
    """Write a card; an existing file is replaced at once, never half."""
    text = dump_toml(card.model_dump(mode="json"))
    scratch = path.with_name(path.name + ".part")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)


def read_card(path: Path) -> ModelCard:
    """Read a card strictly.

    Raises:
        ModelError: Not TOML, or keys are unknown, missing or of the wrong type; every one is named.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not a TOML card: {error}; restore the file") from error
    try:
        return ModelCard.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        raise ModelError(f"{path}: {_explain(error)}") from error
    except ConfigError as error:
        raise ModelError(f"{path}: {error}") from error


def _explain(error: ValidationError) -> str:
    """Return all problems in one line, unknown keys with the nearest known one."""
    return "; ".join(_problem(item["type"], item["loc"], item["msg"]) for item in error.errors())


def _problem(kind: str, location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in location) or "card"
    if kind == "extra_forbidden":
        return f"unknown key {where!r}{suggest(str(location[-1]), _known_keys(location[:-1]))}"
    if kind == "missing":
        return f"missing key {where!r}"
    return f"{where}: {message}"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed in the table at ``location``."""
    part: type[BaseModel] = ModelCard
    for step in location:
        if isinstance(step, int):
            continue
        part = _TABLES.get(step, part)
    return list(part.model_fields)


_TABLES: dict[str, type[BaseModel]] = {
    "input": InputCard,
    "scale": ScaleCard,
    "calibration": CalibrationCard,
    "regressor": MapCard,
    "distance": MapCard,
    "interval": IntervalCard,
    "training": TrainingCard,
    "teacher": TeacherCard,
    "manifests": ManifestCard,
    "results": ResultCard,
    "golden": GoldenCard,
    "weights": WeightsFile,
}
