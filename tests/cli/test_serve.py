"""``sslvqa serve``: from the command to a server that answers, and what stops it from starting."""

import re
import socket
import threading

import pytest

uvicorn = pytest.importorskip("uvicorn", reason="the web extra is not installed")
httpx = pytest.importorskip("httpx")


@pytest.fixture
def never_serve(monkeypatch):
    """Keep what would be served, and do not serve it."""
    kept = {}
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: kept.update(server=self, sockets=sockets))
    yield kept
    for listener in kept.get("sockets", []):
        listener.close()


def test_the_command_serves_the_page_until_it_is_told_to_stop(run, model_dir, monkeypatch):
    from sslvqa.web.server import PageServer

    seen = {}

    def look(self, sockets):
        thread = threading.Thread(target=real, args=(self, sockets))
        thread.start()
        while not self.started:
            threading.Event().wait(0.05)
        port = sockets[0].getsockname()[1]
        with httpx.stream("GET", f"http://127.0.0.1:{port}/api/events") as stream:  # must not hold up the end
            seen["event"] = next(stream.iter_lines())
            seen["page"] = httpx.get(f"http://127.0.0.1:{port}/").text
            self.should_exit = True
            thread.join(timeout=30)
        seen["ended"] = not thread.is_alive()

    real = uvicorn.Server.run
    monkeypatch.setattr(PageServer, "run", look)
    found = run("serve", "--port", 0, "-m", model_dir, "--threads", 1)
    assert found.code == 0
    assert re.search(r"open http://127\.0\.0\.1:\d+/ ", found.err)
    assert "error" not in found.err.lower()
    assert "<title>sslvqa" in seen["page"]
    assert seen["ended"]


def test_others_need_a_token_which_is_made_when_none_is_given(run, model_dir, never_serve):
    found = run("serve", "--host", "0.0.0.0", "--port", 0, "-m", model_dir)
    assert re.search(rf"http://{re.escape(socket.gethostname())}:\d+/#token=[\w-]{{32}} ", found.err)
    assert "put TLS in front" in found.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--model", "nano.nothing"], "no model named 'nano.nothing'"),
        (["--folder", "absent"], "no such folder"),
        (["--teach", "study"], "teaching needs a folder of videos"),
        (["--pristine", "absent"], "there is no such folder or table"),
        (["--token", "short"], "shorter than 16 characters"),
        (["--workers", "0"], "workers is 0"),
        (["--port", "70000"], "65535"),
    ],
)
def test_wrong_use_exits_with_2_and_one_line(run, model_dir, never_serve, args, words):
    model = [] if "--model" in args else ["--model", model_dir]
    found = run("serve", "--port", 0, *model, *args)
    assert found.code == 2
    assert words in found.err
    assert "Traceback" not in found.err


def test_a_port_that_is_taken_is_named(run, model_dir, never_serve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = run("serve", "--port", port, "-m", model_dir)
    assert found.code == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in found.err


def test_a_missing_extra_names_the_line_that_installs_it(run, model_dir, monkeypatch):
    monkeypatch.setattr("sslvqa.cli.checks.find_spec", lambda name: None)
    found = run("serve", "-m", model_dir)
    assert found.code == 2
    assert "pip install 'sslvqa[web]'" in found.err
