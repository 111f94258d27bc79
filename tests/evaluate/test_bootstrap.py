"""Bootstrap intervals by content."""

import numpy as np
import pytest

from sslvqa.errors import ConfigError
from sslvqa.evaluate import bootstrap_by_content


def _mean(values):
    return lambda indices: float(values[indices].mean())


def test_contents_are_drawn_whole():
    contents = ["a", "a", "a", "b", "b", "b"]
    seen = []

    def statistic(indices):
        seen.append(sorted(indices))
        return 0.0

    bootstrap_by_content(statistic, contents, resamples=30, generator=np.random.default_rng(0))
    allowed = [[0, 0, 1, 1, 2, 2], [0, 1, 2, 3, 4, 5], [3, 3, 4, 4, 5, 5]]
    assert all(indices in allowed for indices in seen)
    assert len({tuple(indices) for indices in seen}) == 3


def test_versions_of_one_content_do_not_narrow_the_interval():
    rng = np.random.default_rng(0)
    one_each = rng.normal(size=30)
    repeated = np.repeat(one_each, 20)
    few = bootstrap_by_content(
        _mean(one_each), [str(i) for i in range(30)], generator=np.random.default_rng(1)
    )
    many = bootstrap_by_content(
        _mean(repeated), [str(i // 20) for i in range(600)], generator=np.random.default_rng(1)
    )
    assert few is not None
    assert many is not None
    assert many.high - many.low == pytest.approx(few.high - few.low, rel=0.05)


def test_the_interval_of_a_mean_covers_as_often_as_stated():
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(60):
        values = rng.normal(size=40)
        found = bootstrap_by_content(
            _mean(values),
            [str(i) for i in range(40)],
            coverage=0.9,
            resamples=200,
            generator=np.random.default_rng(seed),
        )
        hits += found.low <= 0 <= found.high
    assert 0.8 <= hits / 60 <= 0.98


def test_the_same_seed_gives_the_same_interval():
    values, contents = np.arange(10.0), [str(i) for i in range(10)]
    first, second = (
        bootstrap_by_content(_mean(values), contents, generator=np.random.default_rng(3)) for _ in range(2)
    )
    assert first == second


def test_no_interval_from_one_content_or_without_a_defined_draw():
    generator = np.random.default_rng(0)
    assert bootstrap_by_content(_mean(np.arange(3.0)), ["a"] * 3, generator=generator) is None
    assert bootstrap_by_content(lambda _: float("nan"), ["a", "b"], resamples=5, generator=generator) is None


@pytest.mark.parametrize(
    ("options", "words"), [({"coverage": 1.0}, "coverage"), ({"resamples": 0}, "resamples")]
)
def test_settings_out_of_range_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        bootstrap_by_content(lambda _: 0.0, ["a", "b"], generator=np.random.default_rng(0), **options)
