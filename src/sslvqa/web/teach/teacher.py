"""One thing at a time: the server chooses videos, or trains a model, while people rate."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sslvqa.errors import ConfigError, DataError, ModelError, SslvqaError
from sslvqa.web.events import BusyError
from sslvqa.web.process import WorkerProcess
from sslvqa.web.queue import worker_settings
from sslvqa.web.teach.choosing import Describer, choose
from sslvqa.web.teach.folder import TeachFolder
from sslvqa.web.teach.process import TrainingProcess
from sslvqa.web.teach.runs import list_runs, prepare_run, run_folder
from sslvqa.web.worker import COMMAND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    from sslvqa.rate import Strategy
    from sslvqa.web.metrics import ServerMetrics
    from sslvqa.web.models import Models
    from sslvqa.web.settings import ServeSettings
    from sslvqa.web.teach.runs import RunFacts

__all__ = ["Activity", "Teacher"]


@dataclass
class Activity:
    """What goes on, or how it ended."""

    kind: Literal["choosing", "training"]
    run: str | None = None
    """Of a training."""
    done: int = 0
    total: int = 0
    """Videos to describe before the list is made; a training tells its steps itself."""
    ended: bool = False
    stopping: bool = False
    error: str | None = None
    failed: dict[str, str] = field(default_factory=dict)
    """Videos that could not be used, and why."""


class Teacher:
    """Chooses and trains in the background, one thing at a time; a trained model joins the server's models.

    Args:
        settings: With ``teach`` and ``folder``.
        models: Of the server.
        worker_command: What to start as a worker, for tests.

    Raises:
        ConfigError: Another server uses the folder.
    """

    def __init__(
        self, settings: ServeSettings, models: Models, *, worker_command: Sequence[str] | None = None
    ) -> None:
        if settings.teach is None or settings.folder is None:
            raise ConfigError("a server teaches with the settings teach and folder only")
        self.settings, self.models = settings, models
        self.folder = TeachFolder(settings.teach, settings.folder)
        self._lock = self.folder.claim()
        self.activity: Activity | None = None
        self.choice: list[dict[str, Any]] = []
        self.choices = 0
        self._command = worker_command or COMMAND
        self._metrics: ServerMetrics  # the server's, while it runs
        self._training: TrainingProcess | None = None
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self, metrics: ServerMetrics) -> AsyncIterator[None]:
        """Offer the models of earlier runs; at the end stop what goes on, a training with a checkpoint.

        Args:
            metrics: Of the server: they count what is described and trained, and the crashes meanwhile.
        """
        self._metrics = metrics
        for run in self.runs():
            self._offer(run)
        try:
            yield
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            self._lock.release()

    def runs(self) -> list[RunFacts]:
        """All training runs."""
        active = self.activity
        return list_runs(self.folder, running=active.run if active and not active.ended else None)

    def choose(self, *, count: int, strategy: Strategy, model: str, seed: int) -> None:
        """Begin to choose videos; the list will be in :attr:`choice`.

        Raises:
            BusyError: Something else goes on.
            UnknownModelError: No such model.
        """
        describer = None if strategy == "random" else self._describer(model)
        activity = Activity("choosing", failed={} if describer is None else describer.failed)

        def progress(done: int, total: int) -> None:
            activity.done, activity.total = done, total

        async def work() -> None:
            try:
                rows = await choose(
                    self.folder, describer, count=count, strategy=strategy, seed=seed, progress=progress
                )
            finally:
                if describer is not None:
                    await describer.stop()
            self.choice = rows
            self.choices += 1

        self._begin(activity, work)

    def train(self, *, model: str, epochs: int | None) -> str:
        """Begin a training run that starts from a model, and return its name.

        Raises:
            BusyError: Something else goes on.
            ConfigError: See :func:`prepare_run`.
            DataError: There are no ratings.
            UnknownModelError: No such model.
        """
        self._require_idle()
        source, card = self.models.source(model), self.models.cards[model]
        init = str(Path(source).resolve()) if Path(source).is_dir() else card.name
        name = prepare_run(self.folder, self.settings, card, init=init, epochs=epochs)
        self.resume(name)
        return name

    def resume(self, name: str) -> None:
        """Begin or continue a run.

        Raises:
            BusyError: Something else goes on.
            DataError: There is no such run, or it is done.
        """
        self._require_idle()
        folder = run_folder(self.folder, name)
        if any(run.name == name and run.state == "done" for run in self.runs()):
            raise DataError(f"{name} is done; train anew instead")

        training = self._training = TrainingProcess(folder)

        async def work() -> None:
            await training.run()
            found = next(run for run in list_runs(self.folder, running=None) if run.name == name)
            self._metrics.task_ended("train", "cancelled" if found.state == "stopped" else found.state)
            self._offer(found)
            if found.error is not None:
                raise DataError(found.error)

        self._begin(Activity("training", run=name), work)

    def cancel(self) -> None:
        """Stop what goes on: a choice at once, a training after its step; asked twice, that too at once."""
        active = self.activity
        if active is None or active.ended or self._task is None:
            return
        if active.kind == "training" and self._training is not None:
            active.stopping = True
            self._training.stop()
        else:
            self._task.cancel()

    def _describer(self, model: str) -> Describer:
        worker = WorkerProcess(
            worker_settings(self.settings), command=self._command, on_crash=self._metrics.crashed
        )
        return Describer(
            self.folder,
            worker,
            model=self.models.source(model),
            weights_sha256=self.models.cards[model].weights_sha256,
            timeout_seconds=self.settings.task_seconds,
            ended=partial(self._metrics.task_ended, "describe"),
        )

    def _require_idle(self) -> None:
        if self.activity is not None and not self.activity.ended:
            raise BusyError(f"the server is {self.activity.kind} at the moment; wait for it, or cancel it")

    def _begin(self, activity: Activity, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._require_idle()

        async def record() -> None:
            try:
                await work()
            except SslvqaError as error:
                activity.error = str(error)
            except Exception as error:  # the page has to say so
                activity.error = f"{type(error).__name__}: {error}"
            finally:
                activity.ended = True

        self.activity = activity
        self._task = asyncio.create_task(record())

    def _offer(self, run: RunFacts) -> None:
        if run.state == "done":
            with contextlib.suppress(ModelError):  # of an older version: its run is listed, its model is not
                self.models.add(run.name, self.folder.path / run.name / "out" / "model")
