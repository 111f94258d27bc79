"""The command ``sslvqa``: registers the commands and turns errors into one line and an exit code."""

from __future__ import annotations

import atexit
import gc
import sys
from typing import Annotated

import typer

from sslvqa import __version__
from sslvqa.cli.bench import bench
from sslvqa.cli.choose import choose
from sslvqa.cli.convert import convert
from sslvqa.cli.data import open_bench
from sslvqa.cli.databases import check, make, split
from sslvqa.cli.databases import list_ as list_databases
from sslvqa.cli.distil import distil
from sslvqa.cli.distort import distort
from sslvqa.cli.evaluate import evaluate
from sslvqa.cli.models import list_, show
from sslvqa.cli.order import order
from sslvqa.cli.output import note
from sslvqa.cli.peers import peers
from sslvqa.cli.rate import export, init, serve_study
from sslvqa.cli.regress import regress
from sslvqa.cli.report import report
from sslvqa.cli.reproduce import reproduce
from sslvqa.cli.resize import resize
from sslvqa.cli.score import score
from sslvqa.cli.serve import serve
from sslvqa.cli.train import pretrain, train
from sslvqa.cli.votes import votes
from sslvqa.cli.watch import watch
from sslvqa.errors import SslvqaError, VideoError

__all__ = ["app", "main"]

_OBJECTS_BETWEEN_COLLECTIONS = 20_000

app = typer.Typer(
    no_args_is_help=True, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False
)
models = typer.Typer(no_args_is_help=True, help="List, show, convert and resize models.")
data = typer.Typer(no_args_is_help=True, help="Make and check data.")

rating = typer.Typer(no_args_is_help=True, help="Let people rate videos: make, serve and export a study.")

app.command()(score)
app.command()(report)
app.command()(watch)
app.command()(serve)
app.command()(evaluate)
app.command()(order)
app.command()(peers)
app.command()(regress)
app.add_typer(models, name="models")
models.command("list")(list_)
models.command("show")(show)
models.command("convert")(convert)
models.command("resize")(resize)
app.command()(pretrain)
app.command()(train)
app.command()(reproduce)
app.command()(distil)
app.command()(distort)
app.command()(choose)
app.command()(votes)
app.add_typer(rating, name="rate")
rating.command("init")(init)
rating.command("serve")(serve_study)
rating.command("export")(export)
app.add_typer(data, name="data")
data.command("list")(list_databases)
data.command("check")(check)
data.command("make")(make)
data.command("split")(split)
data.command("open-bench")(open_bench)
app.command()(bench)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"sslvqa {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """No-reference video quality assessment from few human ratings."""


def main() -> None:
    """Run the command line: exit 1 when a video is at fault, 2 when the use is; one line on stderr."""
    _spare_the_collector()
    try:
        app()
    except SslvqaError as error:
        note(f"sslvqa: {error}")
        sys.exit(1 if isinstance(error, VideoError) else 2)


def _spare_the_collector() -> None:
    """Search less often for unreachable objects, and not at the end of the process.

    Nearly all objects are what importing PyTorch left, which stays: searching through them took a sixth of
    the time of scoring one short video.
    """
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    atexit.register(gc.freeze)
