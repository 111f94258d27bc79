"""The server's end of a worker process, without a server."""

import asyncio
import sys
from pathlib import Path

import pytest

from sslvqa.errors import UnreadableVideoError
from sslvqa.web.process import WorkerProcess

FAKE = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))


async def run(worker, name):
    task = {"kind": "score", "name": name}
    return await worker.run(task, model="any", timeout_seconds=20, progress=lambda _done, _stage: None)


def test_a_process_that_is_killed_while_it_is_created_does_not_do_its_task():
    crashes = []
    worker = WorkerProcess({}, command=FAKE, on_crash=lambda: crashes.append(1))

    async def scenario():
        running = asyncio.create_task(run(worker, "hang.mp4"))
        await asyncio.sleep(0)  # it has begun, and waits for its process
        assert worker._process is None
        worker.kill()
        with pytest.raises(UnreadableVideoError, match="ended without a result"):
            await asyncio.wait_for(running, 10)
        found = await run(worker, "good.mp4")
        await worker.stop()
        return found

    assert asyncio.run(scenario())["score"] == 52.5
    assert crashes == []


def test_a_process_that_is_killed_between_two_tasks_is_replaced():
    worker = WorkerProcess({}, command=FAKE)

    async def scenario():
        first = await run(worker, "pid 1.mp4")
        worker.kill()
        second = await run(worker, "pid 2.mp4")
        await worker.stop()
        return [found["provenance"]["device"] for found in (first, second)]

    assert len(set(asyncio.run(scenario()))) == 2
