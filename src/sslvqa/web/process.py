"""The server's end of a worker process: start it, ask it, kill it, believe nothing that it says unchecked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sslvqa.errors import ModelError, SslvqaError, UnreadableVideoError, VideoLimitError
from sslvqa.web.worker import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["TaskError", "WorkerProcess"]

_LINE_BYTES = 8 << 20
_START_SECONDS = 180.0
"""Least time for a process to load its model; as long as a task may take if that is more."""


class TaskError(SslvqaError):
    """The worker reports that a task failed; ``kind`` names the class of the error over there."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class WorkerProcess:
    """One process that does one task at a time; started when first needed, and again after it was killed.

    Args:
        settings: Plain values, sent with the model as the first line.
        command: What to start; it speaks as :mod:`sslvqa.web.worker` does.
        tasks: Tasks after which the process is replaced.
        on_crash: Called when the process ends by itself.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        command: Sequence[str] = COMMAND,
        tasks: int = 100,
        on_crash: Callable[[], object] = lambda: None,
    ) -> None:
        self._settings, self._command, self._tasks = dict(settings), tuple(command), tasks
        self._on_crash = on_crash
        self._process: asyncio.subprocess.Process | None = None
        self._model, self._done, self._killed = "", 0, False

    async def run(
        self,
        task: Mapping[str, Any],
        *,
        model: str,
        timeout_seconds: float,
        progress: Callable[[float, str], None],
    ) -> dict[str, Any]:
        """Do one task.

        Args:
            task: Plain values.
            model: What the process must have loaded; one with another model is replaced.
            timeout_seconds: The process is killed when the task takes longer.
            progress: Called with a fraction in [0, 1] and the name of the stage.

        Returns:
            The result as sent; not checked beyond being a JSON object.

        Raises:
            TaskError: The worker reports a failure.
            ModelError: The worker cannot load the model.
            VideoLimitError: Time ran out.
            UnreadableVideoError: The process crashed or was killed.
        """
        name = str(task.get("name", "task"))
        killed, self._killed = self._killed, False
        if killed:  # perhaps just after its last task had ended: the process may be dying
            await self.stop()
        try:
            await self.start(model, timeout_seconds=timeout_seconds)
            async with asyncio.timeout(timeout_seconds):
                self._write(task)
                message = await self._answer(name, progress)
        except TimeoutError:
            await self.stop()
            raise VideoLimitError(
                f"{name}: took longer than {timeout_seconds:g} s and was stopped; give a shorter video, or "
                "start the server with a larger --task-seconds"
            ) from None
        except BaseException:
            await self.stop()
            raise
        self._done += 1
        if self._done >= self._tasks:
            await self.stop()
        if "error" in message:
            raise TaskError(str(message["error"])[:2000], str(message.get("error_type", "Error"))[:100])
        result = message.get("result")
        if not isinstance(result, dict):
            raise UnreadableVideoError(f"{name}: the worker process gave an answer that makes no sense")
        return result

    def kill(self) -> None:
        """End the process at once, and whatever it started; a running :meth:`run` raises.

        One that is being created is ended as soon as it exists.
        """
        self._killed = True
        self._end()

    def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                if sys.platform == "win32":
                    self._process.kill()
                else:
                    os.killpg(self._process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Kill the process and collect it."""
        self._end()
        if self._process is not None:
            await self._process.wait()
            self._process = None
        self._done = 0

    async def start(self, model: str, *, timeout_seconds: float) -> None:
        """Start the process if there is none with this model, and wait until it has loaded it.

        Args:
            model: What it loads.
            timeout_seconds: That this may take, but 180 s at least: a machine may be busy.

        Raises:
            ModelError: It cannot be loaded, or not in time.
            UnreadableVideoError: The process crashed.
        """
        if self._process is not None and self._process.returncode is None and self._model == model:
            return
        await self.stop()
        self._model = model
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)}
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
            limit=_LINE_BYTES,
        )
        if self._killed:  # meanwhile
            self._end()
        try:
            await self._greet(max(timeout_seconds, _START_SECONDS))
        except BaseException:
            await self.stop()
            raise

    async def _greet(self, seconds: float) -> None:
        """Send the settings and wait for the answer."""
        self._write({**self._settings, "model": self._model})
        try:
            async with asyncio.timeout(seconds):
                message = await self._line("the worker")
        except TimeoutError:
            raise ModelError(
                f"the worker did not load the model within {seconds:g} s; the machine may be busy: try "
                "again, or start the server with a larger --task-seconds"
            ) from None
        if "error" in message:
            raise ModelError(str(message["error"])[:2000])

    def _write(self, values: Mapping[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps(values, default=str).encode() + b"\n")

    async def _answer(self, name: str, progress: Callable[[float, str], None]) -> dict[str, Any]:
        """Read lines until one is no progress."""
        while True:
            message = await self._line(name)
            if "progress" not in message:
                return message
            fraction, stage = message["progress"], message.get("stage")
            if isinstance(fraction, int | float) and isinstance(stage, str):
                progress(min(max(float(fraction), 0.0), 1.0), stage[:40])

    async def _line(self, name: str) -> dict[str, Any]:
        if self._process is None or self._process.stdout is None:
            raise UnreadableVideoError(f"{name}: the worker process is gone")
        try:
            line = await self._process.stdout.readline()
            message = json.loads(line, parse_constant=_refuse_constant) if line else None
        except ValueError as error:  # too long, or no JSON
            raise UnreadableVideoError(f"{name}: the worker process sent nonsense ({error})") from None
        if message is None:
            status = await self._process.wait()
            if not self._killed:
                self._on_crash()
            cause = f"signal {-status}" if status < 0 else f"exit status {status}"
            raise UnreadableVideoError(
                f"{name}: the worker process ended without a result ({cause}); "
                "the file may be damaged or hostile"
            )
        if not isinstance(message, dict):
            raise UnreadableVideoError(f"{name}: the worker process sent nonsense")
        return message


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
