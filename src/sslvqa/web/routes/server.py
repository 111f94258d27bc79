"""The server: who may come in, what it scores with, its folder, its numbers."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from sslvqa import __version__
from sslvqa.maps import PALETTES
from sslvqa.web.files import RAW_SUFFIXES, list_folder
from sslvqa.web.guard import COOKIE, same_token
from sslvqa.web.metrics import CONTENT_TYPE
from sslvqa.web.models import SERVED
from sslvqa.web.routes.access import ERRORS, folder_of, queue_of, settings_of
from sslvqa.web.schemas import FolderListing, ServerInfo, SessionRequest, model_info

__all__ = ["metrics_router", "router"]

metrics_router = APIRouter()
router = APIRouter(responses=ERRORS)


@router.post("/session", status_code=204)
async def session(body: SessionRequest, request: Request) -> Response:
    """Exchange the token for a cookie, so that the page can load media."""
    token = settings_of(request).token
    if token is None or not same_token(body.token, token):
        raise HTTPException(401, "wrong token")
    response = Response(status_code=204)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure)
    return response


@router.get("/info")
async def info(request: Request) -> ServerInfo:
    """The models, their scales and the limits of this server."""
    settings = settings_of(request)
    models = {key: model_info(card) for key, card in queue_of(request).models.cards.items()}
    return ServerInfo(
        **models[SERVED].model_dump(),
        version=__version__,
        models=models,
        folder=settings.folder is not None,
        teach=settings.teach is not None,
        needs_token=settings.token is not None,
        max_upload_bytes=settings.max_upload_bytes,
        max_duration_seconds=settings.max_duration_seconds,
        max_side_px=settings.max_side_px,
        max_waiting=settings.max_waiting,
        keep_seconds=settings.keep_seconds,
        suffixes=sorted(RAW_SUFFIXES),
        palettes={name: list(stops) for name, stops in PALETTES.items()},
    )


@router.get("/folder")
async def folder(request: Request, path: str = "") -> FolderListing:
    """Look into the server's folder."""
    shown, folders, videos = list_folder(folder_of(request), path)
    return FolderListing(path=shown, folders=folders, videos=videos)


@metrics_router.get("/metrics", responses=ERRORS, response_class=Response)
async def metrics(request: Request) -> Response:
    """Queue, jobs, times, bytes and crashes in the text format of Prometheus."""
    return Response(queue_of(request).metrics.text(), media_type=CONTENT_TYPE)
