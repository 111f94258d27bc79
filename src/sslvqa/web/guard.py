"""Who may ask, from where, and how much: one ASGI layer in front of every route."""

from __future__ import annotations

import hmac
import json
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["COOKIE", "UPLOAD_PATH", "RequestGuard", "same_token"]

COOKIE = "sslvqa_session"
UPLOAD_PATH = "/api/uploads"
_MAX_BODY_BYTES = 1 << 20
_OPEN_PATHS = frozenset({"/api/session"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; connect-src 'self'; manifest-src 'none'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class RequestGuard:
    """Refuses foreign hosts, foreign pages, missing tokens and large bodies; adds the security headers.

    A page of another site can make a browser send requests to this server, even to one on loopback. Such
    requests are told by ``Host`` (a name rebound to this address), ``Origin`` and ``Sec-Fetch-Site``.

    Args:
        app: The application.
        token: What ``Authorization: Bearer`` or the session cookie must hold; None asks for nothing.
        hosts: Allowed names in ``Host``, without port; empty allows any.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, hosts: tuple[str, ...]) -> None:
        self.app, self._token, self._hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request and pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        refused = self._refusal(scope, headers)
        if refused is not None:
            await _answer(send, *refused)
            return
        body = receive if scope["path"] == UPLOAD_PATH else _bounded(receive)
        await self.app(scope, body, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self._hosts and _name(host) not in self._hosts:
            return (
                421,
                f"this server does not answer to {host!r}; use one of {', '.join(self._hosts)}",
            )
        if scope["method"] not in {"GET", "HEAD", "OPTIONS"} and _from_another_site(headers, host):
            return 403, "the request comes from a page of another site"
        path = scope["path"]
        protected = path.startswith("/api/") or path in {"/openapi.json", "/metrics"}
        if protected and path not in _OPEN_PATHS and not self._knows_token(headers):
            return 401, "a token is needed: Authorization: Bearer TOKEN"
        if path != UPLOAD_PATH and int(_digits(headers.get("content-length"))) > _MAX_BODY_BYTES:
            return 413, f"the body is larger than {_MAX_BODY_BYTES} bytes"
        return None

    def _knows_token(self, headers: Headers) -> bool:
        if self._token is None:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return same_token(given.strip(), self._token)
        return same_token(_cookie(headers.get("cookie", "")), self._token)


def same_token(given: str, token: str) -> bool:
    """Compare in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode(), token.encode())


def _cookie(text: str) -> str:
    try:
        found = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _name(host: str) -> str:
    """The name in a ``Host`` header, without port and brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _from_another_site(headers: Headers, host: str) -> bool:
    if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != host


def _digits(text: str | None) -> str:
    return text if text is not None and text.isascii() and text.isdigit() else "0"


def _bounded(receive: Receive) -> Receive:
    """Pass a body on until it is too large; then the client counts as gone."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return message if seen <= _MAX_BODY_BYTES else {"type": "http.disconnect"}

    return bounded


def _with_headers(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for key, value in _HEADERS.items():
                headers[key] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sender


async def _answer(send: Send, status: int, detail: str) -> None:
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    sender = _with_headers(send)
    await sender({"type": "http.response.start", "status": status, "headers": headers})
    await sender({"type": "http.response.body", "body": body})
