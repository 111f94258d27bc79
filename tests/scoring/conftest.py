"""A pool on Ray that tests share, with workers that do what the name of a file says."""

import os
import signal
from pathlib import Path

import pytest


def make_worker():
    """A class that Ray sends by value, since workers cannot import the tests."""
    from sslvqa.scoring.ray_worker import RayWorker

    class Faulty(RayWorker):
        def start(self, *args, **options):
            facts = super().start(*args, **options)
            read = self._scorer.read

            def read_or_fail(source, **options):
                if "odd" in str(source):
                    raise RuntimeError
                if "deadly" in str(source) or (
                    "once" in str(source) and not Path(f"{source}.tried").exists()
                ):
                    Path(f"{source}.tried").touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                return read(source, **options)

            self._scorer.read = read_or_fail
            return facts

    return Faulty


@pytest.fixture(scope="session")
def ray_pool(ray_running, model_dir):
    from sslvqa.scoring import RayPool, ray_batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_batch, "RayWorker", make_worker())
        pool = RayPool(model_dir, workers=2, threads=1, clips=1)
    with pool:
        yield pool
