"""Which files a worker gets next, and what becomes of those that a lost worker had."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Handout", "Parcel"]


class Parcel(NamedTuple):
    """Files that one worker has in hand."""

    paths: tuple[str, ...]
    again: bool = False
    """Whether this is the second and last try of the one file."""


class Handout:
    """Gives files out in their order, and a second time, one by one, those of lost workers.

    The second tries come last, so that a file which ends its worker holds up no other. No more paths are
    taken from the iterable than are given out, but for one.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._new: Iterator[str] = iter(paths)
        self._next: list[str] = []  # the one that was taken to see whether there is one
        self._again: deque[str] = deque()

    @property
    def left(self) -> bool:
        """Whether there is a file to give out now."""
        self._next += islice(self._new, 1 - len(self._next))
        return bool(self._next or self._again)

    def take(self, most: int) -> Parcel | None:
        """Give out up to so many files, at least one; None if there are none now."""
        paths = (*self._next, *islice(self._new, most - len(self._next)))
        self._next.clear()
        if paths:
            return Parcel(paths)
        return Parcel((self._again.popleft(),), again=True) if self._again else None

    def put_back(self, parcel: Parcel) -> tuple[str, ...]:
        """Take back what a lost worker had; return the files that have had both tries."""
        if parcel.again:
            return parcel.paths
        self._again.extend(parcel.paths)
        return ()
