"""The command itself."""

import subprocess
import sys

import pytest
import typer

from sslvqa import __version__, errors
from sslvqa.cli import main as cli


def _commands():
    group = typer.main.get_command(cli.app)
    for name, command in group.commands.items():
        for sub, inner in getattr(command, "commands", {None: command}).items():
            yield " ".join(filter(None, (name, sub))), inner


@pytest.mark.parametrize(("name", "command"), list(_commands()))
def test_every_command_and_every_option_has_help(name, command):
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_version_and_help_exit_with_0(run):
    assert run("--version").out == f"sslvqa {__version__}\n"
    assert "evaluate" in run("--help").out


def test_an_unknown_command_or_option_exits_with_2(run):
    assert run("scroe").code == 2
    assert run("score", "--colour", "a.mp4").code == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [(errors.UnreadableVideoError("no"), 1), (errors.ConfigError("no"), 2), (errors.DataError("no"), 2)],
)
def test_our_errors_are_one_line_and_an_exit_code(monkeypatch, capsys, error, code):
    def fail():
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == code
    assert capsys.readouterr().err == "sslvqa: no\n"


def test_starting_the_command_imports_no_heavy_package():
    heavy = ("torch", "numpy", "scipy", "av", "pydantic")
    code = f"import sys, sslvqa.cli.main; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
