"""A service without torch for limits and errors, and one with a tiny model for the whole way."""

import contextlib
import re
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fastapi", reason="the web extra is not installed")

import httpx

from sslvqa.web import ServeSettings
from sslvqa.web.server import PageServer, listen_on

EXPECTED = re.compile("status of (401|410|422|502)|net::ERR_")
"""Asked for the token; a video is gone; refused; refused by what stands in front; the server is gone."""
FAKE = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))


@contextlib.contextmanager
def serving(settings, command):
    """Run a service on a free loopback port in a thread; yield its address."""
    listener = listen_on("127.0.0.1", 0)
    server = PageServer(settings, worker_command=command)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        listener.close()


class Service:
    """A client of a running service, and what tests ask of it again and again."""

    def __init__(self, address, client, *, stop=None):
        self.address, self.client, self.stop = address, client, stop

    def upload(self, name="clip.mp4", data=b"some bytes", **options):
        return self.client.post("/api/uploads", params={"name": name, **options}, content=data)

    def job(self, job_id):
        return self.client.get(f"/api/jobs/{job_id}").json()

    def wait(self, job_id, *states, of=None, seconds=60):
        """Wait until a job (or its map or preview) is in one of the states, and return it."""
        deadline = time.monotonic() + seconds
        while True:
            job = self.job(job_id)
            found = job[of]["state"] if of else job["state"]
            if found in states:
                return job
            assert time.monotonic() < deadline, job
            time.sleep(0.02)

    def scored(self, name="clip.mp4", **options):
        """Upload and wait for the end."""
        return self.wait(self.upload(name, **options).json()["id"], "done", "failed")


@pytest.fixture
def service(model_dir):
    """Start services with other settings: ``service(max_waiting=1)``; the workers are fakes."""
    with contextlib.ExitStack() as stack:

        def start(*, command=FAKE, headers=None, **options):
            settings = replace(ServeSettings(model=model_dir), **options)
            address = stack.enter_context(serving(settings, command))
            client = stack.enter_context(httpx.Client(base_url=address, headers=headers, timeout=30))
            return Service(address, client, stop=stack.close)

        yield start


@pytest.fixture(scope="module")
def real(model_dir, tmp_path_factory):
    """One service with a real worker and the tiny model, and a folder of videos."""
    from sslvqa.data.synthetic import write_synthetic_video

    folder = tmp_path_factory.mktemp("videos")
    write_synthetic_video(folder / "a.mp4", width=96, height=80, frames=60)
    write_synthetic_video(folder / "old.avi", width=96, height=80, frames=30, codec="mpeg4")
    settings = ServeSettings(model=model_dir, folder=folder, timeline_seconds=0.5, threads=1, map_places=3)
    with serving(settings, None) as address, httpx.Client(base_url=address, timeout=60) as client:
        found = Service(address, client)
        found.folder = folder
        yield found


@pytest.fixture
def visit(browser):
    """Open an address; at the end nothing may have failed in the page or gone to another server."""
    pages, problems = [], []

    def go(address, **options):
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: line.type == "error" and not EXPECTED.search(line.text)
                and problems.append(line.text))  # fmt: skip
        own = ("about:", "blob:", "data:", "{0.scheme}://{0.netloc}/".format(urlsplit(address)))
        page.on("request", lambda made: None if made.url.startswith(own) else problems.append(made.url))
        page.goto(address)
        pages.append(page)
        return page

    yield go
    for page in pages:
        page.close()
    assert problems == []
