"""From votes to a table of ratings that training takes, and a report on the raters."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import stats

from sslvqa.errors import ConfigError, DataError
from sslvqa.rate.opinion import Opinion, mean_opinion, rater_agreement, sos_parameter, split_half
from sslvqa.rate.recover import recover
from sslvqa.rate.screen import screen_raters
from sslvqa.rate.votes import check_scale, merge_repeats

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from sslvqa.rate.opinion import SplitHalf
    from sslvqa.rate.recover import Recovery
    from sslvqa.rate.screen import Screening
    from sslvqa.rate.votes import Repeats, Votes

__all__ = ["Method", "RaterReport", "Ratings", "rate_videos", "write_ratings"]

Method = Literal["recovery", "published", "mean"]


@dataclass(frozen=True, slots=True)
class RaterReport:
    """One rater."""

    rater: str
    votes: int
    bias: float | None
    """Votes above the others', in units of the votes."""
    inconsistency: float | None
    """Standard deviation around quality plus bias, in units of the votes."""
    agreement: float | None
    """Pearson correlation with the mean of the other raters."""
    above: int
    """BT.500's P: votes far above the mean."""
    below: int
    """BT.500's Q: votes far below the mean."""
    rejected: bool
    """Whether BT.500 screening rejects the rater; the votes are left out if screening is on."""


@dataclass(frozen=True)
class Ratings:
    """Ratings of videos and what is known of them."""

    videos: tuple[str, ...]
    opinion: Opinion
    method: Method
    screened: bool
    raters: tuple[RaterReport, ...]
    repeats_merged: int
    warnings: tuple[str, ...]
    """What may make the scores less trustworthy."""
    scale: tuple[float, float]
    sos: float
    """a of the SOS hypothesis; NaN if it cannot be estimated."""
    split_half: SplitHalf | None
    """Agreement of the plain MOS of two halves of the raters."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the summary and the raters, not the videos."""
        rated = self.opinion.votes > 0
        error = self.opinion.std_error[rated]
        known = np.isfinite(error)
        return {
            "schema": 1,
            "videos": int(rated.sum()),
            "votes": int(self.opinion.votes.sum()),
            "votes_per_video": [int(self.opinion.votes[rated].min()), int(self.opinion.votes[rated].max())],
            "method": self.method,
            "screened": self.screened,
            "repeats_merged": self.repeats_merged,
            "warnings": list(self.warnings),
            "scale": list(self.scale),
            "mean_std_error": float(error[known].mean()) if known.any() else None,
            "sos": _number(self.sos),
            "split_half": None if self.split_half is None else asdict(self.split_half),
            "raters": [asdict(rater) for rater in self.raters],
        }


def rate_videos(
    votes: Votes,
    *,
    method: Method = "recovery",
    screen: bool | None = None,
    repeats: Repeats = "mean",
    scale: tuple[float, float] | None = None,
    coverage: float = 0.95,
    splits: int = 100,
    seed: int = 0,
) -> Ratings:
    """Turn votes into scores with confidence intervals.

    Args:
        votes: As read; several votes of one rater for one video are legal.
        method: ``recovery`` (restricted maximum likelihood: bias removed, careful raters count more),
            ``published`` (the same model by the letter of P.910) or ``mean`` (MOS).
        screen: Leave out the raters whom BT.500 rejects; default for ``mean`` only, as recovery weighs them.
        repeats: What becomes of several votes: ``mean``, ``latest`` or ``first``.
        scale: Lowest and highest vote; default those found.
        coverage: Of the confidence intervals.
        splits: Random splits of the raters for the split-half correlation; 0 for none.
        seed: Of the splits.

    Raises:
        ConfigError: A setting is out of its range.
        DataError: Recovery of one rater's votes, or equal votes everywhere.
    """
    if method not in {"recovery", "published", "mean"}:
        raise ConfigError(f"method is {method!r}; it must be recovery, published or mean")
    check_scale(scale)
    merged, repeated = merge_repeats(votes, repeats=repeats)
    low, high = (float(merged.value.min()), float(merged.value.max())) if scale is None else scale
    if not low < high:
        raise DataError(f"all {len(merged)} votes are {low:g}; nothing can be learned from them")
    several = np.unique(merged.rater).size > 1
    fit = recover(merged, restricted=method != "published") if several else None
    screening = screen_raters(merged)
    leave_out = (method == "mean") if screen is None else screen
    kept = merged.only(~screening.rejected[merged.rater]) if leave_out else merged
    opinion = mean_opinion(kept, coverage=coverage)
    if method != "mean":
        opinion = _recovered(kept, opinion, coverage, restricted=method == "recovery")
    generator = np.random.default_rng(seed)
    return Ratings(
        videos=merged.videos,
        opinion=opinion,
        method=method,
        screened=leave_out,
        raters=_report(merged, fit, screening),
        repeats_merged=repeated,
        warnings=() if fit is None else _warnings(method, fit),
        scale=(low, high),
        sos=sos_parameter(kept, low=low, high=high),
        split_half=split_half(kept, splits=splits, generator=generator),
    )


