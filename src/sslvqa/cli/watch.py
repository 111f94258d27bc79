"""``sslvqa watch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sslvqa.cli.options import Device, Model, Threads
from sslvqa.cli.output import Format, note, open_output, record_writer

__all__ = ["watch"]


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder, with its subfolders.")],
    *,
    model: Model = "default",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="ndjson file to append to; default stdout.")
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(help="What was done: nothing repeats.", show_default="DIR/.sslvqa-ledger.ndjson"),
    ] = None,
    settle_seconds: Annotated[
        float, typer.Option(help="A file is complete when it has not changed for this long.")
    ] = 5.0,
    timeline_seconds: Annotated[
        float | None,
        typer.Option(help="Timeline of windows of this many seconds.", show_default="the score's clips"),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Score videos as they arrive in a folder, each once: ndjson, until SIGTERM or Ctrl-C.

    Exit code 0 when stopped, whatever the files were like (a failed one has a record); 2: wrong use.
    """
    import signal
    import threading

    from sslvqa.scoring import Scorer
    from sslvqa.watch import watch_folder

    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        scorer = Scorer(model, device=device, threads=threads)
        results = watch_folder(
            folder,
            scorer=scorer,
            stop=stop,
            ledger=ledger,
            settle_seconds=settle_seconds,
            timeline_seconds=timeline_seconds,
        )
        note(f"watching {folder}")
        with open_output(output, append=True) as stream:
            writer = record_writer(Format.NDJSON, stream)
            for result in results:
                writer.write(result.to_dict())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    note("stopped")
