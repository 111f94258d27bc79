"""The application of a rating study: one page, a few JSON routes, and the videos of the study."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sslvqa.errors import DataError
from sslvqa.web.guard import same_token
from sslvqa.web.settings import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sslvqa.rate import SessionState, Study

__all__ = ["LOOPBACK", "create_app"]

_STATIC = Path(__file__).parent / "static"
_LARGEST_BODY = 8192
_HEADERS = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"media-src 'self' blob:; img-src 'self' data:; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    b"referrer-policy": b"no-referrer",  # the address of a page is a personal link
    b"x-content-type-options": b"nosniff",
    b"cache-control": b"no-store",
}


class _Join(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(default="", max_length=80)
    key: str = Field(default="", max_length=200)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    position: int
    vote: float
    seconds: float = Field(default=0.0, allow_inf_nan=False)


def create_app(study: Study, *, key: str | None = None, hosts: Sequence[str] = LOOPBACK) -> ASGIApp:
    """Build the ASGI application.

    Whoever has a personal link (``/s/TOKEN``) answers that person's questions; there are no accounts, and no
    route shows votes or file names.

    Args:
        study: What is rated.
        key: Needed to join (``/?key=...``); None lets everybody in and is for loopback only.
        hosts: Names that a request's ``Host`` may have (against DNS rebinding); ``("*",)`` allows any.
    """
    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/s/{token}", _page),
            Route("/api/study", _study),
            Route("/api/join", _join, methods=["POST"]),
            Route("/api/session/{token}", _session),
            Route("/api/session/{token}/screen", _screen, methods=["POST"]),
            Route("/api/session/{token}/answer", _answer, methods=["POST"]),
            Route("/media/{token}/{position:int}/{side:int}", _media),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[_bracketed(host) for host in hosts]),
            Middleware(_Headers),
        ],
        exception_handlers={DataError: _explain, ValueError: _explain},
    )
    app.state.study, app.state.key = study, key
    return app


class _Headers:
    """Sets the security headers of every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [item for item in message["headers"] if item[0].lower() not in _HEADERS]
                message["headers"] = [*kept, *_HEADERS.items()]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _page(_request: Request) -> Response:
    return FileResponse(_STATIC / "index.html")


def _study(request: Request) -> Response:
    study: Study = request.app.state.study
    settings = study.settings
    return JSONResponse(
        {
            "title": settings.title,
            "method": settings.method,
            "instructions": settings.instructions,
            "needs_key": request.app.state.key is not None,
        }
    )


async def _join(request: Request) -> Response:
    wish = _Join.model_validate_json(await _body(request))
    key = request.app.state.key
    if key is not None and not same_token(wish.key, key):
        return JSONResponse({"error": "this study needs the key that is in its invitation link"}, 403)
    token = await run_in_threadpool(request.app.state.study.join, wish.name)
    return JSONResponse({"token": token}, 201)


def _session(request: Request) -> Response:
    study: Study = request.app.state.study
    return JSONResponse(_plain(study.state(request.path_params["token"])))


async def _screen(request: Request) -> Response:
    import json

    facts = json.loads(await _body(request))
    if not isinstance(facts, dict):
        raise DataError("screen facts are an object")
    token = request.path_params["token"]
    await run_in_threadpool(request.app.state.study.store_screen, token, facts)
    return Response(status_code=204)


async def _answer(request: Request) -> Response:
    given = _Answer.model_validate_json(await _body(request))
    study: Study = request.app.state.study
    token = request.path_params["token"]
    state = await run_in_threadpool(study.answer, token, given.position, given.vote, seconds=given.seconds)
    return JSONResponse(_plain(state))


def _media(request: Request) -> Response:
    """Send one video of one question, whole or a range; its name does not appear."""
    study: Study = request.app.state.study
    where = request.path_params
    path = study.video_path(where["token"], where["position"], side=where["side"])
    if not path.is_file():
        return JSONResponse({"error": "the video of this question is gone; tell the organiser"}, 410)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return FileResponse(path, media_type=kind)


def _plain(state: SessionState) -> dict[str, Any]:
    question = state.question
    return {
        "person": state.person,
        "screened": state.screened,
        "done": state.done,
        "total": state.total,
        "question": None if question is None else question._asdict(),
    }


async def _body(request: Request) -> bytes:
    """Read a small body.

    Raises:
        DataError: It is larger than any that the page sends.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BODY:
            raise DataError(f"the request has more than {_LARGEST_BODY} bytes")
    return body


def _explain(_request: Request, error: Exception) -> Response:
    missing = "nobody has this link" in str(error) or "has no video" in str(error)
    text = str(error) if isinstance(error, DataError) else "the request is malformed"
    return JSONResponse({"error": text}, 404 if missing else 400)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
