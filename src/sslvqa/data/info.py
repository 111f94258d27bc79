"""``*info.mat``: names, scores and 1 000 permutations of a database, as VSFA and its successors split it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.data.matlab import numbers, read_mat, words
from sslvqa.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["SplitInfo", "read_info"]


@dataclass(frozen=True)
class SplitInfo:
    """What such a file holds of N videos."""

    names: tuple[str, ...]
    scores: tuple[float, ...]
    reference_ids: tuple[int, ...]
    """Number of each video's content, from 1; where the file's author tells none apart, that of the video."""
    permutations: NDArray[np.intp]
    """Orders of the content numbers, ``(runs, N)``, from 1: the first 60 % train, the last 20 % test."""


def read_info(path: Path) -> SplitInfo:
    """Read a ``*info.mat`` file (MATLAB 7.3; needs ``h5py``).

    Raises:
        DataError: It is not such a file, or its parts do not fit together.
        MissingExtraError: ``h5py`` is not installed.
    """
    found = read_mat(path)
    missing = {"video_names", "scores", "index", "ref_ids"} - found.keys()
    if missing:
        raise DataError(
            f"{path}: no {', '.join(sorted(missing))}; a split file holds video_names, scores, index, ref_ids"
        )
    names, scores = words(found["video_names"]), numbers(found["scores"])
    references = [int(number) for number in numbers(found["ref_ids"])]
    orders = np.atleast_2d(np.asarray(found["index"])).astype(np.intp)
    if not len(names) == len(scores) == len(references) or orders.shape[1] != len(names):
        raise DataError(
            f"{path}: {len(names)} names, {len(scores)} scores, {len(references)} references and "
            f"permutations of {orders.shape[1]}; the file is damaged"
        )
    if (np.sort(orders, axis=1) != np.arange(1, len(names) + 1)).any():
        raise DataError(f"{path}: a row of 'index' is no permutation of 1..{len(names)}; the file is damaged")
    return SplitInfo(tuple(names), tuple(scores), tuple(references), orders)
