"""Run one function in a process that can be killed: for media from strangers.

A hostile file may loop, exhaust memory or crash a decoder. :func:`run_limited` starts a fresh interpreter
(about 0.2 s), caps its memory by the operating system, kills it when time is up, and takes back only plain
data: numbers, text, containers, NumPy arrays and this package's own dataclasses, so that a decoder taken over
by a file cannot make the parent run code.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sslvqa import errors

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["limit_memory", "run_limited", "serve"]

T = TypeVar("T")
_START = "from sslvqa.video.worker import serve; serve()"
_NUMPY_BUILDERS = frozenset(
    (module, name)
    for root in ("numpy.core", "numpy._core")
    for module, name in (
        (f"{root}.multiarray", "_reconstruct"),
        (f"{root}.multiarray", "scalar"),
        (f"{root}.numeric", "_frombuffer"),
    )
) | {("numpy", "ndarray"), ("numpy", "dtype")}


def run_limited(
    function: Callable[..., T], *args: object, timeout_seconds: float = 120.0, memory_bytes: int = 4 << 30
) -> T:
    """Call ``function(*args)`` in a killable, limited process.

    Args:
        function: Importable at module level, e.g. :func:`sslvqa.video.reader.probe`.
        args: Its arguments, picklable.
        timeout_seconds: Wall-clock time after which the process is killed.
        memory_bytes: Most private memory that it may hold. Enforced on Linux; elsewhere only time is limited.

    Returns:
        What the function returned: plain values, NumPy arrays or frozen dataclasses of this package with
        slots.

    Raises:
        VideoLimitError: Time or memory ran out.
        UnreadableVideoError: The process crashed, or the function raised an error that is none of ours.
        SslvqaError: Errors of this package that the function raised, as they are.
    """
    what = f"{getattr(function, '__name__', function)}{args!r:.200}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path)}
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
        [sys.executable, "-P", "-c", _START],  # -P: modules in the current folder are not ours
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(pickle.dumps((memory_bytes, function, args)), timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        raise errors.VideoLimitError(
            f"{what}: took longer than {timeout_seconds:g} s and was stopped; pass a larger timeout_seconds"
        ) from None
    finally:
        _kill(process)
    return cast("T", _answer(output, process.returncode, what=what, memory_bytes=memory_bytes))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started, and collect it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()


def _answer(output: bytes, status: int, *, what: str, memory_bytes: int) -> object:
    try:
        answer = _PlainUnpickler(io.BytesIO(output)).load()
    except Exception as error:  # the bytes may be anything
        answer, cause = None, str(error)
    else:
        cause = "it is malformed"
    match answer:
        case ("result", result):
            return result
        case ("memory",):
            raise errors.VideoLimitError(
                f"{what}: needed more than {memory_bytes} bytes of memory; pass a larger memory_bytes"
            )
        case ("error", str(name), str(message)) if name in errors.__all__:
            raise getattr(errors, name)(message)
        case ("error", str(name), str(message)):
            raise errors.UnreadableVideoError(f"{what}: failed in the worker process ({name}: {message})")
    cause = f"signal {-status}" if status < 0 else f"exit status {status}; {cause}"
    raise errors.UnreadableVideoError(
        f"{what}: the worker process ended without a result ({cause}); the file may be hostile or damaged"
    )


class _PlainUnpickler(pickle.Unpickler):
    """Loads data, never functions: this package's frozen dataclasses and what NumPy arrays are made of.

    They have slots, and so a ``__setstate__``: without, a pickle may put values on the class itself.
    """

    def find_class(self, module: str, name: str) -> object:
        """Look up a class, or refuse."""
        found = super().find_class(module, name) if self._allowed(module, name) else None
        if found is None or (module.startswith("sslvqa.") and not _is_sealed(found)):
            raise pickle.UnpicklingError(f"a worker may not send {module}.{name}")
        return found

    @staticmethod
    def _allowed(module: str, name: str) -> bool:
        return (module, name) in _NUMPY_BUILDERS or (module.startswith("sslvqa.") and "." not in name)


def _is_sealed(found: object) -> bool:
    return hasattr(found, "__dataclass_fields__") and hasattr(found, "__setstate__")


def serve() -> None:
    """Entry point of the worker process: read the call from stdin, write the outcome to stdout."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints must not mix with the answer
    memory_bytes, function, args = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by our own parent
    try:
        limit_memory(memory_bytes)
        outcome: tuple[Any, ...] = ("result", function(*args))
        data = pickle.dumps(outcome)
    except MemoryError:
        data = pickle.dumps(("memory",))
    except Exception as error:  # every failure is reported to the parent
        data = pickle.dumps(("error", type(error).__name__, str(error)))
    with answer:
        answer.write(data)


def limit_memory(memory_bytes: int) -> None:
    """Cap the private memory of this process, and forbid core dumps. Enforced on Linux only."""
    try:
        import resource
    except ImportError:  # Windows: only the time is limited
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