def write_ratings(path: Path, ratings: Ratings, *, contents: Mapping[str, str] | None = None) -> None:
    """Write the manifest that ``sslvqa train --labels`` takes, a line a video that has votes.

    Columns: path, score, std_error, low, high (ends of the confidence interval, cut at those of the scale),
    deviation, votes; content where it is known. A number that cannot be estimated is an empty cell.
    """
    opinion, (bottom, top) = ratings.opinion, ratings.scale
    columns = [
        "path",
        "score",
        "std_error",
        "low",
        "high",
        "deviation",
        "votes",
        *(["content"] if contents else []),
    ]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for index, name in enumerate(ratings.videos):
            if not opinion.votes[index]:
                continue
            ends = np.clip([opinion.low[index], opinion.high[index]], bottom, top)
            numbers = [opinion.score[index], opinion.std_error[index], *ends, opinion.deviation[index]]
            row = [name, *map(_cell, numbers), int(opinion.votes[index])]
            writer.writerow([*row, contents.get(name, "")] if contents else row)


def _recovered(votes: Votes, opinion: Opinion, coverage: float, *, restricted: bool) -> Opinion:
    """Replace the means by recovered quality, with a normal interval."""
    fit = recover(votes, restricted=restricted)
    half = float(stats.norm.ppf((1 + coverage) / 2)) * fit.quality_error
    return Opinion(
        fit.quality,
        fit.quality_error,
        fit.quality - half,
        fit.quality + half,
        opinion.deviation,
        opinion.votes,
    )


def _warnings(method: Method, fit: Recovery) -> tuple[str, ...]:
    found = []
    if fit.groups > 1:
        found.append(f"{fit.groups} sets of raters share no video; scores compare within a set only")
    if method == "published" and np.nanmin(fit.inconsistency) < 0.01 * np.nanmedian(fit.inconsistency):
        found.append("the published likelihood follows one rater alone; use --method recovery")
    if not fit.converged:
        found.append(f"recovery has not converged in {fit.iterations} iterations")
    return tuple(found)


def _report(votes: Votes, fit: Recovery | None, screening: Screening) -> tuple[RaterReport, ...]:
    agreement = rater_agreement(votes)
    counts = np.bincount(votes.rater, minlength=len(votes.raters))
    return tuple(
        RaterReport(
            rater=name,
            votes=int(counts[at]),
            bias=None if fit is None else _number(fit.bias[at]),
            inconsistency=None if fit is None else _number(fit.inconsistency[at]),
            agreement=_number(agreement[at]),
            above=int(screening.above[at]),
            below=int(screening.below[at]),
            rejected=bool(screening.rejected[at]),
        )
        for at, name in enumerate(votes.raters)
    )


def _number(value: float | NDArray[np.float64]) -> float | None:
    return float(value) if np.isfinite(value) else None


def _cell(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""
