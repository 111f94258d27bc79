"""Run the command in this process."""

import sys
from types import SimpleNamespace

import pytest

from sslvqa.cli.main import main


@pytest.fixture
def run(monkeypatch, capsys):
    """Call ``sslvqa ARGS`` and return its exit code, stdout and stderr."""

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["sslvqa", *map(str, args)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code or 0
        out = capsys.readouterr()
        return SimpleNamespace(code=code, out=out.out, err=out.err)

    return call
