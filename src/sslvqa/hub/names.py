"""Architectures by name, and how one is written to and read from a card.

A model name is ``architecture.tag``: the architecture is code (this file), the tag is weights.
"""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from sslvqa.errors import ConfigError
from sslvqa.nn.heads import QualityHead
from sslvqa.nn.quality import (
    DistanceModel,
    DualQualityModel,
    PristineDistance,
    QualityModel,
    RegressorModel,
    SharedQualityModel,
    SingleQualityModel,
)
from sslvqa.nn.swin3d.model import SwinBackbone, SwinConfig
from sslvqa.sampling.geometry import ViewGeometry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "ModelKind",
    "architecture_from_dict",
    "architecture_to_dict",
    "build_model",
    "build_pair",
    "build_shared",
    "build_single",
    "check_keys",
    "find_architecture",
    "suggest",
]


ModelKind = Literal["pair", "shared", "regressor", "student"]
"""Which scores a model has, and by what: ``pair``, Q_R and Q_D by a network each; ``shared``, Q_R and Q_D by
one whose backbone neither of them has changed; ``regressor``, Q_R alone;
``student``, Q_R and an estimate of Q_D by one network."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Everything that fixes the shape of a model and the meaning of its two scores."""

    name: str
    """Key in :data:`ARCHITECTURES`, or a name of one's own."""
    backbone: SwinConfig = field(default_factory=SwinConfig)
    """``skip`` holds for Q_R alone."""
    geometry: ViewGeometry = field(default_factory=ViewGeometry)
    kind: ModelKind = "pair"
    head_channels: int = 64
    """Hidden channels of the regression head g, and of a student's other head."""
    head_dropout: float = 0.5
    """Probability of the head's two dropouts."""
    head_moments: bool = False
    """Whether a head judges a view by mean and deviation of its tokens, see :class:`QualityHead`."""
    projection_channels: int = 64
    """Channels of the projection used by ST-VQRL only; it is not part of a saved model."""
    temperature: float = 10.0
    """tau of Q_D = exp(-d / tau)."""
    ridge: float = 1e-4
    """Added to the diagonal of the averaged covariance."""
    shrinkage: float = 0.1
    """Weight in [0, 1] of the scaled identity in a token covariance, as a clip has few tokens per channel."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.kind not in get_args(ModelKind):
            raise ConfigError(
                f"architecture kind is {self.kind!r}; it must be {', '.join(get_args(ModelKind))}"
            )
        for name in ("head_channels", "projection_channels", "temperature"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"architecture {name} is {getattr(self, name)}; it must be positive")
        if not 0 <= self.head_dropout < 1:
            raise ConfigError(f"architecture head_dropout is {self.head_dropout}; it must lie in [0, 1)")
        if self.ridge < 0:
            raise ConfigError(f"architecture ridge is {self.ridge}; it must not be negative")
        if not 0 <= self.shrinkage <= 1:
            raise ConfigError(f"architecture shrinkage is {self.shrinkage}; it must lie in [0, 1]")

    def with_moments(self) -> Architecture:
        """The same with heads that judge views by moments of tokens and, if there are some, of bands."""
        skip = self.backbone.bands > 0
        return replace(self, head_moments=True, backbone=replace(self.backbone, skip=skip))


_SMALL_VIEW = ViewGeometry(grid=4, fragment_px=32, frames=16, interval=2)

ARCHITECTURES: Mapping[str, Architecture] = {
    "swin_t": Architecture("swin_t"),
    "swin_t_bands": Architecture(
        "swin_t_bands",
        backbone=SwinConfig(bands=48),
        geometry=ViewGeometry(frames=16),
        head_dropout=0.1,
    ),
    "mobile": Architecture(
        "mobile",
        backbone=SwinConfig(bands=48, window=(4, 4, 4), gate="none", fragments=4),
        geometry=_SMALL_VIEW,
        head_dropout=0.1,
    ),
    "nano": Architecture(
        "nano",
        backbone=SwinConfig(
            embed_dim=48,
            bands=48,
            depths=(2, 2, 2, 2),
            heads=(1, 2, 4, 8),  # 48 channels a head: attention costs a third of 16 channels a head on a CPU
            window=(4, 4, 4),
            gate="none",
            fragments=4,
        ),
        geometry=ViewGeometry(grid=4, fragment_px=32, frames=8, interval=2),
        head_dropout=0.1,  # short runs underfit
    ),
}
"""The paper's ``swin_t``; ``swin_t_bands``, which learns from scratch by an embedding of bands and sees half
the frames; two for the CPU: ``mobile`` (full width, smaller views and windows) and ``nano`` (half width)."""


def find_architecture(name: str) -> Architecture:
    """Return a named architecture.

    Raises:
        ConfigError: No such name; the nearest one is suggested.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    raise ConfigError(f"no architecture named {name!r}{suggest(name, ARCHITECTURES)}")


