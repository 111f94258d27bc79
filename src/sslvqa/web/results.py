"""What worker processes answer, checked: a file that has taken over a decoder may answer anything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError

from sslvqa.errors import UnreadableVideoError
from sslvqa.scoring import VideoScore
from sslvqa.web.grids import MapGrids
from sslvqa.web.preview import Preview
from sslvqa.web.schemas import MapStyle

__all__ = ["checked_result"]

_FEATURES = TypeAdapter(Annotated[list[FiniteFloat], Field(min_length=1, max_length=100_000)])
_RESULTS: dict[str, TypeAdapter[Any]] = {
    "score": TypeAdapter(VideoScore),
    "map": TypeAdapter(MapGrids),
    "map_video": TypeAdapter(MapStyle),
    "preview": TypeAdapter(Preview),
}


def checked_result(kind: str, result: dict[str, Any], *, name: str) -> dict[str, Any]:
    """Return a worker's result in its plain form.

    Args:
        kind: ``score``, ``map``, ``map_video``, ``preview``, or ``describe``: a score with ``features``.
        result: As the worker sent it.
        name: What the user calls the video.

    Raises:
        UnreadableVideoError: It is not of the promised form.
    """
    values = {key: value for key, value in result.items() if key not in {"schema", "worst"}}
    try:
        features = (
            {"features": _FEATURES.validate_python(values.pop("features"))} if kind == "describe" else {}
        )
        adapter = _RESULTS["score" if kind == "describe" else kind]
        value = adapter.validate_python(values)
    except (KeyError, ValidationError):
        raise UnreadableVideoError(f"{name}: the worker process sent a {kind} that makes no sense") from None
    if isinstance(value, VideoScore):
        return json.loads(replace(value, path=name).to_json()) | features  # type: ignore[no-any-return]
    plain: dict[str, Any] = adapter.dump_python(value, mode="json")
    return plain
