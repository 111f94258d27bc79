"""Bootstrap intervals which resample contents, not videos: versions of one content are not independent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["BootstrapInterval", "bootstrap_by_content"]


@dataclass(frozen=True, slots=True)
class BootstrapInterval:
    """Percentile interval of a statistic."""

    low: float
    high: float
    coverage: float
    resamples: int
    """How many draws gave a number; draws in which it is undefined (constant scores) are left out."""


def bootstrap_by_content(
    statistic: Callable[[NDArray[np.intp]], float],
    contents: Sequence[str],
    *,
    coverage: float = 0.95,
    resamples: int = 1000,
    generator: np.random.Generator,
) -> BootstrapInterval | None:
    """Resample whole contents with replacement and take percentiles.

    Args:
        statistic: Takes indices of videos (repeats are legal) and returns a number or NaN.
        contents: Content of each video.
        coverage: Of the interval, in (0, 1).
        resamples: Number of draws.
        generator: The only source of randomness.

    Returns:
        The interval, or ``None`` with fewer than two contents or when no draw gave a number.

    Raises:
        ConfigError: ``coverage`` outside (0, 1) or ``resamples`` below 1.
    """
    if not 0 < coverage < 1:
        raise ConfigError(f"coverage is {coverage}; it must lie between 0 and 1, e.g. 0.95")
    if resamples < 1:
        raise ConfigError(f"resamples is {resamples}; it must be at least 1")
    _, group = np.unique(np.asarray(contents, dtype=str), return_inverse=True)
    members = [np.flatnonzero(group == index) for index in range(int(group.max(initial=-1)) + 1)]
    if len(members) < 2:
        return None
    values = []
    for _ in range(resamples):
        drawn = generator.integers(0, len(members), size=len(members))
        values.append(statistic(np.concatenate([members[index] for index in drawn])))
    defined = np.asarray(values, dtype=np.float64)
    defined = defined[np.isfinite(defined)]
    if defined.size == 0:
        return None
    low, high = np.quantile(defined, [(1 - coverage) / 2, (1 + coverage) / 2])
    return BootstrapInterval(float(low), float(high), coverage, int(defined.size))
