"""Jobs: their states, their scores, how to stop them, and the exports of all."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from sslvqa.scoring.batch import FailedScore
from sslvqa.scoring.rows import RowWriter
from sslvqa.web.routes.access import ERRORS, JobId, job_of, queue_of
from sslvqa.web.schemas import ExportRequest, JobDetail, JobList, JobSummary, ScoreRecord, job_summary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sslvqa.web.job import Job

__all__ = ["router"]

router = APIRouter(responses=ERRORS)


@router.get("/jobs")
async def jobs(request: Request) -> JobList:
    """All jobs, oldest first."""
    found = [job_summary(job) for job in queue_of(request).jobs.values()]
    return JobList(jobs=[JobSummary.model_validate(item) for item in found])


@router.get("/jobs/{job_id}", response_model=JobDetail)
async def job_detail(job_id: JobId, request: Request) -> JSONResponse:
    """One job with its whole score."""
    job = job_of(request, job_id)
    return JSONResponse({**job_summary(job), "result": job.result})


@router.get("/jobs/{job_id}/result", response_model=ScoreRecord)
async def job_result(job_id: JobId, request: Request) -> Response:
    """The score as ``sslvqa score --format json`` writes it."""
    job = job_of(request, job_id)
    if job.result is None:
        raise HTTPException(409, job.error or f"{job.name}: no score, the job is {job.state}")
    return JSONResponse(job.result)


@router.post("/jobs/{job_id}/cancel")
async def cancel(job_id: JobId, request: Request) -> JobSummary:
    """Stop a job; a running one loses its worker process."""
    job = job_of(request, job_id)
    await queue_of(request).cancel(job)
    return JobSummary.model_validate(job_summary(job))


@router.delete("/jobs/{job_id}", status_code=204)
async def remove(job_id: JobId, request: Request) -> Response:
    """Cancel a job if it is active, and delete it with its files."""
    await queue_of(request).remove(job_of(request, job_id))
    return Response(status_code=204)


@router.get("/events", response_class=StreamingResponse)
async def events(request: Request) -> StreamingResponse:
    """Server-sent events: ``{"jobs": [...]}`` once, then ``{"job": {...}}`` and ``{"removed": id}``."""
    messages = queue_of(request).listen()
    first = await anext(messages)

    async def lines() -> AsyncIterator[str]:
        yield f"retry: 2000\ndata: {json.dumps(first)}\n\n"
        async for message in messages:
            yield ": still here\n\n" if message is None else f"data: {json.dumps(message)}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


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
    return _exported(request, kind, windows=windows, ids=None if ids is None else ids.split(","))


@router.post("/export")
async def export_some(body: ExportRequest, request: Request) -> Response:
    """The same; an address has no room for many ids, a body has."""
    return _exported(request, body.format, windows=body.windows, ids=body.ids)


def _exported(
    request: Request, kind: Literal["json", "csv"], *, windows: bool, ids: list[str] | None
) -> Response:
    wanted = None if ids is None else set(ids)
    records = [
        _record(job)
        for job in queue_of(request).jobs.values()
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
