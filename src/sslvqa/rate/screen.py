"""Screening of observers as in ITU-R BT.500."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.rate.opinion import moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sslvqa.rate.votes import Votes

__all__ = ["Screening", "screen_raters"]

NORMAL_KURTOSIS = (2.0, 4.0)
"""Kurtosis β2 of votes that are taken for normal."""
MOST_OUTLIERS = 0.05
BALANCE = 0.3


@dataclass(frozen=True)
class Screening:
    """What the test counted for each rater, aligned with ``Votes.raters``."""

    above: NDArray[np.intp]
    """P: votes far above the mean of their video."""
    below: NDArray[np.intp]
    """Q: votes far below it."""
    votes: NDArray[np.intp]
    """Votes that could be tested: of videos with two raters or more who do not all agree."""
    rejected: NDArray[np.bool_]


def screen_raters(votes: Votes) -> Screening:
    """Find raters who are often far from the others, in both directions (ITU-R BT.500, post-screening).

    For each video: mean, sample deviation S and kurtosis ``β2 = m4 / m2²`` of its votes. A vote is far when
    it is ``2 S`` or more from the mean if ``2 <= β2 <= 4``, else ``sqrt(20) S`` or more. With P votes far
    above and Q far below, a rater is rejected if ``(P + Q) / votes > 0.05`` and
    ``|P - Q| / (P + Q) < 0.3``: a rater who errs in one direction has a bias, which recovery can handle, and
    stays.

    Made for incomplete designs: ``votes`` is what the rater really voted. A video whose votes are all equal
    tests nobody (by the letter S = 0 would make every vote an outlier). No vote can be 2 S from the mean of
    fewer than six (the largest possible distance is ``(N - 1) / sqrt(N)`` S): with fewer raters none is
    rejected. Should all be rejected, none is.
    """
    size, raters = len(votes.videos), len(votes.raters)
    count, mean, deviation = moments(votes)
    offset = votes.value - mean[votes.video]
    second, fourth = (
        np.bincount(votes.video, weights=offset**power, minlength=size) / np.maximum(count, 1)
        for power in (2, 4)
    )
    varied = second > 1e-12
    with np.errstate(invalid="ignore", divide="ignore"):
        kurtosis = fourth / second**2
    normal = (kurtosis >= NORMAL_KURTOSIS[0]) & (kurtosis <= NORMAL_KURTOSIS[1])
    limit = np.where(normal, 2.0, np.sqrt(20.0)) * deviation
    tested = varied[votes.video]
    far = tested & (np.abs(offset) >= limit[votes.video] * (1 - 1e-12))
    above, below = (
        np.bincount(votes.rater[far & side], minlength=raters) for side in (offset > 0, offset < 0)
    )
    seen = np.bincount(votes.rater[tested], minlength=raters)
    outliers = above + below
    often = outliers > MOST_OUTLIERS * seen
    balanced = np.abs(above - below) < BALANCE * outliers
    rejected = often & balanced
    present = np.bincount(votes.rater, minlength=raters) > 0
    if rejected[present].all():
        rejected = np.zeros(raters, dtype=bool)
    return Screening(above, below, seen, rejected)
