"""Adding videos: uploads, and files of the server's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request

from sslvqa.errors import ConfigError
from sslvqa.video import RawGeometry
from sslvqa.web.events import BusyError
from sslvqa.web.files import RAW_SUFFIXES, inside, safe_name, save_upload, videos_below
from sslvqa.web.job import Job
from sslvqa.web.models import SERVED
from sslvqa.web.routes.access import ERRORS, folder_of, queue_of
from sslvqa.web.schemas import JobList, JobSummary, PathsRequest, job_summary

__all__ = ["router"]

router = APIRouter(responses=ERRORS)


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
    model: Annotated[str, Query(max_length=100, description="key of the model, see /api/info")] = SERVED,
    ticket: Annotated[str, Query(max_length=64, description="given back in the job and its events")] = "",
) -> JobSummary:
    """Add one video; the body is the file itself. It is deleted when nobody used it for a while."""
    queue, shown = queue_of(request), safe_name(name)
    geometry = _geometry(shown, width=width, height=height, fps=fps, pixel_format=pixel_format)
    queue.models.source(model)
    queue.check_room()
    job_folder = queue.storage.new_folder()
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
        try:
            job = Job(
                id=job_folder.name,
                name=shown,
                source=target,
                folder=job_folder,
                uploaded=True,
                size_bytes=size,
                model=model,
                geometry=geometry,
                ticket=ticket,
            )
            await queue.add(job)
        except BusyError:
            queue.storage.free(size)
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
    queue, root = queue_of(request), folder_of(request)
    queue.models.source(body.model)
    found = dict.fromkeys(file for given in body.paths for file in videos_below(root, given))
    jobs = []
    for file in found:
        real = inside(root, str(file))
        shown = real.relative_to(root.resolve()).as_posix()
        geometry = _geometry(shown, width=None, height=None, fps=25.0, pixel_format="yuv420p")
        job_folder = queue.storage.folder_to_come()  # its first task makes it
        job = Job(
            id=job_folder.name,
            name=shown,
            source=real,
            folder=job_folder,
            uploaded=False,
            size_bytes=real.stat().st_size,
            model=body.model,
            geometry=geometry,
        )
        jobs.append(job)
    await queue.add(*jobs)
    return JobList(jobs=[JobSummary.model_validate(job_summary(job)) for job in jobs])


def _geometry(
    name: str, *, width: int | None, height: int | None, fps: float, pixel_format: str
) -> RawGeometry | None:
    if Path(name).suffix.lower() not in RAW_SUFFIXES:
        return None
    if width is None or height is None:
        raise ConfigError(f"{name}: a headerless file; its width, height, fps and pixel_format are needed")
    return RawGeometry(width_px=width, height_px=height, fps=fps, pixel_format=pixel_format)
