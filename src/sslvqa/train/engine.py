"""The loop of both stages.

Step k of a run depends on the seed, the data and the weights after step k - 1, and on nothing else: items
are drawn by (seed, part, epoch, position), and dropout by (seed, step). So an interrupted and resumed run
ends with the weights of an unbroken one, bit for bit on a CPU with the same number of threads.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from sslvqa.data.datasets import derive_seed
from sslvqa.data.loaders import StepSampler, make_loader
from sslvqa.errors import DataError
from sslvqa.methods import Batch
from sslvqa.train.checkpoint import Progress, find_checkpoint, load_checkpoint, save_checkpoint
from sslvqa.train.distributed import World, any_process, share_weights, sum_gradients
from sslvqa.train.log import RunLog
from sslvqa.train.meter import Meter
from sslvqa.train.optim import build_optimizer, lr_factor, set_lr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sslvqa.data.datasets import GroupDataset, VideoDataset
    from sslvqa.data.loaders import PartBatch, RunPlan
    from sslvqa.methods import Method
    from sslvqa.train.config import OptimConfig, RuntimeConfig
    from sslvqa.train.footage import Footage

__all__ = ["Interrupted", "Run", "fit"]


class Interrupted(BaseException):
    """The run was asked to stop or its time is over; it left a checkpoint, and ``--resume`` continues it."""


@dataclass(frozen=True)
class Run:
    """Everything the loop needs besides the method."""

    folder: Path
    plan: RunPlan
    """Steps of the loader; ``accumulate`` of them make one optimisation step."""
    parts: Mapping[str, VideoDataset | GroupDataset]
    optim: OptimConfig
    runtime: RuntimeConfig
    fingerprint: str
    """Hash of settings and data."""
    footage: Footage
    """Puts the views of the parts on the device."""
    accumulate: int = 1
    refresh_steps: int = 0
    """Steps between two computations of the corpus statistics; 0 once an epoch."""
    title: str = "train"

    @property
    def steps_per_epoch(self) -> int:
        """Optimisation steps of an epoch."""
        return max(self.plan.steps_per_epoch // self.accumulate, 1)

    @property
    def total_steps(self) -> int:
        """Optimisation steps of the run."""
        return self.plan.total_steps // self.accumulate


def fit(
    method: Method,
    run: Run,
    *,
    resume: bool = False,
    world: World | None = None,
    on_epoch: Callable[[int], Mapping[str, float]] | None = None,
) -> None:
    """Train ``method`` in place.

    Args:
        method: On its device.
        run: Data, settings and folder.
        resume: Continue from the newest checkpoint in the folder, if there is one.
        world: The processes of the run.
        on_epoch: Called with the epoch just finished; what it returns is recorded.

    Raises:
        Interrupted: After SIGTERM, Ctrl-C or ``stop_minutes``, with a checkpoint written.
        DataError: The loss is not finite.
        ConfigError: The checkpoint is of another run.
    """
    world = world or World()
    device = next(method.parameters()).device
    optimizer = build_optimizer(method.trainable(), run.optim)
    start = _resume(method, optimizer, run) if resume else 0
    share_weights(method, world)
    meter = Meter(device, bf16=run.runtime.precision == "bf16")
    sampler = StepSampler(run.plan, start=start * run.accumulate, rank=world.rank, world=world.size)
    loader = make_loader(run.parts, sampler, workers=run.runtime.workers, pin_memory=device.type == "cuda")
    saved_at = time.monotonic()
    ends_at = saved_at + 60 * (run.runtime.stop_minutes or math.inf)
    with (
        _reproducible(device, run.runtime.threads),
        _stop_signals() as stop,
        RunLog(
            run.folder,
            total=run.total_steps,
            start=start,
            title=run.title,
            enabled=world.main,
            tensorboard=run.runtime.tensorboard,
        ) as log,
    ):
        batches = iter(loader)
        method.train()
        for step in range(start, run.total_steps):
            began = time.monotonic()
            values = _one_step(method, optimizer, batches, run=run, step=step, world=world, meter=meter)
            seconds = time.monotonic() - began
            meter.step(seconds)
            log.step(step, {**values, "seconds": seconds})
            epoch, place = divmod(step + 1, run.steps_per_epoch)
            if place == 0:
                log.note(step, {**meter.take(), **({} if on_epoch is None else on_epoch(epoch))})
            stopping = any_process(world, flag=stop.is_set() or time.monotonic() > ends_at)
            due = time.monotonic() - saved_at > 60 * run.runtime.checkpoint_minutes
            if world.main and (stopping or due or step + 1 == run.total_steps):
                save_checkpoint(run.folder, method, optimizer, Progress(step + 1, run.fingerprint))
                saved_at = time.monotonic()
            if stopping:
                raise Interrupted(f"stopped after step {step + 1} of {run.total_steps}; --resume continues")


def _one_step(
    method: Method,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[dict[str, PartBatch]],
    *,
    run: Run,
    step: int,
    world: World,
    meter: Meter,
) -> dict[str, float]:
    """One optimisation step; returns the numbers for the record."""
    torch.manual_seed(derive_seed(run.plan.seed, "step", step, world.rank))
    warmup = round(run.optim.warmup_epochs * run.steps_per_epoch)
    factor = lr_factor(step, total=run.total_steps, warmup=warmup, final_ratio=run.optim.final_ratio)
    set_lr(optimizer, factor)
    optimizer.zero_grad(set_to_none=True)
    record: dict[str, float] = {}
    for _ in range(run.accumulate):
        with meter.waiting():
            parts = next(batches)
        with meter.arithmetic():
            batch = _to_batch(parts, run.footage, refresh=_refreshes(run, step))
            output = method.step(replace(batch, progress=step / run.total_steps))
            total = output.total
            torch.autograd.backward(total / run.accumulate)
        numbers = {name: float(value.detach()) for name, value in output.losses.items()}
        for name, value in {"loss": float(total.detach()), **numbers, **output.log}.items():
            record[name] = record.get(name, 0.0) + value / run.accumulate
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if world.size > 1:
        sum_gradients(parameters)
    limit = run.optim.grad_clip if run.optim.grad_clip is not None else float("inf")
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, limit))
    record["grad_norm"] = norm
    if not all(map(math.isfinite, record.values())):
        raise DataError(f"numbers of step {step} are not finite ({record}); lower the learning rate")
    optimizer.step()
    method.after_step()
    return {**record, "lr": factor * run.optim.lr}


def _refreshes(run: Run, step: int) -> bool:
    place = step % run.steps_per_epoch
    return place == 0 or (run.refresh_steps > 0 and place % run.refresh_steps == 0)


def _to_batch(parts: Mapping[str, PartBatch], footage: Footage, *, refresh: bool) -> Batch:
    views, device = {name: footage(part.views) for name, part in parts.items()}, footage.device
    labelled, groups = parts.get("labelled"), parts.get("groups")
    return Batch(
        groups=views.get("groups"),
        levels=None if groups is None else groups.scores.to(device),
        labelled=views.get("labelled"),
        scores=None if labelled is None else labelled.scores.to(device),
        unlabelled=views.get("unlabelled"),
        corpus=views.get("corpus"),
        refresh_corpus=refresh and labelled is not None,
    )


def _resume(method: Method, optimizer: torch.optim.Optimizer, run: Run) -> int:
    found = find_checkpoint(run.folder)
    return 0 if found is None else load_checkpoint(found, method, optimizer, fingerprint=run.fingerprint).step


@contextmanager
def _reproducible(device: torch.device, threads: int | None) -> Iterator[None]:
    """Deterministic algorithms on the CPU and a private random state; everything is put back after."""
    before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    deterministic: Any = torch.utils.deterministic  # its switch is a property that type checkers miss
    fill = deterministic.fill_uninitialized_memory
    if device.type == "cpu":
        torch.use_deterministic_algorithms(mode=True)
        deterministic.fill_uninitialized_memory = False
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        deterministic.fill_uninitialized_memory = fill
        torch.set_num_threads(before[1])


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and the first Ctrl-C set; the second Ctrl-C interrupts at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, _frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    former = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
