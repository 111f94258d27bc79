"""What is refused before the long work, because it would end in an error after it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from sslvqa.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_folder", "require_extra"]

_MODULES = {
    "peers": ("sklearn",),
    "report": ("jinja2", "matplotlib"),
    "web": ("fastapi", "prometheus_client", "uvicorn"),
}
"""What a command imports, by the extra that installs it."""


def require_extra(extra: Literal["peers", "report", "web"], command: str) -> None:
    """Refuse a command whose extra is not installed.

    Raises:
        MissingExtraError: A module of the extra is absent.
    """
    for name in _MODULES[extra]:
        if find_spec(name) is None:
            raise MissingExtraError(
                f"sslvqa {command} needs {name}; install it with: pip install 'sslvqa[{extra}]'"
            )


def check_folder(option: str, path: Path) -> None:
    """Refuse a file that cannot be written because its folder does not exist.

    Raises:
        ConfigError: There is no such folder.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"{option} {path}: there is no folder {path.parent}; create it first")
