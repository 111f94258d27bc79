"""``sslvqa serve``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sslvqa.cli.options import Device, Model
from sslvqa.cli.output import note
from sslvqa.errors import MissingExtraError

if TYPE_CHECKING:
    from sslvqa.web import ServeSettings

__all__ = ["serve"]

_MEGABYTE = 1_000_000


def serve(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but loopback needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.", min=0, max=65535)] = 8000,
    model: Model = "default",
    folder: Annotated[
        Path | None, typer.Option(help="Folder whose videos may be scored where they are.")
    ] = None,
    teach: Annotated[
        Path | None,
        typer.Option(help="Folder for studies, ratings, training: teach the model from the page."),
    ] = None,
    pristine: Annotated[
        Path | None, typer.Option(help="Folder or table of pristine videos, which --teach trains with.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="SSLVQA_TOKEN",
            help="What clients must present, at least 16 characters.",
            show_default="none on loopback, else a random one",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Worker processes; each scores one video at a time.")] = 1,
    device: Device = "auto",
    threads: Annotated[
        int | None, typer.Option(help="CPU threads of a worker.", show_default="torch's")
    ] = None,
    timeline_seconds: Annotated[float, typer.Option(help="Window of the timeline, in seconds.")] = 1.0,
    max_upload_mb: Annotated[int, typer.Option(help="Largest file, in megabytes.")] = 4000,
    max_minutes: Annotated[float, typer.Option(help="Longest video, in minutes.")] = 60.0,
    max_side: Annotated[int, typer.Option(help="Longest side of a frame, in px.")] = 8192,
    max_queue: Annotated[int, typer.Option(help="Most tasks that wait.")] = 500,
    max_disk_mb: Annotated[int, typer.Option(help="Most megabytes of uploads, previews, maps.")] = 20_000,
    memory_mb: Annotated[
        int, typer.Option(help="Most memory of a worker, in megabytes; 0: no limit (for GPUs).")
    ] = 4000,
    task_seconds: Annotated[float, typer.Option(help="Longest time for one score, map or preview.")] = 900.0,
    keep_minutes: Annotated[
        float, typer.Option(help="Uploads are deleted when nobody used them for so many minutes.")
    ] = 60.0,
    tasks_per_worker: Annotated[
        int, typer.Option(help="A worker process is replaced after so many tasks; 1 isolates every file.")
    ] = 100,
) -> None:
    """Serve the page and the HTTP API until Ctrl-C.

    Everything stays on this machine: the page asks no other server for anything.
    """
    for name in ("fastapi", "prometheus_client", "uvicorn"):
        if find_spec(name) is None:
            raise MissingExtraError(f"sslvqa serve needs {name}; install it with: pip install 'sslvqa[web]'")
    from sslvqa.web import LOOPBACK, ServeSettings
    from sslvqa.web.server import PageServer, listen_on

    local = host in LOOPBACK
    settings = ServeSettings(
        model=model,
        device=device,
        threads=threads,
        workers=workers,
        folder=folder,
        teach=teach,
        pristine=pristine,
        token=_token(token, local=local),
        hosts=LOOPBACK if local else (),
        timeline_seconds=timeline_seconds,
        max_upload_bytes=max_upload_mb * _MEGABYTE,
        max_duration_seconds=max_minutes * 60,
        max_side_px=max_side,
        max_waiting=max_queue,
        max_disk_bytes=max_disk_mb * _MEGABYTE,
        max_memory_bytes=memory_mb * _MEGABYTE or None,
        task_seconds=task_seconds,
        keep_seconds=keep_minutes * 60,
        tasks_per_worker=tasks_per_worker,
    )
    server = PageServer(settings)
    with listen_on(host, port) as listener:
        _announce(settings, host, listener.getsockname()[1])
        server.run(sockets=[listener])


def _token(given: str | None, *, local: bool) -> str | None:
    """The token to ask for: the given one; else none on loopback and a random one elsewhere."""
    if given is not None or local:
        return given
    import secrets

    return secrets.token_urlsafe(24)


def _announce(settings: ServeSettings, host: str, port: int) -> None:
    name = f"[{host}]" if ":" in host else host
    secret = f"/#token={settings.token}" if settings.token else "/"
    note(f"sslvqa: open http://{name}:{port}{secret}   (Ctrl-C ends it)")
    if not settings.hosts:
        note("sslvqa: others can reach this server; put TLS in front of it, or the token travels readable")
