"""The process that trains: ``sslvqa train`` on settings from a file, tied to the life of the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

from sslvqa.errors import SslvqaError

__all__ = ["COMMAND", "TrainingProcess", "main"]

COMMAND = (sys.executable, "-P", "-c", "from sslvqa.web.teach.process import main; main()")
"""How the server starts this process; the folder of the run follows."""

_PATIENCE_SECONDS = 60.0


class TrainingProcess:
    """One training run, from the server's side.

    Args:
        folder: Of the run, with ``settings.toml``; what the process says is added to ``log.txt``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._asked = False

    async def run(self) -> None:
        """Start the run, or continue it from its checkpoint, and wait until it ends, however that is.

        When this is cancelled, the process is asked to stop: it ends after its step, with a checkpoint. If it
        does not within a minute, it is killed, and what it did since its last checkpoint is lost.
        """
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)}
        with (self.folder / "log.txt").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *COMMAND,
                str(self.folder),
                stdin=asyncio.subprocess.PIPE,  # ends with the server, and the process with it
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        if self._asked:  # meanwhile
            self._process.terminate()
        try:
            await self._process.wait()
        except asyncio.CancelledError:
            self.stop()
            try:
                await asyncio.wait_for(self._process.wait(), _PATIENCE_SECONDS)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
            raise

    def stop(self) -> None:
        """Ask the process to stop after its step, with a checkpoint; asked twice, it is killed."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                if self._asked:
                    self._process.kill()
                else:
                    self._process.terminate()
        self._asked = True


def main() -> None:
    """Entry point of the process."""
    from sslvqa.train import Interrupted, TrainConfig, read_config, train

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    threading.Thread(target=_stop_with_the_server, daemon=True).start()
    try:
        train(read_config(Path(sys.argv[1]) / "settings.toml", TrainConfig), resume=True)
    except SslvqaError as error:
        _say(f"error: {error}")
        raise SystemExit(2) from error
    except Interrupted as stopped:
        _say(str(stopped))
        raise SystemExit(130) from stopped
    except Exception as error:
        traceback.print_exc()
        _say(f"error: {type(error).__name__}: {error}")
        raise SystemExit(1) from error


def _say(text: str) -> None:
    sys.stderr.write(" ".join(text.split()) + "\n")
    sys.stderr.flush()


def _stop_with_the_server() -> None:
    """Wait until standard input ends; not by ``sys.stdin``, whose lock a forked process would wait for."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
