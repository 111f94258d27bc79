"""What goes over the wire, checked and described for OpenAPI."""

from __future__ import annotations

import typing
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from sslvqa.maps import Palette
from sslvqa.scoring import ClipScore, MapRange, VideoScore
from sslvqa.web.models import SERVED

if TYPE_CHECKING:
    from sslvqa.hub import ModelCard
    from sslvqa.web.job import Job

__all__ = [
    "ErrorBody",
    "ExportRequest",
    "ExtraStatus",
    "FolderListing",
    "JobDetail",
    "JobList",
    "JobSummary",
    "MapStyle",
    "ModelInfo",
    "Moment",
    "PathsRequest",
    "QualityMapBody",
    "ScoreRecord",
    "ServerInfo",
    "SessionRequest",
    "job_summary",
    "model_info",
]

_HINTS = typing.get_type_hints(VideoScore)
_FIELDS: dict[str, Any] = {
    "schema_": (Literal[1], Field(alias="schema", description="Version of this form.")),
    **{item.name: (_HINTS[item.name], ...) for item in fields(VideoScore)},
    "worst": (ClipScore, Field(description="The entry of the timeline with the lowest score.")),
}
ScoreRecord: Any = create_model(
    "ScoreRecord",
    __doc__="Quality of one video: the record that `sslvqa score --format json` writes.",
    **_FIELDS,
)

Paths = Annotated[list[Annotated[str, Field(max_length=4096)]], Field(min_length=1, max_length=1000)]


class ErrorBody(BaseModel):
    """What went wrong, in one sentence."""

    detail: str


class Moment(BaseModel):
    """A stretch of the video."""

    start_seconds: float
    end_seconds: float
    score: float


class MapStyle(BaseModel):
    """How a map video is drawn; see :func:`sslvqa.quality_map`."""

    model_config = ConfigDict(extra="forbid")
    strength: float = Field(default=0.75, ge=0, le=1)
    palette: Palette = "red_blue"
    range: MapRange = "auto"


class ExtraStatus(BaseModel):
    """A quality map, a video of it, or a preview."""

    state: Literal["none", "waiting", "running", "ready", "failed", "gone"]
    progress: float
    error: str | None


class JobSummary(BaseModel):
    """One row of the table."""

    id: str
    name: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str = Field(description="starting, reading or scoring, while it runs")
    progress: float = Field(description="0..1")
    size_bytes: int
    uploaded: bool
    model: str = Field(description="key of the model, see /api/info")
    ticket: str = Field(description="what its upload gave as such")
    created: float = Field(description="Unix time")
    ended: float | None
    media: bool = Field(description="the video can be fetched")
    map: ExtraStatus
    map_video: ExtraStatus
    preview: ExtraStatus
    error: str | None
    error_type: str | None
    score: float | None = None
    low: float | None = None
    high: float | None = None
    q_r: float | None = None
    q_d: float | None = None
    spread: float | None = None
    worst: Moment | None = None
    duration_seconds: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    codec: str | None = None
    warnings: int = 0


class JobDetail(JobSummary):
    """A job with its whole score."""

    result: ScoreRecord | None


class JobList(BaseModel):
    """All jobs, oldest first."""

    jobs: list[JobSummary]


class PathsRequest(BaseModel):
    """Videos, or folders of videos, below the server's folder."""

    model_config = ConfigDict(extra="forbid")
    paths: Paths
    model: str = Field(default=SERVED, max_length=100, description="key of the model, see /api/info")


class ExportRequest(BaseModel):
    """Which scores, and how they are written."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["json", "csv"] = "json"
    windows: bool = Field(default=False, description="a CSV row for each window of the timeline")
    ids: list[Annotated[str, Field(max_length=64)]] | None = Field(
        default=None, max_length=100_000, description="of jobs; default: all"
    )


class SessionRequest(BaseModel):
    """The token, to be exchanged for a cookie."""

    token: str = Field(max_length=512)


class FolderListing(BaseModel):
    """What lies in one folder below the server's folder."""

    path: str
    folders: list[str]
    videos: list[str]


class QualityMapBody(BaseModel):
    """Local quality at a few moments, on coarse grids over the frame."""

    width: int
    height: int
    low: float
    high: float
    label: str
    times_seconds: list[float]
    levels: list[str] = Field(description="base64 of height*width bytes; 0 is `low`, 255 is `high`")
    coverage: float = Field(description="part of the pixels measured; the rest is interpolated")


class ModelInfo(BaseModel):
    """A model and its scale."""

    model: str
    description: str
    licence: str
    model_limits: list[str]
    scale_label: str
    scale_kind: str
    scale_minimum: float
    scale_maximum: float
    coverage: float | None


class ServerInfo(ModelInfo):
    """The model that the server was started with, all it can score with, and its limits."""

    version: str
    models: dict[str, ModelInfo] = Field(description="by the key that uploads and paths take")
    folder: bool
    teach: bool
    needs_token: bool
    max_upload_bytes: int
    max_duration_seconds: float
    max_side_px: int
    max_waiting: int
    keep_seconds: float
    suffixes: list[str]
    palettes: dict[str, list[tuple[int, int, int]]] = Field(description="RGB stops from low to high")


def model_info(card: ModelCard) -> ModelInfo:
    """What a page says of a model."""
    return ModelInfo(
        model=card.name,
        description=card.description,
        licence=card.licence,
        model_limits=list(card.limits),
        scale_label=card.scale.label,
        scale_kind=card.scale.kind,
        scale_minimum=card.scale.minimum,
        scale_maximum=card.scale.maximum,
        coverage=card.interval.coverage if card.interval else None,
    )


def job_summary(job: Job) -> dict[str, Any]:
    """A job as :class:`JobSummary` has it."""
    extras: dict[str, Any] = {
        name: {"state": extra.state, "progress": extra.progress, "error": extra.error}
        for name, extra in job.extras.items()
    }
    row = {
        "id": job.id,
        "name": job.name,
        "state": job.state,
        "stage": job.stage,
        "progress": job.progress,
        "size_bytes": job.size_bytes,
        "uploaded": job.uploaded,
        "model": job.model,
        "ticket": job.ticket,
        "created": job.created,
        "ended": job.ended,
        "media": job.has_media,
        "error": job.error,
        "error_type": job.error_type,
        **extras,
    }
    return row if job.result is None else row | _numbers(job.result)


def _numbers(result: dict[str, Any]) -> dict[str, Any]:
    interval = result["interval"] or {"low": None, "high": None}
    worst = result["worst"]
    return {
        **{key: result[key] for key in ("score", "q_r", "q_d", "spread")},
        **{key: interval[key] for key in ("low", "high")},
        **{key: result["video"][key] for key in ("duration_seconds", "width_px", "height_px", "codec")},
        "worst": {key: worst[key] for key in ("start_seconds", "end_seconds", "score")},
        "warnings": len(result["warnings"]),
    }
