"""What every route asks first: the server's parts, the job that is meant, the folder that may be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import HTTPException, Request

from sslvqa.errors import VideoNotFoundError
from sslvqa.web.schemas import ErrorBody

if TYPE_CHECKING:
    from pathlib import Path

    from sslvqa.web.job import Job
    from sslvqa.web.queue import JobQueue
    from sslvqa.web.settings import ServeSettings

__all__ = ["ERRORS", "JobId", "folder_of", "job_of", "queue_of", "settings_of"]

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 403, 404, 409, 413, 422, 503)
}
"""What a route may answer with, for OpenAPI."""

JobId = Annotated[str, "hexadecimal id of a job"]


def queue_of(request: Request) -> JobQueue:
    """The server's queue."""
    return cast("JobQueue", request.app.state.queue)


def settings_of(request: Request) -> ServeSettings:
    """The server's settings."""
    return cast("ServeSettings", request.app.state.settings)


def job_of(request: Request, job_id: str) -> Job:
    """The job of this id; answers with 404 when there is none."""
    job = queue_of(request).jobs.get(job_id)
    if job is None:
        raise HTTPException(404, "no such video; it may have been removed")
    return job


def folder_of(request: Request) -> Path:
    """The folder that the server offers.

    Raises:
        VideoNotFoundError: It offers none.
    """
    found = settings_of(request).folder
    if found is None:
        raise VideoNotFoundError("this server offers no folder; start it with --folder DIR")
    return found
