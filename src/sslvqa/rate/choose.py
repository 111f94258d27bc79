"""Which videos to rate next: those the model doubts, those unlike the rated ones, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import rankdata

from sslvqa.errors import ConfigError, DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Strategy", "choose_next", "doubt_ranks"]

Strategy = Literal["both", "doubt", "diverse", "random"]


def doubt_ranks(signals: ArrayLike) -> NDArray[np.float64]:
    """Combine signs of doubt of different units into one number a video, in (0, 1].

    Args:
        signals: ``(n, k)``: k signs for each of n videos, e.g. disagreement of the two models, spread over
            views, width of the interval; larger is more doubtful.

    Returns:
        ``(n,)``: the mean over the signs of the rank divided by n, ties at their average; a sign that is the
        same for all videos says nothing and is left out. All 1 when no sign varies.

    Raises:
        DataError: Not two axes, or values that are not finite.
    """
    values = np.asarray(signals, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise DataError(f"signs of doubt have shape {values.shape}; expected finite (videos, signs)")
    varied = values[:, np.ptp(values, axis=0) > 0] if len(values) else values[:, :0]
    if not varied.shape[1]:
        return np.ones(len(values))
    ranks: NDArray[np.float64] = (rankdata(varied, axis=0) / len(values)).mean(axis=1)
    return ranks


def choose_next(
    features: ArrayLike,
    doubt: ArrayLike,
    *,
    count: int,
    strategy: Strategy = "both",
    rated: ArrayLike | None = None,
    seed: int = 0,
) -> list[int]:
    """Choose videos, the most useful first: a shorter list is the beginning of a longer one.

    - ``diverse``: k-centre greedy: always the video farthest from all that are rated or chosen. With none
      rated the one nearest to the centre comes first.
    - ``both``: the same with each distance multiplied by the video's doubt; the most doubtful comes first.
    - ``doubt``: the most doubtful.
    - ``random``: all orders alike.

    Distances are Euclidean after each feature was brought to mean 0 and deviation 1 over all videos, rated
    ones included.

    Args:
        features: ``(n, d)`` of the candidates.
        doubt: ``(n,)``, > 0, see :func:`doubt_ranks`.
        count: How many; all of them if there are fewer.
        strategy: See above.
        rated: ``(m, d)``, features of the videos already rated.
        seed: Of the random order, which also decides ties.

    Returns:
        Indices of candidates.

    Raises:
        ConfigError: ``count`` below 1 or another strategy.
        DataError: Shapes that do not fit, or values that are not finite.
    """
    x, weight = np.asarray(features, dtype=np.float64), np.asarray(doubt, dtype=np.float64)
    known = np.zeros((0, x.shape[-1])) if rated is None else np.asarray(rated, dtype=np.float64)
    _check(x, weight, known, count, strategy)
    order = np.random.default_rng(seed).permutation(len(x))
    count = min(count, len(x))
    if strategy == "random":
        return [int(index) for index in order[:count]]
    x, weight = x[order], weight[order]
    if strategy == "doubt":
        chosen = list(np.argsort(-weight, kind="stable")[:count])
    else:
        chosen = _k_centre(*_standardise(x, known), weight if strategy == "both" else None, count)
    return [int(order[index]) for index in chosen]


def _k_centre(
    x: NDArray[np.float64], known: NDArray[np.float64], weight: NDArray[np.float64] | None, count: int
) -> list[int]:
    """Greedy choice; ``weight`` multiplies the distance to the nearest rated or chosen video."""
    worth = np.ones(len(x)) if weight is None else weight
    chosen: list[int] = []
    nearest = np.full(len(x), np.inf)
    for row in known:
        nearest = np.minimum(nearest, np.linalg.norm(x - row, axis=1))
    if not len(known):
        central = -np.linalg.norm(x, axis=1)
        chosen.append(int(np.argmax(central if weight is None else weight)))
        nearest = np.linalg.norm(x - x[chosen[0]], axis=1)
    while len(chosen) < count:
        gain = nearest * worth
        gain[chosen] = -1.0
        best = int(np.argmax(gain))
        chosen.append(best)
        nearest = np.minimum(nearest, np.linalg.norm(x - x[best], axis=1))
    return chosen


def _standardise(
    x: NDArray[np.float64], known: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    everything = np.concatenate([x, known])
    mean, deviation = everything.mean(axis=0), everything.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return (x - mean) / deviation, (known - mean) / deviation


def _check(
    x: NDArray[np.float64],
    weight: NDArray[np.float64],
    known: NDArray[np.float64],
    count: int,
    strategy: str,
) -> None:
    if strategy not in {"both", "doubt", "diverse", "random"}:
        raise ConfigError(f"strategy is {strategy!r}; it must be both, doubt, diverse or random")
    if count < 1:
        raise ConfigError(f"{count} videos are asked for; it must be at least 1")
    if (
        x.ndim != 2
        or not len(x)
        or weight.shape != (len(x),)
        or known.ndim != 2
        or known.shape[1] != x.shape[1]
    ):
        raise DataError(
            f"got features {x.shape}, doubt {weight.shape} and rated {known.shape}; "
            "expected (n, d), (n,) and (m, d) with n >= 1"
        )
    if not all(np.isfinite(values).all() for values in (x, weight, known)):
        raise DataError("features or doubts are not finite; leave out the videos that failed")
