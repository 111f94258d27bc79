"""The application: pages, jobs, and the checks in front of them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from sslvqa import __version__
from sslvqa.errors import ConfigError, SslvqaError, VideoLimitError, VideoNotFoundError
from sslvqa.web.events import BusyError
from sslvqa.web.guard import RequestGuard
from sslvqa.web.models import Models
from sslvqa.web.queue import JobQueue
from sslvqa.web.routes import metrics_router, router
from sslvqa.web.teach.pages import PREFIX, StudyPages
from sslvqa.web.teach.routes import router as teach_router
from sslvqa.web.teach.teacher import Teacher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sslvqa.web.settings import ServeSettings

__all__ = ["Application", "create_app"]

_STATIC = Path(__file__).parent / "static"
_STATUS: tuple[tuple[type[SslvqaError], int], ...] = (
    (BusyError, 503),
    (VideoLimitError, 413),
    (VideoNotFoundError, 404),
    (ConfigError, 422),
    (SslvqaError, 400),
)


class Application(RequestGuard):
    """The ASGI application: the routes behind their guard."""

    def end_streams(self) -> None:
        """End the event streams, so that a server can close."""
        queue = getattr(getattr(self.app, "state", None), "queue", None)
        if queue is not None:
            queue.events.end()


def create_app(settings: ServeSettings, *, worker_command: Sequence[str] | None = None) -> Application:
    """Build the ASGI application.

    Args:
        settings: Model, limits, who may come in.
        worker_command: What to start as a worker instead of :data:`sslvqa.web.worker.COMMAND`, for tests.

    Raises:
        ModelError: There is no such model.
    """
    models = Models(settings.model)

    teacher = None if settings.teach is None else Teacher(settings, models, worker_command=worker_command)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        queue = app.state.queue = JobQueue(settings, models, command=worker_command)
        teaching = contextlib.nullcontext() if teacher is None else teacher.running(queue.metrics)
        async with queue.running(), teaching:
            yield

    app = FastAPI(
        title="sslvqa",
        version=__version__,
        summary="No-reference video quality: upload a video, get its score, timeline and quality map.",
        docs_url=None,  # FastAPI's own pages load scripts from a CDN
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings, app.state.teacher = settings, teacher
    app.include_router(router, prefix="/api")
    app.include_router(teach_router, prefix="/api")
    app.include_router(metrics_router)
    app.add_exception_handler(SslvqaError, _explain)
    app.add_api_route("/", _page, include_in_schema=False, methods=["GET", "HEAD"])
    if teacher is not None:
        app.mount(PREFIX, StudyPages(teacher.folder, token=settings.token), name="rate")
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    return Application(app, token=settings.token, hosts=settings.hosts)


def _page() -> FileResponse:
    return FileResponse(_STATIC / "index.html", headers={"Cache-Control": "no-cache"})


def _explain(_request: Request, error: Exception) -> Response:
    """One sentence for the user, and the status that fits."""
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    headers = {"Retry-After": "5"} if status == 503 else None
    return JSONResponse({"detail": str(error)}, status_code=status, headers=headers)
