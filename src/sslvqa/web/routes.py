"""What the service can be asked: the routes below ``/api``."""

from __future__ import annotations

import io
import json
import mimetypes
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from sslvqa import __version__
from sslvqa.errors import ConfigError, VideoNotFoundError
from sslvqa.scoring.batch import FailedScore
from sslvqa.scoring.rows import RowWriter
from sslvqa.video import RawGeometry
from sslvqa.web.files import RAW_SUFFIXES, inside, list_folder, safe_name, save_upload, videos_below
from sslvqa.web.guard import COOKIE, same_token
from sslvqa.web.jobs import BusyError, Job
from sslvqa.web.schemas import (
    ErrorBody,
    FolderListing,
    JobDetail,
    JobList,
    JobSummary,
    PathsRequest,
    QualityMapBody,
    ScoreRecord,
    ServerInfo,
    SessionRequest,
    job_summary,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sslvqa.hub import ModelCard
    from sslvqa.web.jobs import JobQueue
    from sslvqa.web.settings import ServeSettings

__all__ = ["router"]

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 403, 404, 409, 413, 422, 503)
}
router = APIRouter(responses=_ERRORS)

JobId = Annotated[str, "hexadecimal id of a job"]


def _queue(request: Request) -> JobQueue:
    return cast("JobQueue", request.app.state.queue)


def _settings(request: Request) -> ServeSettings:
    return cast("ServeSettings", request.app.state.settings)


def _job(request: Request, job_id: str) -> Job:
    job = _queue(request).jobs.get(job_id)
    if job is None:
        raise HTTPException(404, "no such video; it may have been removed")
    return job


# --- the server


@router.post("/session", status_code=204)
async def session(body: SessionRequest, request: Request) -> Response:
    """Exchange the token for a cookie, so that the page can load media."""
    token = _settings(request).token
    if token is None or not same_token(body.token, token):
        raise HTTPException(401, "wrong token")
    response = Response(status_code=204)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure)
    return response


@router.get("/info")
async def info(request: Request) -> ServerInfo:
    """The model, its scale and the limits of this server."""
    settings = _settings(request)
    card = cast("ModelCard", request.app.state.card)
    return ServerInfo(
        version=__version__,
        model=card.name,
        description=card.description,
        licence=card.licence,
        model_limits=list(card.limits),
        scale_label=card.scale.label,
        scale_kind=card.scale.kind,
        scale_minimum=card.scale.minimum,
        scale_maximum=card.scale.maximum,
        coverage=card.interval.coverage if card.interval else None,
        folder=settings.folder is not None,
        needs_token=settings.token is not None,
        max_upload_bytes=settings.max_upload_bytes,
        max_duration_seconds=settings.max_duration_seconds,
        max_side_px=settings.max_side_px,
        max_waiting=settings.max_waiting,
        keep_seconds=settings.keep_seconds,
        suffixes=sorted(RAW_SUFFIXES),
    )


@router.get("/folder")
async def folder(request: Request, path: str = "") -> FolderListing:
    """Look into the server's folder."""
    shown, folders, videos = list_folder(_folder(request), path)
    return FolderListing(path=shown, folders=folders, videos=videos)


def _folder(request: Request) -> Path:
    found = _settings(request).folder
    if found is None:
        raise VideoNotFoundError("this server offers no folder; start it with --folder DIR")
    return found


# --- adding videos


