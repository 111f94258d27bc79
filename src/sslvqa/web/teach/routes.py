"""What teaching can be asked: the routes below ``/api/teach``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response

from sslvqa.rate import StudySettings
from sslvqa.web.routes.access import ERRORS, settings_of
from sslvqa.web.teach.pages import invitation
from sslvqa.web.teach.schemas import (
    ActivityState,
    ChooseRequest,
    RatingsRequest,
    RunRequest,
    RunRow,
    StudyRequest,
    StudyRow,
    TeachState,
    TeachVideo,
    TeachVideos,
)

if TYPE_CHECKING:
    from sslvqa.web.teach.runs import RunFacts
    from sslvqa.web.teach.teacher import Teacher

__all__ = ["router"]

router = APIRouter(prefix="/teach", responses=ERRORS)


def _teacher(request: Request) -> Teacher:
    teacher = request.app.state.teacher
    if teacher is None:
        raise HTTPException(404, "this server does not teach; start it with --folder DIR --teach DIR")
    return cast("Teacher", teacher)


@router.get("")
def state(request: Request) -> TeachState:
    """Studies, ratings, training runs, and what goes on."""
    teacher, token = _teacher(request), settings_of(request).token
    studies = [_study_row(teacher, name, token) for name in teacher.folder.studies()]
    active = teacher.activity
    return TeachState(
        activity=None if active is None else ActivityState.model_validate(active, from_attributes=True),
        choices=teacher.choices,
        studies=studies,
        method=teacher.folder.method(),
        ratings=teacher.folder.report(),
        runs=[_run_row(teacher, run) for run in teacher.runs()],
        can_train=teacher.settings.pristine is not None,
    )


@router.get("/videos")
def videos(request: Request) -> TeachVideos:
    """The videos of the folder, with what is known of them."""
    teacher = _teacher(request)
    folder, ratings = teacher.folder, teacher.folder.ratings()
    facts = {name: folder.facts(name) for name in folder.studies()}
    asked = {video: name for name, item in facts.items() for video in item.videos}
    chosen = {row["path"]: row for row in teacher.choice}
    return TeachVideos(
        videos=[
            TeachVideo(
                name=name,
                study=asked.get(name),
                votes=sum(item.votes[name] for item in facts.values()),
                rating=ratings.get(name),
                rank=chosen.get(name, {}).get("rank"),
                predicted=_number(chosen.get(name, {}), "predicted"),
                doubt=_number(chosen.get(name, {}), "doubt"),
            )
            for name in folder.videos()
        ]
    )


@router.post("/choose", status_code=202)
async def choose(body: ChooseRequest, request: Request) -> Response:
    """Begin to choose; the list is in the ranks of the videos when the activity has ended."""
    _teacher(request).choose(count=body.count, strategy=body.strategy, model=body.model, seed=body.seed)
    return Response(status_code=202)


@router.post("/studies", status_code=201)
def create_study(body: StudyRequest, request: Request) -> StudyRow:
    """Make a study of videos; its invitation is a path of this server."""
    teacher = _teacher(request)
    settings = StudySettings(**body.model_dump(exclude={"videos", "high", "low"}))
    name = teacher.folder.create_study(body.videos, settings, high=body.high, low=body.low)
    teacher.choice = []
    return _study_row(teacher, name, settings_of(request).token)


@router.get("/studies/{name}/votes.csv", response_class=FileResponse)
def votes(name: str, request: Request) -> FileResponse:
    """The votes of a study so far, as ``sslvqa rate export`` writes them."""
    table = _teacher(request).folder.write_votes(name)
    return FileResponse(table, media_type="text/csv; charset=utf-8", filename=table.name)


@router.get("/ratings.csv", response_class=FileResponse)
def ratings(request: Request) -> FileResponse:
    """The ratings, as ``sslvqa votes`` writes them."""
    table = _teacher(request).folder.path / "ratings.csv"
    if not table.is_file():
        raise HTTPException(404, "there are no ratings yet; turn the votes into ratings first")
    return FileResponse(table, media_type="text/csv; charset=utf-8", filename=table.name)


@router.post("/ratings")
def rate(body: RatingsRequest, request: Request) -> dict[str, Any]:
    """Turn all votes so far into ratings; answers with the report of ``sslvqa votes``."""
    return _teacher(request).folder.rate(leave_out_flagged=body.leave_out_flagged)


@router.post("/runs", status_code=201)
async def train(body: RunRequest, request: Request) -> RunRow:
    """Begin to train on the ratings, from one of the server's models."""
    teacher = _teacher(request)
    name = teacher.train(model=body.model, epochs=body.epochs)
    return next(_run_row(teacher, run) for run in teacher.runs() if run.name == name)


@router.post("/runs/{name}/resume", status_code=202)
async def resume(name: str, request: Request) -> Response:
    """Continue a training that was stopped; the result is that of an unbroken one."""
    _teacher(request).resume(name)
    return Response(status_code=202)


@router.post("/cancel", status_code=202)
async def cancel(request: Request) -> Response:
    """Stop the choosing, or the training after its step; asked twice, the training at once."""
    _teacher(request).cancel()
    return Response(status_code=202)


def _study_row(teacher: Teacher, name: str, token: str | None) -> StudyRow:
    facts = teacher.folder.facts(name)
    return StudyRow(
        name=name,
        title=facts.settings.title,
        method=facts.settings.method,
        videos=len(facts.videos),
        questions=min(facts.settings.per_person or len(facts.videos), len(facts.videos)),
        votes=facts.answers,
        fewest=min(facts.votes[video] for video in facts.videos),
        persons=len(facts.checks),
        flagged={check.rater: list(check.reasons) for check in facts.checks if check.reasons},
        invitation=invitation(name, token),
    )


def _run_row(teacher: Teacher, run: RunFacts) -> RunRow:
    offered = run.name if run.name in teacher.models.cards else None
    return RunRow(
        name=run.name,
        state=run.state,
        step=run.step,
        steps=run.steps,
        losses=list(run.losses),
        error=run.error,
        model=offered,
    )


def _number(row: dict[str, Any], key: str) -> float | None:
    return float(row[key]) if row.get(key) else None
