"""Scores from pair comparisons: the Bradley-Terry model."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, log_expit
from scipy.stats import norm

from sslvqa.data.cells import raise_problems, read_cells, select_lines
from sslvqa.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Comparison", "PairScores", "bradley_terry", "is_pair_table", "read_pairs", "write_pair_scores"]

_COLUMNS = ("rater", "left", "right", "preferred")
_PREFERRED = {"left": 1.0, "right": 0.0, "none": 0.5}

_PRIOR = 0.1
"""Precision of the zero-mean prior on the scores: a video that won every pair still gets a finite score."""


class Comparison(NamedTuple):
    """One judgement of one person."""

    rater: str
    left: str
    right: str
    preferred: float
    """1 for left, 0 for right, 0.5 for no preference."""


def is_pair_table(path: Path | str) -> bool:
    """Whether the header of a CSV has the columns rater, left, right and preferred.

    Raises:
        ManifestError: The file cannot be read.
    """
    header = read_cells(Path(path), expected="a header")[0][1]
    return set(_COLUMNS) <= {cell.lower() for cell in header}


def read_pairs(path: Path | str, *, where: Mapping[str, str] | None = None) -> list[Comparison]:
    """Read a CSV with the columns rater, left, right and preferred (``left``, ``right`` or ``none``).

    Args:
        path: The table.
        where: Keep only lines with these values, by column.

    Raises:
        ManifestError: Every bad line, by number.
    """
    table = Path(path)
    lines = read_cells(table, expected=f"the columns {', '.join(_COLUMNS)}")
    header = [cell.lower() for cell in lines[0][1]]
    at = [header.index(name) for name in _COLUMNS]
    found, problems = [], []
    for number, cells in select_lines(table, lines, where or {}):
        rater, left, right, preferred = (cells[index] for index in at)
        if preferred.lower() not in _PREFERRED:
            problems.append(
                f"{table.name}:{number}: preferred is '{preferred}'; expected left, right or none"
            )
        elif not (rater and left and right) or left == right:
            problems.append(f"{table.name}:{number}: expected a rater and two different videos")
        else:
            found.append(Comparison(rater, left, right, _PREFERRED[preferred.lower()]))
    raise_problems(problems)
    return found


@dataclass(frozen=True)
class PairScores:
    """Scores in logits: a difference of 1 means that the better one is preferred in 73 % of comparisons."""

    videos: tuple[str, ...]
    score: NDArray[np.float64]
    """Mean 0."""
    std_error: NDArray[np.float64]
    comparisons: NDArray[np.intp]
    """How many each video took part in."""
    agreement: dict[str, float]
    """For each rater, the share of comparisons decided as the scores do (a tie counts one half)."""
    groups: int = 1
    """Sets of videos of which none was compared with one of another: scores compare within a set only."""

    @property
    def scale(self) -> tuple[float, float]:
        """Whole logits, as far below 0 as above, between which all scores lie."""
        end = float(max(np.ceil(np.abs(self.score).max()), 1))
        return -end, end

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may make the scores less trustworthy."""
        if self.groups == 1:
            return ()
        return (f"{self.groups} sets of videos were never compared; scores compare within a set only",)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, named as those of :class:`~sslvqa.rate.Ratings`; not the videos."""
        return {
            "schema": 1,
            "videos": len(self.videos),
            "votes": int(self.comparisons.sum()) // 2,
            "votes_per_video": [int(self.comparisons.min()), int(self.comparisons.max())],
            "method": "bradley_terry",
            "warnings": list(self.warnings),
            "scale": list(self.scale),
            "mean_std_error": float(self.std_error.mean()),
            "raters": [{"rater": name, "agreement": share} for name, share in self.agreement.items()],
        }


def bradley_terry(comparisons: Sequence[Comparison]) -> PairScores:
    """Fit ``P(a preferred to b) = 1 / (1 + exp(s_b - s_a))`` by maximum a posteriori.

    The prior is Gaussian with variance 10: weak beside a few comparisons, but it keeps scores finite. "No
    preference" counts as half a preference for each. Standard errors come from the inverse Hessian; they are
    those of scores with mean 0, so how far all could shift together is no part of them.

    Source: Bradley and Terry, Biometrika 1952; ITU-T P.910 and BT.500 name the model for pair comparison.

    Raises:
        DataError: No comparison, or one of a video with itself.
    """
    if not comparisons:
        raise DataError("there are no comparisons; expected rows of rater, left, right and preferred")
    same = next((item for item in comparisons if item.left == item.right), None)
    if same is not None:
        raise DataError(f"rater {same.rater} compares '{same.left}' with itself; a pair is of two videos")
    names = tuple(dict.fromkeys(name for item in comparisons for name in (item.left, item.right)))
    index = {name: at for at, name in enumerate(names)}
    left = np.array([index[item.left] for item in comparisons])
    right = np.array([index[item.right] for item in comparisons])
    wins = np.array([item.preferred for item in comparisons], dtype=np.float64)

    def objective(score: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        gap = score[left] - score[right]
        value = _PRIOR / 2 * float(score @ score)
        value -= float(np.sum(wins * log_expit(gap) + (1 - wins) * log_expit(-gap)))
        pull = expit(gap) - wins
        gradient = _PRIOR * score
        gradient += np.bincount(left, pull, len(names)) - np.bincount(right, pull, len(names))
        return value, gradient

    found = minimize(objective, np.zeros(len(names)), jac=True, method="L-BFGS-B", options={"ftol": 1e-14})
    score = found.x - found.x.mean()
    return PairScores(
        names,
        score,
        _centred_errors(_hessian(score, left, right)),
        np.bincount(np.concatenate([left, right]), minlength=len(names)),
        _agreement(comparisons, score[left] - score[right]),
        _groups(left, right, len(names)),
    )


def write_pair_scores(path: Path, scores: PairScores, *, coverage: float = 0.95) -> None:
    """Write a manifest: path, score (logits), std_error, low, high, comparisons.

    Args:
        path: The CSV.
        scores: What to write.
        coverage: Of the normal confidence interval from ``low`` to ``high``, in (0, 1).

    Raises:
        ConfigError: ``coverage`` outside (0, 1).
    """
    if not 0 < coverage < 1:
        raise ConfigError(f"coverage is {coverage:g}; it must lie between 0 and 1")
    half = float(norm.ppf((1 + coverage) / 2)) * scores.std_error
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "score", "std_error", "low", "high", "comparisons"))
        for at, name in enumerate(scores.videos):
            score = scores.score[at]
            numbers = (score, scores.std_error[at], score - half[at], score + half[at])
            writer.writerow((name, *(f"{number:.6g}" for number in numbers), int(scores.comparisons[at])))


def _groups(left: NDArray[np.intp], right: NDArray[np.intp], videos: int) -> int:
    """Connected components of the graph of comparisons."""
    graph = coo_array((np.ones(left.size), (left, right)), shape=(videos, videos))
    return int(connected_components(graph, directed=False)[0])


def _hessian(
    score: NDArray[np.float64], left: NDArray[np.intp], right: NDArray[np.intp]
) -> NDArray[np.float64]:
    chance = expit(score[left] - score[right])
    weight = chance * (1 - chance)
    hessian = _PRIOR * np.eye(score.size)
    for a, b, sign in ((left, left, 1), (right, right, 1), (left, right, -1), (right, left, -1)):
        np.add.at(hessian, (a, b), sign * weight)
    return hessian


def _centred_errors(hessian: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard errors once the mean is taken out: along it (an eigenvector) there is only the prior."""
    variance = np.diag(np.linalg.inv(hessian)) - 1 / (_PRIOR * len(hessian))
    errors: NDArray[np.float64] = np.sqrt(np.maximum(variance, 0))
    return errors


def _agreement(comparisons: Sequence[Comparison], gap: NDArray[np.float64]) -> dict[str, float]:
    totals: dict[str, list[float]] = {}
    for item, difference in zip(comparisons, gap, strict=True):
        decided = item.preferred if difference > 0 else 1 - item.preferred
        totals.setdefault(item.rater, []).append(0.5 if difference == 0 else decided)
    return {name: float(np.mean(shares)) for name, shares in totals.items()}
