"""A network as a compiler's graph for views of one shape, or as it is where that fails."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, TypeVar

import torch
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["Compiled"]

_Output = TypeVar("_Output")
_logger = logging.getLogger(__name__)


class Compiled(Generic[_Output]):
    """Compiles a function of one tensor, for each shape at the second time that it comes.

    The first time runs the function as it is: a shape that comes once is not worth the minute, and the
    constants of its windows are built by then, which no compiler follows. Random numbers are drawn as without
    compiling. Where compiling fails, one warning says why, and the function serves from then on.

    Args:
        function: Of one tensor.
    """

    def __init__(self, function: Callable[[Tensor], _Output]) -> None:
        self._function = function
        self._graph: Callable[[Tensor], _Output] | None = None
        self._failed = False
        self._seen: set[torch.Size] = set()

    def __call__(self, tensor: Tensor) -> _Output:
        """Apply the function."""
        return self.ready(tensor.shape)(tensor)

    def ready(self, shape: torch.Size) -> Callable[[Tensor], _Output]:
        """Count a use of a shape and return what serves it; a recomputation is to take the same again.

        While operations are counted the function runs as it is: the compiler would give it up for good then,
        without a word.
        """
        if shape not in self._seen or is_in_torch_dispatch_mode():
            self._seen.add(shape)
            return self._function
        return self._run

    def _run(self, tensor: Tensor) -> _Output:
        if self._failed:
            return self._function(tensor)
        from torch._dynamo.exc import TorchDynamoException

        if self._graph is None:
            self._graph = torch.compile(self._function, dynamic=False, options={"fallback_random": True})
        try:
            return self._graph(tensor)
        except TorchDynamoException as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            _logger.warning("the networks are not compiled (%s); they run as they are, only slower", reason)
            self._failed = True
            return self._function(tensor)
