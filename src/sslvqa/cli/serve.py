"""``sslvqa serve``."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sslvqa.cli.checks import require_extra
from sslvqa.cli.options import Device, Model
from sslvqa.cli.output import note

if TYPE_CHECKING:
    from sslvqa.web import ServeSettings

__all__ = ["serve", "show_link"]

_MEGABYTE = 1_000_000
_ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - recognised, not listened on


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
    require_extra("web", "serve")
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


def show_link(before: str, host: str, port: int, after: str) -> None:
    """Print where a server can be opened; one that listens on all addresses by this machine's name."""
    name = socket.gethostname() if host in _ANY_ADDRESS else host
    shown = f"[{name}]" if ":" in name else name
    note(f"{before} http://{shown}:{port}/{after}")
    if host in _ANY_ADDRESS:
        note(f"where the name {name} is not known, put this machine's address in its place")


def _announce(settings: ServeSettings, host: str, port: int) -> None:
    secret = f"#token={settings.token}" if settings.token else ""
    show_link("sslvqa: open", host, port, f"{secret}   (Ctrl-C ends it)")
    if not settings.hosts:
        note("sslvqa: others can reach this server; put TLS in front of it, or the token travels readable")
