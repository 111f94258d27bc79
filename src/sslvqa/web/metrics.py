"""What a monitoring system wants to know, in the text format of Prometheus."""

from __future__ import annotations

import typing
from functools import partial
from typing import TYPE_CHECKING, Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from sslvqa.web.job import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CONTENT_TYPE", "ServerMetrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SCORE_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class ServerMetrics:
    """Counters of one server, and gauges that look at it when they are asked for.

    Args:
        waiting: How many tasks wait.
        running: How many tasks a worker has.
        jobs: How many jobs there are, by state.
        disk: How many bytes lie on the disk.
    """

    def __init__(
        self,
        *,
        waiting: Callable[[], float],
        running: Callable[[], float],
        jobs: Callable[[], Mapping[str, int]],
        disk: Callable[[], float],
    ) -> None:
        self._registry = registry = CollectorRegistry()
        self._tasks = Counter("sslvqa_tasks", "Tasks that ended.", ["kind", "outcome"], registry=registry)
        self._score_seconds = Histogram(
            "sslvqa_score_seconds", "Time of one score.", buckets=_SCORE_SECONDS, registry=registry
        )
        self._video_seconds = Counter(
            "sslvqa_video_seconds", "Seconds of video that were scored.", registry=registry
        )
        self._crashes = Counter(
            "sslvqa_worker_crashes", "Worker processes that ended by themselves.", registry=registry
        )
        self._uploaded = Counter("sslvqa_uploaded_bytes", "Bytes of uploads received.", registry=registry)
        for name, text, look in (
            ("sslvqa_tasks_waiting", "Tasks that wait for a worker.", waiting),
            ("sslvqa_tasks_running", "Tasks that a worker has.", running),
            ("sslvqa_disk_bytes", "Bytes of uploads, maps and previews on the disk.", disk),
        ):
            Gauge(name, text, registry=registry).set_function(look)
        states = Gauge("sslvqa_jobs", "Jobs on the server.", ["state"], registry=registry)
        for state in typing.get_args(State):
            states.labels(state).set_function(partial(_count, jobs, state))

    def task_ended(self, kind: str, outcome: str) -> None:
        """Count a task that is ``done``, ``failed`` or ``cancelled``.

        Kinds are ``score``, ``map``, ``map_video``, ``preview``, and of teaching ``describe`` and ``train``.
        """
        self._tasks.labels(kind, outcome).inc()

    def scored(self, seconds: float, result: Mapping[str, Any]) -> None:
        """Count a score and the time that it took."""
        self._score_seconds.observe(seconds)
        self._video_seconds.inc(result["video"]["duration_seconds"])

    def crashed(self) -> None:
        """Count a worker that ended by itself."""
        self._crashes.inc()

    def received(self, count: int) -> None:
        """Count bytes of an upload."""
        self._uploaded.inc(count)

    def text(self) -> bytes:
        """Everything, as a scraper reads it."""
        return generate_latest(self._registry)


def _count(jobs: Callable[[], Mapping[str, int]], state: str) -> float:
    return jobs().get(state, 0)
