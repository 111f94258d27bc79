"""What a page shows of a video: the video itself, its quality map, a preview."""

from __future__ import annotations

import mimetypes
import time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse

from sslvqa.web.files import inside
from sslvqa.web.routes.access import ERRORS, JobId, folder_of, job_of, queue_of
from sslvqa.web.schemas import JobSummary, MapStyle, QualityMapBody, job_summary

if TYPE_CHECKING:
    from pathlib import Path

    from sslvqa.web.job import ExtraKind, Job

__all__ = ["router"]

router = APIRouter(responses=ERRORS)


@router.get("/jobs/{job_id}/media", response_class=FileResponse)
async def media(job_id: JobId, request: Request) -> FileResponse:
    """The video itself; byte ranges are served."""
    job = job_of(request, job_id)
    if not job.uploaded:
        inside(folder_of(request), str(job.source))
    return _file(job, job.source, mimetypes.guess_type(job.name)[0])


@router.post("/jobs/{job_id}/preview", status_code=202)
async def make_preview(job_id: JobId, request: Request) -> JobSummary:
    """Have a small H.264 copy made, for browsers that cannot play the video."""
    return await _request_extra(request, job_id, "preview", {})


@router.get("/jobs/{job_id}/preview", response_class=FileResponse)
async def preview(job_id: JobId, request: Request) -> FileResponse:
    """The small copy; byte ranges are served."""
    job = _ready(request, job_id, "preview")
    return _file(job, job.folder / "preview.mp4", "video/mp4")


@router.post("/jobs/{job_id}/map", status_code=202)
async def make_map(job_id: JobId, request: Request) -> JobSummary:
    """Have the quality map measured."""
    return await _request_extra(request, job_id, "map", {})


@router.get("/jobs/{job_id}/map", response_model=QualityMapBody)
async def quality_map(job_id: JobId, request: Request) -> JSONResponse:
    """The quality map on coarse grids."""
    return JSONResponse(_ready(request, job_id, "map").extras["map"].result)


@router.get("/jobs/{job_id}/map.png", response_class=FileResponse)
async def map_strip(job_id: JobId, request: Request) -> FileResponse:
    """A picture of a few frames and their maps."""
    job = _ready(request, job_id, "map")
    return _file(job, job.folder / "map.png", "image/png")


@router.post("/jobs/{job_id}/map/video", status_code=202)
async def make_map_video(job_id: JobId, body: MapStyle, request: Request) -> JobSummary:
    """Have the quality map drawn over the whole video, in its resolution, with its scale beside it."""
    return await _request_extra(request, job_id, "map_video", body.model_dump())


@router.get("/jobs/{job_id}/map.mp4", response_class=FileResponse)
async def map_video(job_id: JobId, request: Request) -> FileResponse:
    """The map video; byte ranges are served."""
    job = _ready(request, job_id, "map_video")
    return _file(job, job.folder / "map.mp4", "video/mp4")


async def _request_extra(
    request: Request, job_id: str, kind: ExtraKind, options: dict[str, Any]
) -> JobSummary:
    job = job_of(request, job_id)
    if job.result is None:
        raise HTTPException(409, f"{job.name}: there is no score yet; the job is {job.state}")
    if not job.has_media:
        raise HTTPException(409, f"{job.name}: the upload was deleted; add the video again")
    await queue_of(request).request(job, kind, options)
    return JobSummary.model_validate(job_summary(job))


def _ready(request: Request, job_id: str, kind: ExtraKind) -> Job:
    job = job_of(request, job_id)
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