def build_model(architecture: Architecture, *, drawn: bool = True) -> QualityModel:
    """Build a model of the architecture's kind.

    Args:
        architecture: What to build.
        drawn: Whether parameters are drawn, from the global RNG; False for a model that is loaded next.
    """
    if architecture.kind == "pair":
        return build_pair(architecture, drawn=drawn)
    if architecture.kind == "shared":
        return build_shared(architecture, drawn=drawn)
    return build_single(architecture, drawn=drawn)


def build_pair(architecture: Architecture, *, drawn: bool = True) -> DualQualityModel:
    """Build the two networks of an architecture, whatever its kind: separate parameters."""
    regressor = _build_regressor(architecture, drawn=drawn)
    distance = DistanceModel(
        SwinBackbone(architecture.backbone.without_skip, drawn=drawn), **_distance_options(architecture)
    )
    return DualQualityModel(regressor, distance)


def build_shared(architecture: Architecture, *, drawn: bool = True) -> SharedQualityModel:
    """Build one network with Q_R and Q_D."""
    channels = architecture.backbone.without_skip.channels
    return SharedQualityModel(
        _build_regressor(architecture, drawn=drawn),
        PristineDistance(channels, **_distance_options(architecture)),
    )


def build_single(architecture: Architecture, *, drawn: bool = True) -> SingleQualityModel:
    """Build one network, with a head for Q_D if the kind is ``student``."""
    regressor = _build_regressor(architecture, drawn=drawn)
    return SingleQualityModel(
        regressor, _build_head(architecture) if architecture.kind == "student" else None
    )


def _build_regressor(architecture: Architecture, *, drawn: bool) -> RegressorModel:
    return RegressorModel(SwinBackbone(architecture.backbone, drawn=drawn), _build_head(architecture))


def _distance_options(architecture: Architecture) -> dict[str, float]:
    return {name: getattr(architecture, name) for name in ("temperature", "ridge", "shrinkage")}


def _build_head(architecture: Architecture) -> QualityHead:
    return QualityHead(
        architecture.backbone.channels,
        hidden=architecture.head_channels,
        dropout=architecture.head_dropout,
        moments=architecture.head_moments,
    )


def architecture_to_dict(architecture: Architecture) -> dict[str, Any]:
    """Return plain numbers, lists and strings: what a card holds."""
    return {key: _plain(value) for key, value in dataclasses.asdict(architecture).items()}


def architecture_from_dict(values: Mapping[str, Any]) -> Architecture:
    """Inverse of :func:`architecture_to_dict`.

    Raises:
        ConfigError: A key is unknown or missing (all are listed), or a value is out of range or of a wrong
            type.
    """
    try:
        return _from_dict(values)
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(f"[architecture]: a value has the wrong type ({error})") from error


def _from_dict(values: Mapping[str, Any]) -> Architecture:
    nested = {"backbone": SwinConfig, "geometry": ViewGeometry}
    values = {"kind": "pair", "head_moments": False, **values}  # in cards older than the choice
    if "backbone" in values:
        values["backbone"] = {"skip": False, **values["backbone"]}
    check_keys(values, _field_names(Architecture), where="architecture")
    parts: dict[str, Any] = {key: _tuples(value) for key, value in values.items() if key not in nested}
    for key, kind in nested.items():
        check_keys(values[key], _field_names(kind), where=f"architecture.{key}")
        parts[key] = kind(**{name: _tuples(value) for name, value in values[key].items()})
    return Architecture(**parts)


def check_keys(values: Mapping[str, Any], allowed: Iterable[str], *, where: str) -> None:
    """Require exactly the allowed keys.

    Raises:
        ConfigError: Unknown or missing keys, all named, unknown ones with the nearest allowed name.
    """
    names = list(allowed)
    problems = [f"unknown key {key!r}{suggest(key, names)}" for key in values if key not in names]
    problems += [f"missing key {name!r}" for name in names if name not in values]
    if problems:
        raise ConfigError(f"[{where}]: {'; '.join(problems)}")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?``, or the whole choice when nothing is near."""
    choice = sorted(known)
    near = difflib.get_close_matches(name, choice, n=3, cutoff=0.5)
    if near:
        return "; did you mean " + " or ".join(repr(item) for item in near) + "?"
    return f"; known: {', '.join(choice)}" if choice else ""


def _field_names(kind: type) -> list[str]:
    return [item.name for item in dataclasses.fields(kind)]


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _tuples(value: object) -> object:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value
