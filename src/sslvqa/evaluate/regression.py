"""From features of videos to human scores: the SVR protocol that classical methods are published with.

Source: VIDEVAL (Tu et al., TIP 2021) and its benchmark. 100 random 80/20 splits; features scaled to [0, 1] on
the training part; an RBF support vector regression whose C in 2^1..2^10 and gamma in 2^-8..2^1 give the least
RMSE, after a 4-parameter logistic fit, on 20 % of the training part; the median over the splits is reported.
The splits themselves are those of the published numbers: scikit-learn's, with the seeds ceil(8.8 i) and
ceil(6.6 i) for i = 1, 2, ...
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import leastsq
from scipy.special import expit

from sslvqa.errors import ConfigError, DataError, MissingExtraError
from sslvqa.evaluate.protocol import MEASURES, evaluate_predictions

__all__ = ["FittedSvr", "SplitResult", "fit_svr", "median_results", "regress_splits"]

_C = 2.0 ** np.arange(1, 11)
_GAMMA = 2.0 ** np.arange(-8, 2)
_TEST = 0.2
_FEWEST = 20
_LOGISTIC_PARAMETERS = 4
_CONVERGED = {1, 2, 3, 4}
"""Of MINPACK."""


@dataclass(frozen=True, slots=True)
class SplitResult:
    """One split: what was chosen on its training part, and how its test part came out."""

    split: int
    """Number i of the split, from 1."""
    sha256: str
    """Hash of the videos of the test part: two equal hashes are the same split."""
    c: float
    gamma: float
    train: int
    test: int
    measures: Mapping[str, float]
    """By the names of :data:`MEASURES`; NaN where undefined."""


def regress_splits(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    splits: Iterable[int] = range(1, 101),
    names: Sequence[str] | None = None,
    contents: Sequence[str] | None = None,
    workers: int = 1,
) -> Iterator[SplitResult]:
    """Train and test a support vector regression on random splits.

    Args:
        features: ``(videos, features)``; values that are not finite count as 0, as in the published protocol.
        labels: Human score of each video, any scale.
        splits: Numbers of the splits, from 1.
        names: Of the videos, for the hash of the split; default their positions.
        contents: Content of each video: none is on two sides. Default every video its own, as published.
        workers: Processes, one thread each.

    Yields:
        Results in the order of ``splits``.

    Raises:
        MissingExtraError: scikit-learn is not installed.
        DataError: Sizes differ, labels are not finite or constant, or there are too few videos or contents.
        ConfigError: A number is below 1.
    """
    x, y = _checked(features, labels)
    numbers = list(splits)
    if workers < 1 or min(numbers, default=1) < 1:
        raise ConfigError(f"workers is {workers}, splits are {numbers[:3]} ...; all numbers are 1 or more")
    names = [str(place) for place in range(len(y))] if names is None else list(names)
    contents = names if contents is None else list(contents)
    if not len(names) == len(contents) == len(y):
        raise DataError(f"{len(y)} videos, {len(names)} names, {len(contents)} contents; give one of each")
    _require_sklearn()
    from joblib import Parallel, delayed, parallel_config

    groups = _numbered(contents)
    jobs = (delayed(_one_split)(number, x, y, groups, names) for number in numbers)
    with parallel_config(backend="loky", inner_max_num_threads=1):
        yield from Parallel(n_jobs=workers, return_as="generator")(jobs)


def median_results(results: Sequence[SplitResult]) -> dict[str, float]:
    """Median of every measure over the splits in which it is defined; NaN without any."""
    columns = {name: np.array([result.measures[name] for result in results]) for name in MEASURES}
    defined = {name: values[np.isfinite(values)] for name, values in columns.items()}
    return {name: float(np.median(values)) if values.size else math.nan for name, values in defined.items()}


@dataclass(frozen=True, slots=True)
class FittedSvr:
    """A support vector regression on scaled features, and its settings."""

    c: float
    gamma: float
    scaler: Any
    model: Any
    """Both of scikit-learn."""

    def predict(self, features: ArrayLike) -> NDArray[np.float64]:
        """Scores ``(videos,)`` of features ``(videos, features)``."""
        scores: NDArray[np.float64] = self.model.predict(self.scaler.transform(_finite(features)))
        return scores


def fit_svr(
    features: ArrayLike, labels: ArrayLike, *, contents: Sequence[str] | None = None, seed: int = 0
) -> FittedSvr:
    """Fit the regression of one split to all of the given videos, its settings tried on a fifth of them.

    Args:
        features: As for :func:`regress_splits`.
        labels: As for :func:`regress_splits`.
        contents: As for :func:`regress_splits`.
        seed: Of that fifth.

    Raises:
        MissingExtraError: scikit-learn is not installed.
        DataError: As :func:`regress_splits`.
    """
    x, y = _checked(features, labels)
    _require_sklearn()
    groups = np.arange(len(y)) if contents is None else _numbered(contents)
    return _fit(x, y, groups, seed=seed)


def _one_split(
    number: int,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    groups: NDArray[np.intp],
    names: Sequence[str],
) -> SplitResult:
    train, test = _divide(np.arange(len(y)), groups, seed=math.ceil(8.8 * number))
    fitted = _fit(x[train], y[train], groups[train], seed=math.ceil(6.6 * number))
    found = evaluate_predictions(fitted.predict(x[test]), y[test], resamples=0)
    text = "\x1f".join(sorted(names[place] for place in test))
    return SplitResult(
        split=number,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        c=fitted.c,
        gamma=fitted.gamma,
        train=len(train),
        test=len(test),
        measures={name: found.measures[name].value for name in MEASURES},
    )


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], groups: NDArray[np.intp], *, seed: int) -> FittedSvr:
    from sklearn.preprocessing import MinMaxScaler
    from sklearn.svm import SVR

    fit, held = _divide(np.arange(len(y)), groups, seed=seed)
    scaler = MinMaxScaler().fit(x[fit])
    c, gamma = _choose(scaler.transform(x[fit]), y[fit], scaler.transform(x[held]), y[held])
    scaler = MinMaxScaler().fit(x)
    model = SVR(kernel="rbf", C=c, gamma=gamma).fit(scaler.transform(x), y)
    return FittedSvr(c, gamma, scaler, model)


def _divide(
    places: NDArray[np.intp], groups: NDArray[np.intp], *, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """80 % and 20 % of the places; of the contents where a content has several videos."""
    from sklearn.model_selection import GroupShuffleSplit, train_test_split

    own = groups[places]
    contents = len(np.unique(own))
    if contents < 2:
        raise DataError("all videos are of one content, which cannot be divided; take more contents")
    if contents == len(own):
        first, second = train_test_split(places, test_size=_TEST, random_state=seed)
        return first, second
    splitter = GroupShuffleSplit(1, test_size=_TEST, random_state=seed)
    one, two = next(splitter.split(places, groups=own))
    return places[one], places[two]


def _choose(
    x: NDArray[np.float64], y: NDArray[np.float64], held_x: NDArray[np.float64], held_y: NDArray[np.float64]
) -> tuple[float, float]:
    """C and gamma of the least RMSE on the held-out part; the smaller C, then gamma, of equal ones.

    Kernels are computed once a gamma. Once no dual coefficient reaches C, a larger C has the same solution.
    """
    from sklearn.metrics.pairwise import euclidean_distances
    from sklearn.svm import SVR

    inner, outer = euclidean_distances(x, squared=True), euclidean_distances(held_x, x, squared=True)
    best = (math.inf, float(_C[0]), float(_GAMMA[0]))
    for gamma in _GAMMA.tolist():
        kernel, held_kernel = np.exp(-gamma * inner), np.exp(-gamma * outer)
        for c in _C.tolist():
            model = SVR(kernel="precomputed", C=c).fit(kernel, y)
            weights = model.dual_coef_[0]
            scores = held_kernel[:, model.support_] @ weights + model.intercept_[0]
            best = min(best, (_logistic_rmse(scores, held_y), c, gamma))
            if np.abs(weights).max(initial=0.0) < c:
                break
    return best[1:]


def _logistic_rmse(scores: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """RMSE after the 4-parameter logistic, from the published protocol's start; inf where the fit fails.

    Fewer scores than the logistic has parameters (few large contents) are compared as they are.
    """
    if len(scores) < _LOGISTIC_PARAMETERS:
        return float(np.sqrt(np.mean((scores - labels) ** 2)))
    start = [labels.max(), labels.min(), scores.mean(), 0.5]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a fit that fails, which is passed over
        found, status = leastsq(_residual, start, args=(scores, labels), Dfun=_slopes, maxfev=2000)
    if status not in _CONVERGED:
        return math.inf
    return float(np.sqrt(np.mean(_residual(found, scores, labels) ** 2)))


def _residual(
    theta: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    top, bottom, centre, width = theta
    residual: NDArray[np.float64] = bottom + (top - bottom) * expit((x - centre) / max(abs(width), 1e-12)) - y
    return residual


def _slopes(
    theta: NDArray[np.float64], x: NDArray[np.float64], _: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Derivatives of the logistic by its four parameters, ``(videos, 4)``."""
    top, bottom, centre, width = theta
    scale = max(abs(width), 1e-12)
    z = (x - centre) / scale
    share = expit(z)
    slope = (top - bottom) * share * (1 - share)
    return np.stack([share, 1 - share, -slope / scale, -slope * z / scale * np.sign(width)], axis=1)


def _checked(features: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(features, dtype=np.float64), np.asarray(labels, dtype=np.float64).ravel()
    if x.ndim != 2 or len(x) != len(y):
        raise DataError(
            f"features of shape {x.shape} for {len(y)} labels; expected one row of features for each label"
        )
    if not np.isfinite(y).all() or np.ptp(y) == 0:
        raise DataError("labels are constant or not finite; drop unlabelled videos first")
    if len(y) < _FEWEST:
        raise DataError(f"{len(y)} videos; this protocol splits them twice and needs {_FEWEST} or more")
    return _finite(x), y


def _finite(rows: ArrayLike) -> NDArray[np.float64]:
    """Features as the published protocol takes them: 0 for what is not a number."""
    return np.nan_to_num(np.asarray(rows, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _numbered(contents: Sequence[str]) -> NDArray[np.intp]:
    return np.unique(np.asarray(contents, dtype=str), return_inverse=True)[1]


def _require_sklearn() -> None:
    try:
        import sklearn  # noqa: F401 - brings joblib
    except ImportError as error:
        raise MissingExtraError(
            "this needs scikit-learn, which is not installed; run: pip install 'sslvqa[peers]'"
        ) from error
