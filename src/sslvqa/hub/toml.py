"""Write TOML (the standard library only reads it)."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["dump_toml"]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def dump_toml(values: Mapping[str, Any]) -> str:
    """Return TOML text which :func:`tomllib.loads` reads back as ``values``.

    Args:
        values: Nested mappings, lists or tuples, strings, booleans and finite numbers. Keys whose value is
            ``None`` are left out, as TOML has no null.

    Raises:
        TypeError: A value of another type.
        ValueError: A number that is not finite.
    """
    return "\n".join(_table(values, prefix=())).strip("\n") + "\n"


def _table(values: Mapping[str, Any], *, prefix: tuple[str, ...]) -> Iterator[str]:
    present = {key: value for key, value in values.items() if value is not None}
    nested = {
        key: value for key, value in present.items() if isinstance(value, dict) or _is_table_array(value)
    }
    yield from (f"{_key(key)} = {_value(value)}" for key, value in present.items() if key not in nested)
    for key, value in nested.items():
        path = (*prefix, key)
        name = ".".join(_key(part) for part in path)
        if isinstance(value, dict):
            yield from ("", f"[{name}]", *_table(value, prefix=path))
        else:
            for item in value:
                yield from ("", f"[[{name}]]", *_table(item, prefix=path))


def _is_table_array(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, dict) for item in value)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be written to TOML here; leave the key out (None) instead")
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} cannot be written to TOML: {value!r}")
