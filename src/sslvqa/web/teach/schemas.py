"""What teaching says and takes over the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sslvqa.web.models import SERVED
from sslvqa.web.schemas import Paths

__all__ = [
    "ActivityState",
    "ChooseRequest",
    "RatingsRequest",
    "RunRequest",
    "RunRow",
    "StudyRequest",
    "StudyRow",
    "TeachState",
    "TeachVideo",
    "TeachVideos",
]

_Strategy = Literal["random", "diverse", "doubt", "both"]
_Name = Annotated[str, Field(max_length=4096)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChooseRequest(_Request):
    """Choose videos to rate."""

    count: int = Field(default=20, ge=1, le=10_000)
    strategy: _Strategy = "diverse"
    model: str = Field(default=SERVED, max_length=100)
    seed: int = Field(default=0, ge=0)


class StudyRequest(_Request):
    """Make a study."""

    videos: Paths
    method: Literal["acr5", "acr100", "pair"] = "acr5"
    high: list[_Name] = Field(default=[], max_length=20, description="anchors that are plainly good")
    low: list[_Name] = Field(default=[], max_length=20, description="anchors that are plainly bad")
    title: str = Field(default="Video quality", min_length=1, max_length=120)
    instructions: str = Field(default="", max_length=4000)
    per_person: int | None = Field(default=None, ge=1, description="questions; default as many as videos")
    training: int = Field(default=3, ge=0, le=20, description="at most as many as there are videos")
    repeats: int = Field(default=3, ge=0, le=20, description="at most half as many as there are videos")
    break_every: int = Field(default=25, ge=0, description="questions between two breaks; 0: none")


class RatingsRequest(_Request):
    """Turn votes into ratings."""

    leave_out_flagged: bool = False


class RunRequest(_Request):
    """Train."""

    model: str = Field(default=SERVED, max_length=100, description="to start from")
    epochs: int | None = Field(default=None, ge=1, le=10_000, description="passes over the rated videos")


class TeachVideo(BaseModel):
    """A video that can be rated."""

    name: str
    study: str | None = Field(description="the last one that asks for it")
    votes: int
    rating: float | None
    rank: int | None = Field(description="in the last choice, 1 is the most useful")
    predicted: float | None = Field(description="the model's score, where the choice needed it")
    doubt: float | None = Field(description="of the model, in (0, 1]")


class TeachVideos(BaseModel):
    """All videos of the folder that browsers play."""

    videos: list[TeachVideo]


class StudyRow(BaseModel):
    """A study."""

    name: str
    title: str
    method: str
    videos: int
    questions: int = Field(description="that one person gets, without training, repeats and anchors")
    votes: int
    fewest: int = Field(description="votes of the video that has the fewest")
    persons: int = Field(description="who have voted")
    flagged: dict[str, list[str]] = Field(description="persons whose votes should be looked at, and why")
    invitation: str = Field(description="path of the page to send to raters")


class RunRow(BaseModel):
    """A training run."""

    name: str
    state: Literal["running", "stopped", "failed", "done"]
    step: int
    steps: int | None
    losses: list[float]
    error: str | None
    model: str | None = Field(description="key of its model, see /api/info")


class ActivityState(BaseModel):
    """What the server does, or how it ended."""

    kind: Literal["choosing", "training"]
    run: str | None
    done: int
    total: int
    ended: bool
    stopping: bool
    error: str | None
    failed: dict[str, str] = Field(description="videos that could not be used, and why")


class TeachState(BaseModel):
    """Where the loop is."""

    activity: ActivityState | None
    choices: int = Field(description="made since the server started; the videos' ranks are those of the last")
    studies: list[StudyRow]
    method: str | None = Field(description="how the studies ask; all ask alike")
    ratings: dict[str, Any] | None = Field(description="as sslvqa votes reports them")
    runs: list[RunRow]
    can_train: bool = Field(description="the server knows pristine videos")
