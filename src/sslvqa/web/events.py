"""What happens on the server, told to every page that listens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sslvqa.errors import SslvqaError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["BusyError", "Events"]

_MAX_LISTENERS = 64
_MAX_BEHIND = 5000
_SIGN_SECONDS = 15.0


class BusyError(SslvqaError):
    """The queue, the disk or the number of listeners is at its limit; try again later."""


class Events:
    """Passes messages on to all listeners."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[dict[str, Any] | None]] = set()

    async def listen(self, first: Callable[[], dict[str, Any]]) -> AsyncIterator[dict[str, Any] | None]:
        """Yield ``first()``, then every message; None now and then, as a sign of life.

        Raises:
            BusyError: Too many listen already.
        """
        if len(self._listeners) >= _MAX_LISTENERS:
            raise BusyError(f"{_MAX_LISTENERS} pages listen already; close one")
        inbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(maxsize=_MAX_BEHIND)
        self._listeners.add(inbox)
        try:
            yield first()
            while inbox in self._listeners:
                try:
                    message = await asyncio.wait_for(inbox.get(), timeout=_SIGN_SECONDS)
                except TimeoutError:
                    yield None
                    continue
                if message is None:
                    return
                yield message
        finally:
            self._listeners.discard(inbox)

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message to every listener."""
        self._put(message)

    def end(self) -> None:
        """End every :meth:`listen`, so that the server can close its connections."""
        self._put(None)

    def _put(self, message: dict[str, Any] | None) -> None:
        for inbox in list(self._listeners):
            try:
                inbox.put_nowait(message)
            except asyncio.QueueFull:  # too slow: the page will connect anew and get everything
                self._listeners.discard(inbox)
