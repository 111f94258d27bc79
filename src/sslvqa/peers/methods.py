"""The comparators, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sslvqa.evaluate import fit_svr
from sslvqa.peers.brisque import brisque_features
from sslvqa.peers.niqe import fit_pristine, niqe_blocks, niqe_distance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from sslvqa.evaluate import FittedSvr
    from sslvqa.peers.base import Peer
    from sslvqa.peers.niqe import Blocks, PristineModel

__all__ = ["PEERS", "Brisque", "Niqe"]


class Brisque:
    """BRISQUE features, averaged over frames, and a support vector regression as in published tables."""

    needs_labels = True

    def __init__(self) -> None:
        self._fitted: FittedSvr | None = None

    def measure(self, frames: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Mean features of a video, ``(36,)``."""
        mean: NDArray[np.float64] = np.mean([brisque_features(frame) for frame in frames], axis=0)
        return mean

    def fit(
        self, measured: Sequence[NDArray[np.float64]], labels: Sequence[float], contents: Sequence[str]
    ) -> None:
        """See :class:`Peer`."""
        self._fitted = fit_svr(np.stack(measured), labels, contents=contents)

    def predict(self, measured: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """See :class:`Peer`."""
        assert self._fitted is not None, "predict before fit"
        return self._fitted.predict(np.stack(measured))


class Niqe:
    """NIQE averaged over frames, its sign turned; pristine is what the given videos are."""

    needs_labels = False

    def __init__(self) -> None:
        self._pristine: PristineModel | None = None

    def measure(self, frames: Iterable[NDArray[np.float64]]) -> list[Blocks]:
        """Blocks of every frame of a video."""
        return [niqe_blocks(frame) for frame in frames]

    def fit(self, measured: Sequence[list[Blocks]], labels: Sequence[float], contents: Sequence[str]) -> None:
        """See :class:`Peer`."""
        del labels, contents
        self._pristine = fit_pristine(blocks for video in measured for blocks in video)

    def predict(self, measured: Sequence[list[Blocks]]) -> NDArray[np.float64]:
        """See :class:`Peer`."""
        assert self._pristine is not None, "predict before fit"
        return -np.array(
            [np.mean([niqe_distance(blocks, self._pristine) for blocks in video]) for video in measured]
        )


PEERS: Mapping[str, Callable[[], Peer]] = {"brisque": Brisque, "niqe": Niqe}
"""A fresh comparator by name."""
