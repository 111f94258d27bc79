"""The pages of the studies, each below ``/rate/STUDY``: raters need its link, never the server's token."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from sslvqa.errors import DataError
from sslvqa.web.rating.app import study_routes

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sslvqa.web.teach.folder import TeachFolder

__all__ = ["PREFIX", "StudyPages", "invitation"]

PREFIX = "/rate"


def invitation(name: str, token: str | None) -> str:
    """Path that invites people to a study."""
    key = _key(name, token)
    return f"{PREFIX}/{name}/" + ("" if key is None else f"?key={key}")


def _key(name: str, token: str | None) -> str | None:
    """What joining needs: nothing on loopback, else a key made of the token, which it does not tell."""
    if token is None:
        return None
    return hmac.new(token.encode(), f"study {name}".encode(), hashlib.sha256).hexdigest()[:32]


class StudyPages:
    """The ASGI application below :data:`PREFIX`."""

    def __init__(self, folder: TeachFolder, *, token: str | None) -> None:
        self._folder, self._token = folder, token
        self._apps: dict[str, ASGIApp] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to its study."""
        root = scope.get("root_path", "")
        name = scope["path"].removeprefix(root).strip("/").split("/")[0]
        try:
            app = self._app(name)
        except DataError:
            await PlainTextResponse("there is no such study", 404)(scope, receive, send)
            return
        await app({**scope, "root_path": f"{root}/{name}"}, receive, send)

    def _app(self, name: str) -> ASGIApp:
        if name not in self._apps:
            self._apps[name] = study_routes(self._folder.study(name), key=_key(name, self._token))
        return self._apps[name]
