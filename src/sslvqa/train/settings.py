"""Settings from and to TOML and options."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sslvqa.errors import ConfigError
from sslvqa.hub.names import suggest
from sslvqa.hub.toml import dump_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sslvqa.train.distil_config import DistilConfig
    from sslvqa.train.pretrain_config import PretrainConfig
    from sslvqa.train.train_config import TrainConfig

    RunConfig = PretrainConfig | TrainConfig | DistilConfig

__all__ = [
    "config_from_dict",
    "portable_settings",
    "read_config",
    "read_toml",
    "resolve_config",
    "with_options",
    "write_config",
]

_Config = TypeVar("_Config")


def write_config(path: Path, config: RunConfig) -> None:
    """Write the settings as TOML; absent values are left out."""
    path.write_text(dump_toml(dataclasses.asdict(config)), encoding="utf-8")


def portable_settings(config: RunConfig) -> dict[str, Any]:
    """The settings as plain values without folders of this machine: of paths the last part or none."""
    values = dataclasses.asdict(config)
    for key in ("labels", "pristine", "unlabelled", "groups", "videos", "teacher", "init", "method", "out"):
        if values.get(key) is not None:
            values[key] = Path(values[key]).name
    values.get("labels_table", {}).pop("root", None)
    return values


def read_config(
    path: Path | str, kind: type[_Config], *, options: Mapping[str, object] | None = None
) -> _Config:
    """Read settings from TOML.

    Args:
        path: The file; a key that is absent keeps its default.
        kind: :class:`PretrainConfig`, :class:`TrainConfig` or :class:`DistilConfig`.
        options: Values that win over the file, by dotted name (``{"optim.lr": 1e-3}``); None is ignored.

    Raises:
        ConfigError: An unknown key (the nearest one is named), a value of the wrong type or out of range.
    """
    return resolve_config(kind, file=Path(path), options=options or {})


def resolve_config(
    kind: type[_Config],
    *,
    preset: RunConfig | None = None,
    file: Path | None = None,
    options: Mapping[str, object],
) -> _Config:
    """Settings of a command: a preset, a file over it, options over both.

    Args:
        kind: :class:`PretrainConfig`, :class:`TrainConfig` or :class:`DistilConfig`.
        preset: Its paths do not count; one that may be absent is given as an empty text.
        file: TOML.
        options: By dotted name; None is ignored.

    Raises:
        ConfigError: See :func:`read_config`.
    """
    values: dict[str, Any] = {}
    if preset is not None:
        paths = set(_required(type(preset)))
        given = _present(preset).items()
        values = {name: value for name, value in given if name not in paths and value != ""}
    if file is not None:
        for name, value in read_toml(file).items():
            nested = isinstance(value, dict) and isinstance(values.get(name), dict)
            values[name] = {**values[name], **value} if nested else value
    where = "settings" if file is None else file.name
    return config_from_dict(with_options(values, options), kind, where=where)


def with_options(values: Mapping[str, Any], options: Mapping[str, object]) -> dict[str, Any]:
    """Return nested settings with dotted options put in; None is ignored."""
    merged = {key: dict(value) if isinstance(value, dict) else value for key, value in values.items()}
    for name, value in options.items():
        *tables, key = name.split(".")
        target = merged
        for table in tables:
            target = target.setdefault(table, {})
        if value is not None:
            target[key] = value
    return merged


def config_from_dict(values: Mapping[str, Any], kind: type[_Config], *, where: str = "settings") -> _Config:
    """Build settings from nested dictionaries, strictly; see :func:`read_config`."""
    hints = typing.get_type_hints(kind)
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        if key not in hints:
            raise ConfigError(f"{where}: unknown key '{key}'{suggest(key, hints)}")
        if dataclasses.is_dataclass(hints[key]):
            if not isinstance(value, dict):
                raise ConfigError(f"{where}: {key} is {value!r}; expected a table")
            table: type[Any] = hints[key]
            arguments[key] = config_from_dict(_over_default(kind, key, value), table, where=f"{where}: {key}")
        else:
            arguments[key] = _typed(value, hints[key], f"{where}: {key}")
    missing = [name for name in _required(kind) if name not in arguments]
    if missing:
        raise ConfigError(f"{where}: no value for {', '.join(missing)}; give it in the file or as an option")
    return kind(**arguments)


def read_toml(file: Path) -> dict[str, Any]:
    """Read a settings file as it is.

    Raises:
        ConfigError: There is none, or it is not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no settings file {file}; expected a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}; correct it") from None


def _present(config: Any) -> dict[str, Any]:  # noqa: ANN401 - any settings class
    """The values of settings that are not absent, tables as dictionaries."""
    values = {item.name: getattr(config, item.name) for item in dataclasses.fields(config)}
    return {
        name: _present(value) if dataclasses.is_dataclass(value) else value
        for name, value in values.items()
        if value is not None
    }


def _over_default(kind: type[Any], key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The default table of a field (which may differ from its type's defaults) with values put over it."""
    fields = {item.name: item for item in dataclasses.fields(kind)}
    factory = typing.cast("Any", fields[key].default_factory)
    return {**_present(factory()), **values}


def _required(kind: type[Any]) -> list[str]:
    nothing = dataclasses.MISSING
    return [x.name for x in dataclasses.fields(kind) if x.default is nothing and x.default_factory is nothing]


def _typed(value: object, hint: object, where: str) -> object:
    """Check a value against int, float, str, bool, a ``Literal`` or an optional of these."""
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for option in allowed:
        if typing.get_origin(option) is Literal:
            if value in typing.get_args(option):
                return value
        elif option is float and type(value) in {int, float}:
            return float(typing.cast("float", value))
        elif type(value) is option:
            return value
    names = [_hint_name(option) for option in allowed if option is not type(None)]
    raise ConfigError(f"{where} is {value!r}; expected {' or '.join(names)}")


def _hint_name(hint: object) -> str:
    choices = typing.get_args(hint)
    return "/".join(map(str, choices)) if choices else str(getattr(hint, "__name__", hint))
