"""The comparators, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sslvqa.evaluate import fit_svr
from sslvqa.peers.brisque import brisque_features
from sslvqa.peers.frames import Runs, Spread
from sslvqa.peers.gabor import v1_response
from sslvqa.peers.lgn import lgn_response
from sslvqa.peers.niqe import fit_pristine, niqe_blocks, niqe_distance
from sslvqa.peers.stem import prediction_errors, recency_weights
from sslvqa.peers.tpqi import bends, shrink
from sslvqa.peers.trajectory import log_mean, principal_components

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from sslvqa.evaluate import FittedSvr
    from sslvqa.peers.base import Lesson, Peer
    from sslvqa.peers.frames import Frame, FramePolicy
    from sslvqa.peers.niqe import Blocks, PristineModel

__all__ = ["PEERS", "Brisque", "Niqe", "Stem", "Tpqi"]

_NIQE_EVERY = 10


class Brisque:
    """BRISQUE features, averaged over frames, and a support vector regression as in published tables."""

    learns_from: Lesson = "labels"
    looks_at: FramePolicy = Spread()

    def __init__(self) -> None:
        self._fitted: FittedSvr | None = None

    def measure(self, frames: Iterable[Frame]) -> NDArray[np.float64]:
        """Mean features of a video, ``(36,)``."""
        mean: NDArray[np.float64] = np.mean([brisque_features(frame.luma) for frame in frames], axis=0)
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

    learns_from: Lesson = "pristine"
    looks_at: FramePolicy = Spread()

    def __init__(self) -> None:
        self._pristine: PristineModel | None = None

    def measure(self, frames: Iterable[Frame]) -> list[Blocks]:
        """Blocks of every frame of a video."""
        return [niqe_blocks(frame.luma) for frame in frames]

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


class _Stem(NamedTuple):
    """What STEM keeps of a video."""

    blocks: list[Blocks]
    """Of the frames that NIQE looks at."""
    weights: NDArray[np.float64]
    """Of their NIQE in the video's, ``(frames,)``; they sum to 1."""
    unpredictability: float
    """Logarithm of the mean error of the prediction."""


class Stem:
    """Mean of NIQE and the log error of predicting the LGN's next response, its sign turned.

    Two deviations from the published method. Responses are reduced to 10 principal components of the video
    itself; the authors' code takes the eigenvectors of a constant matrix, of which only the mean response is
    defined. NIQE, which would be most of the cost, is measured at every tenth frame of a run and holds until
    the next: the average over time that it enters forgets as slowly.

    A video of fewer than five consecutive frames, or without motion, counts as predicted to 0.0001.
    """

    learns_from: Lesson = "pristine"
    looks_at: FramePolicy = Runs()

    def __init__(self) -> None:
        self._pristine: PristineModel | None = None

    def measure(self, frames: Iterable[Frame]) -> _Stem:
        """Blocks for NIQE, and how well the video predicts itself."""
        blocks: list[Blocks] = []
        numbers: list[int] = []
        held: list[int] = []
        responses, start = [], 0
        for frame in frames:
            if not numbers or frame.number != numbers[-1] + 1:
                start = frame.number
            if (frame.number - start) % _NIQE_EVERY == 0:
                blocks.append(niqe_blocks(frame.luma))
            numbers.append(frame.number)
            held.append(len(blocks) - 1)
            responses.append(lgn_response(frame.luma))
        errors = prediction_errors(principal_components(responses), numbers)
        weights = np.bincount(held, weights=recency_weights(numbers)).astype(np.float64)
        return _Stem(blocks, weights, log_mean(errors))

    def fit(self, measured: Sequence[_Stem], labels: Sequence[float], contents: Sequence[str]) -> None:
        """See :class:`Peer`."""
        del labels, contents
        self._pristine = fit_pristine(blocks for video in measured for blocks in video.blocks)

    def predict(self, measured: Sequence[_Stem]) -> NDArray[np.float64]:
        """See :class:`Peer`."""
        pristine = self._pristine
        assert pristine is not None, "predict before fit"
        spatial = [
            video.weights @ [niqe_distance(blocks, pristine) for blocks in video.blocks] for video in measured
        ]
        return -(np.array(spatial) + [video.unpredictability for video in measured]) / 2


class _Tpqi(NamedTuple):
    """What TPQI keeps of a video: logarithms of its mean curvature."""

    v1: float
    lgn: float


class Tpqi:
    """Log curvature of a video's path in the responses of V1 plus that in those of the LGN, its sign turned.

    Both are of pictures of at most 600 px, larger ones shrunken to 480, and are reduced to 10 principal
    components of the video itself. A curvature below 0.0001, or of a video without three consecutive frames
    that differ, counts as 0.0001: a still video is straight, which is best.

    Versions of the published code differ in scales of V1 (five or six), in how they shrink (to 480 x 270 px
    whatever the shape, or by a factor) and in components (5 or 10); none is matched bit for bit.
    """

    learns_from: Lesson = "nothing"
    looks_at: FramePolicy = Runs()

    def measure(self, frames: Iterable[Frame]) -> _Tpqi:
        """Log curvatures of a video. All responses of V1 are held: 1.3 MB a frame of 480 x 270 px."""
        numbers, v1, lgn = [], [], []
        for frame in frames:
            small = shrink(frame.luma)
            numbers.append(frame.number)
            v1.append(v1_response(small))
            lgn.append(lgn_response(small))
        return _Tpqi(
            log_mean(bends(principal_components(v1), numbers).v1_curvature),
            log_mean(bends(principal_components(lgn), numbers).lgn_curvature),
        )

    def fit(self, measured: Sequence[_Tpqi], labels: Sequence[float], contents: Sequence[str]) -> None:
        """There is nothing to learn."""
        del measured, labels, contents

    def predict(self, measured: Sequence[_Tpqi]) -> NDArray[np.float64]:
        """See :class:`Peer`."""
        return -np.array([video.v1 + video.lgn for video in measured])


PEERS: Mapping[str, Callable[[], Peer]] = {"brisque": Brisque, "niqe": Niqe, "stem": Stem, "tpqi": Tpqi}
"""A fresh comparator by name."""
