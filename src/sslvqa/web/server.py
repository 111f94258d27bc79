"""Run the application: one listener, no access log, streams that end when the server does."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import uvicorn

from sslvqa.errors import ConfigError
from sslvqa.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sslvqa.web.settings import ServeSettings

__all__ = ["PageServer", "listen_on"]

_GRACE_SECONDS = 2


class PageServer(uvicorn.Server):
    """A server of one application; :meth:`uvicorn.Server.run` serves until Ctrl-C.

    Args:
        settings: Those of the application.
        worker_command: What to start as a worker, for tests.

    Raises:
        ModelError: There is no such model.
    """

    def __init__(self, settings: ServeSettings, *, worker_command: Sequence[str] | None = None) -> None:
        self._application = create_app(settings, worker_command=worker_command)
        super().__init__(
            uvicorn.Config(
                self._application,
                log_level="warning",
                log_config=None,  # the logging of this process is its own
                access_log=False,  # file names are the user's business
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams, which would never end by themselves, then everything else."""
        self._application.end_streams()
        await super().shutdown(sockets)


def listen_on(host: str, port: int) -> socket.socket:
    """Bind a TCP socket.

    Raises:
        ConfigError: The address is taken or not ours.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host} port {port} ({error.strerror or error}); "
            "choose another --host or --port"
        ) from error
    return listener
