"""What a run says while it runs: metrics.jsonl, a progress bar on stderr, TensorBoard on request."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from sslvqa.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

__all__ = ["RunLog"]

_logger = logging.getLogger(__name__)
_QUIET_SECONDS = 60.0


class RunLog:
    """Record of one run.

    ``metrics.jsonl`` has one line a step, with ``step``, ``steps`` (of the run) and numbers; a resumed run
    drops the lines after its checkpoint first, so the file ends as that of an unbroken run (but for the
    times).

    Args:
        folder: Of the run.
        total: Steps of the run.
        start: Steps done before.
        title: Shown beside the bar.
        enabled: False in all processes but one.
        tensorboard: Also write TensorBoard events.

    Raises:
        MissingExtraError: If TensorBoard is asked for and not installed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        total: int,
        start: int = 0,
        title: str = "train",
        enabled: bool = True,
        tensorboard: bool = False,
    ) -> None:
        self._path = folder / "metrics.jsonl"
        self._enabled = enabled
        self._notes: dict[str, float] = {}
        self._spoken = time.monotonic()
        self._total = total
        console = Console(stderr=True)
        self._interactive = console.is_terminal
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[status]}"),
        )
        self._bar = Progress(*columns, console=console, disable=not (enabled and self._interactive))
        self._task = self._bar.add_task(title, total=total, completed=start, status="")
        self._writer = _summary_writer(folder) if tensorboard and enabled else None
        if enabled:
            _drop_lines_from(self._path, start)

    def __enter__(self) -> RunLog:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the bar and the writers."""
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Record one finished step."""
        if not self._enabled:
            return
        self._write(
            {"step": step, "steps": self._total, **{name: round(value, 8) for name, value in values.items()}}
        )
        notes = "  ".join(f"{name} {value:.3f}" for name, value in self._notes.items())
        status = f"loss {values.get('loss', float('nan')):.4f}  {notes}"
        self._bar.update(self._task, completed=step + 1, status=status)
        if not self._interactive and time.monotonic() - self._spoken > _QUIET_SECONDS:
            self._spoken = time.monotonic()
            _logger.info("step %d of %d: %s", step + 1, self._total, status)

    def note(self, step: int, values: Mapping[str, float]) -> None:
        """Record numbers of an epoch (correlation, use of the hardware); they stay beside the bar."""
        if not self._enabled:
            return
        self._notes.update(values)
        self._write({"step": step, "kind": "epoch", **values})

    def _write(self, record: Mapping[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        if self._writer is not None:
            for name, value in record.items():
                if isinstance(value, float):
                    self._writer.add_scalar(name, value, record["step"])


def _drop_lines_from(path: Path, step: int) -> None:
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] < step]
        path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def _summary_writer(folder: Path) -> Any:  # noqa: ANN401 - an optional dependency's class
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingExtraError("TensorBoard is not installed; pip install 'sslvqa[train]'") from None
    return SummaryWriter(str(folder / "tensorboard"))
