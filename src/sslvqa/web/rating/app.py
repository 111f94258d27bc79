"""The application of a rating study: one page, a few JSON routes, and the videos of the study."""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sslvqa.errors import DataError
from sslvqa.web.guard import RequestGuard, same_token
from sslvqa.web.settings import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from sslvqa.rate import SessionState, Study

__all__ = ["LOOPBACK", "create_app", "study_routes"]

_STATIC = Path(__file__).parent / "static"
_LARGEST_BODY = 8192


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
    """Build the ASGI application of one study: :func:`study_routes` behind the guard of every page.

    Args:
        study: What is rated.
        key: Needed to join (``/?key=...``); None lets everybody in and is for loopback only.
        hosts: Names that a request's ``Host`` may have (against DNS rebinding); empty allows any.
    """
    return RequestGuard(study_routes(study, key=key), token=None, hosts=tuple(hosts))


def study_routes(study: Study, *, key: str | None = None) -> ASGIApp:
    """Build the pages and routes of a study, to be put behind a guard and below any path.

    Whoever has a personal link (``s/TOKEN``) answers that person's questions; there are no accounts, and no
    route shows votes or file names.

    Args:
        study: What is rated.
        key: See :func:`create_app`.
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
        exception_handlers={DataError: _explain, ValueError: _explain},
    )
    app.state.study, app.state.key = study, key
    return app


def _page(request: Request) -> Response:
    """The page, told where its files are: the study may lie below a path of a larger server."""
    text = (_STATIC / "index.html").read_text(encoding="utf-8")
    return HTMLResponse(text.replace('"/static/', f'"{request.scope.get("root_path", "")}/static/'))


def _study(request: Request) -> Response:
    study: Study = request.app.state.study
    settings = study.settings
    return JSONResponse(
        {
            "title": settings.title,
            "method": settings.method,
            "instructions": settings.instructions,
            "training": settings.training > 0,
            "breaks": settings.break_every > 0,
            "needs_key": request.app.state.key is not None,
        }
    )


async def _join(request: Request) -> Response:
    wish = _Join.model_validate_json(await _body(request))
    key = request.app.state.key
    if key is not None and not same_token(wish.key, key):
        return JSONResponse({"detail": "this study needs the key that is in its invitation link"}, 403)
    token = await run_in_threadpool(request.app.state.study.join, wish.name)
    return JSONResponse({"token": token}, 201)


def _session(request: Request) -> Response:
    study: Study = request.app.state.study
    return JSONResponse(_plain(study.state(request.path_params["token"])))


async def _screen(request: Request) -> Response:
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
        return JSONResponse({"detail": "the video of this question is gone; tell the organiser"}, 410)
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
    return JSONResponse({"detail": text}, 404 if missing else 400)