@router.post(
    "/uploads",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload(
    request: Request,
    *,
    name: Annotated[str, Query(max_length=1000, description="the file's name")],
    width: Annotated[int | None, Query(description="of a headerless file, in px")] = None,
    height: Annotated[int | None, Query(description="of a headerless file, in px")] = None,
    fps: float = 25.0,
    pixel_format: Annotated[str, Query(max_length=40)] = "yuv420p",
) -> JobSummary:
    """Add one video; the body is the file itself. It is deleted when nobody used it for a while."""
    queue, shown = _queue(request), safe_name(name)
    geometry = _geometry(shown, width=width, height=height, fps=fps, pixel_format=pixel_format)
    queue.check_room()
    job_folder = queue.new_folder()
    target = job_folder / "upload"
    length = request.headers.get("content-length", "")
    try:
        size = await save_upload(
            target,
            request.stream(),
            queue=queue,
            announced=int(length) if length.isascii() and length.isdigit() else None,
            name=shown,
        )
        job = Job(job_folder.name, shown, target, job_folder, True, size, geometry)  # noqa: FBT003 - fields
        try:
            await queue.add(job)
        except BusyError:
            queue.free_disk(size)
            target.unlink(missing_ok=True)
            raise
    except BaseException:
        if not target.exists():
            job_folder.rmdir()
        raise
    return JobSummary.model_validate(job_summary(job))


@router.post("/paths", status_code=201)
async def add_paths(body: PathsRequest, request: Request) -> JobList:
    """Add videos, or all videos of folders, below the server's folder; none is added when one is refused."""
    queue, root = _queue(request), _folder(request)
    found = dict.fromkeys(file for given in body.paths for file in videos_below(root, given))
    added = []
    for file in found:
        real = inside(root, str(file))
        job_folder = queue.new_folder()
        shown = real.relative_to(root.resolve()).as_posix()
        geometry = _geometry(shown, width=None, height=None, fps=25.0, pixel_format="yuv420p")
        job = Job(job_folder.name, shown, real, job_folder, False, real.stat().st_size, geometry)  # noqa: FBT003
        await queue.add(job)
        added.append(job_summary(job))
    return JobList(jobs=[JobSummary.model_validate(item) for item in added])


def _geometry(
    name: str, *, width: int | None, height: int | None, fps: float, pixel_format: str
) -> RawGeometry | None:
    if Path(name).suffix.lower() not in RAW_SUFFIXES:
        return None
    if width is None or height is None:
        raise ConfigError(f"{name}: a headerless file; its width, height, fps and pixel_format are needed")
    return RawGeometry(width_px=width, height_px=height, fps=fps, pixel_format=pixel_format)


# --- jobs


@router.get("/jobs")
async def jobs(request: Request) -> JobList:
    """All jobs, oldest first."""
    found = [job_summary(job) for job in _queue(request).jobs.values()]
    return JobList(jobs=[JobSummary.model_validate(item) for item in found])


@router.get("/jobs/{job_id}", response_model=JobDetail)
async def job_detail(job_id: JobId, request: Request) -> JSONResponse:
    """One job with its whole score."""
    job = _job(request, job_id)
    return JSONResponse({**job_summary(job), "result": job.result})


@router.get("/jobs/{job_id}/result", response_model=ScoreRecord)
async def job_result(job_id: JobId, request: Request) -> Response:
    """The score as ``sslvqa score --format json`` writes it."""
    job = _job(request, job_id)
    if job.result is None:
        raise HTTPException(409, job.error or f"{job.name}: no score, the job is {job.state}")
    return JSONResponse(job.result)


@router.post("/jobs/{job_id}/cancel")
async def cancel(job_id: JobId, request: Request) -> JobSummary:
    """Stop a job; a running one loses its worker process."""
    job = _job(request, job_id)
    await _queue(request).cancel(job)
    return JobSummary.model_validate(job_summary(job))


@router.delete("/jobs/{job_id}", status_code=204)
async def remove(job_id: JobId, request: Request) -> Response:
    """Cancel a job if it is active, and delete it with its files."""
    await _queue(request).remove(_job(request, job_id))
    return Response(status_code=204)


@router.get("/events", response_class=StreamingResponse)
async def events(request: Request) -> StreamingResponse:
    """Server-sent events: ``{"jobs": [...]}`` once, then ``{"job": {...}}`` and ``{"removed": id}``."""
    messages = _queue(request).listen()
    first = await anext(messages)

    async def lines() -> AsyncIterator[str]:
        yield f"retry: 2000\ndata: {json.dumps(first)}\n\n"
        async for message in messages:
            yield ": still here\n\n" if message is None else f"data: {json.dumps(message)}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


# --- media, maps, previews


@router.get("/jobs/{job_id}/media", response_class=FileResponse)
async def media(job_id: JobId, request: Request) -> FileResponse:
    """The video itself; byte ranges are served."""
    job = _job(request, job_id)
    if not job.uploaded:
        inside(_folder(request), str(job.source))
    return _file(job, job.source, mimetypes.guess_type(job.name)[0])


@router.post("/jobs/{job_id}/preview", status_code=202)
async def make_preview(job_id: JobId, request: Request) -> JobSummary:
    """Have a small H.264 copy made, for browsers that cannot play the video."""
    return await _request_extra(request, job_id, "preview")


@router.get("/jobs/{job_id}/preview", response_class=FileResponse)
async def preview(job_id: JobId, request: Request) -> FileResponse:
    """The small copy; byte ranges are served."""
    job = _ready(request, job_id, "preview")
    return _file(job, job.folder / "preview.mp4", "video/mp4")


@router.post("/jobs/{job_id}/map", status_code=202)
async def make_map(job_id: JobId, request: Request) -> JobSummary:
    """Have the quality map measured."""
    return await _request_extra(request, job_id, "map")


@router.get("/jobs/{job_id}/map", response_model=QualityMapBody)
async def quality_map(job_id: JobId, request: Request) -> JSONResponse:
    """The quality map on coarse grids."""
    return JSONResponse(_ready(request, job_id, "map").extras["map"].result)


@router.get("/jobs/{job_id}/map.png", response_class=FileResponse)
async def map_strip(job_id: JobId, request: Request) -> FileResponse:
    """A picture of a few frames and their maps."""
    job = _ready(request, job_id, "map")
    return _file(job, job.folder / "map.png", "image/png")


async def _request_extra(request: Request, job_id: str, kind: Literal["map", "preview"]) -> JobSummary:
    job = _job(request, job_id)
    if job.result is None:
        raise HTTPException(409, f"{job.name}: there is no score yet; the job is {job.state}")
    if not job.has_media:
        raise HTTPException(409, f"{job.name}: the upload was deleted; add the video again")
    await _queue(request).request(job, kind)
    return JobSummary.model_validate(job_summary(job))


def _ready(request: Request, job_id: str, kind: str) -> Job:
    job = _job(request, job_id)
    extra = job.extras[kind]
    if extra.state != "ready":
        raise HTTPException(409, extra.error or f"{job.name}: no {kind}; it is {extra.state}; ask with POST")
    return job


def _file(job: Job, path: Path, kind: str | None) -> FileResponse:
    if not path.is_file():
        raise HTTPException(404, f"{job.name}: the file was deleted from the server")
    job.used = time.monotonic()
    shown = kind if kind is not None and kind.startswith(("video/", "image/")) else "application/octet-stream"
    return FileResponse(path, media_type="application/octet-stream" if "svg" in shown else shown)


# --- exports


@router.get("/export")
async def export(
    request: Request,
    kind: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    windows: Annotated[bool, Query(description="a CSV row for each window of the timeline")] = False,  # noqa: FBT002
    ids: Annotated[
        str | None, Query(description="comma-separated jobs; default: all", max_length=100_000)
    ] = None,
) -> Response:
    """Scores and failures as ``sslvqa score`` writes them."""
    wanted = None if ids is None else set(ids.split(","))
    records = [
        _record(job)
        for job in _queue(request).jobs.values()
        if (wanted is None or job.id in wanted) and (job.result is not None or job.error is not None)
    ]
    disposition = {"Content-Disposition": f'attachment; filename="sslvqa-scores.{kind}"'}
    if kind == "json":
        return JSONResponse(records, headers=disposition)
    stream = io.StringIO(newline="")
    writer = RowWriter(stream, windows=windows)
    for record in records:
        writer.write(record)
    return Response(stream.getvalue(), media_type="text/csv; charset=utf-8", headers=disposition)


def _record(job: Job) -> dict[str, Any]:
    if job.result is not None:
        return job.result
    return FailedScore(job.name, job.error or job.state, job.error_type or "Error").to_dict()
