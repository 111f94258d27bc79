"""What a command does that was asked to stop."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from sslvqa.cli.output import note

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["INTERRUPTED", "stoppable_run"]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


@contextmanager
def stoppable_run() -> Iterator[None]:
    """Let a training log to stderr; exit with :data:`INTERRUPTED` if it was asked to stop."""
    from sslvqa.train import Interrupted

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    try:
        yield
    except Interrupted as stop:
        note(str(stop))
        raise typer.Exit(INTERRUPTED) from stop
