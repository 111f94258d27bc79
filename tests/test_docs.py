"""The documents are examples that run: Python blocks are executed, commands and their options exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sslvqa.cli.main import app
from sslvqa.data.synthetic import write_synthetic_video

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "weights" / "README.md", *(ROOT / "docs").glob("*.md")])
PYTHON = [
    pytest.param(block, id=f"{path.name}-{number}")
    for path in DOCUMENTS
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL))
]
COMMANDS = sorted(
    {line for path in DOCUMENTS for line in re.findall(r"^\$ (sslvqa .*)$", path.read_text(), re.MULTILINE)}
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_synthetic_video(tmp_path / "a.mp4", width=320, height=240, frames=40)
    (tmp_path / "videos").mkdir()
    write_synthetic_video(tmp_path / "videos" / "b.mp4", width=160, height=128, frames=20)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("block", PYTHON)
def test_python_blocks_run(block, folder):
    exec(compile(block, "document", "exec"), {})


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_their_options_exist(line):
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    known = {"--help", "-"}
    for parameter in command.params:
        known |= {*parameter.opts, *parameter.secondary_opts}
    unknown = [word for word in words if word.startswith("-") and word not in known]
    assert not unknown, f"{command.name} has no {unknown}"


OURS = re.compile(
    r"sslvqa ((score|report) (a.mp4|videos)|models)(?!.*runs/)"
)  # what the shipped weights can do here


@pytest.mark.parametrize("line", [line for line in COMMANDS if OURS.match(line)])
def test_scoring_commands_run(line, folder):
    if "--resume" in line:
        (folder / "scores.ndjson").touch()
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
