"""Which videos to rate next."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from sslvqa.errors import ConfigError, DataError
from sslvqa.rate import choose_next, doubt_ranks


@pytest.fixture
def pool():
    generator = np.random.default_rng(0)
    return generator.normal(size=(60, 4)), generator.uniform(0.1, 1, 60)


@pytest.mark.parametrize("strategy", ["both", "doubt", "diverse", "random"])
def test_a_choice_is_repeatable_distinct_and_a_prefix_of_a_longer_one(pool, strategy):
    short, long, again = (
        choose_next(*pool, count=count, strategy=strategy, seed=3) for count in (10, 40, 40)
    )
    assert short == long[:10]
    assert long == again
    assert len(set(long)) == 40
    assert sorted(choose_next(*pool, count=99, strategy=strategy)) == list(range(60))


def test_diverse_covers_better_than_random(pool):
    x, doubt = pool
    radius = {}
    for strategy in ("diverse", "random"):
        chosen = choose_next(x, doubt, count=10, strategy=strategy)
        radius[strategy] = cdist(x, x[chosen]).min(axis=1).max()
    assert radius["diverse"] < 0.9 * radius["random"]


def test_diverse_follows_k_centre_by_brute_force(pool):
    x, doubt = pool
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    expected = [int(np.argmin(np.linalg.norm(z, axis=1)))]
    for _ in range(5):
        expected.append(int(cdist(z, z[expected]).min(axis=1).argmax()))
    assert choose_next(x, doubt, count=6, strategy="diverse") == expected


def test_rated_videos_keep_the_choice_away(pool):
    x, doubt = pool
    near = np.concatenate([np.zeros((20, 2)), np.full((20, 2), 5.0)]) + 0.01 * np.arange(40)[:, None] % 0.1
    chosen = choose_next(near, np.ones(40), count=1, strategy="diverse", rated=[[0.0, 0.0]])
    assert chosen[0] >= 20
    assert choose_next(x, doubt, count=3, strategy="diverse", rated=x[:30]) != choose_next(
        x, doubt, count=3, strategy="diverse"
    )


def test_doubt_takes_the_most_doubtful_and_both_trades(pool):
    x, doubt = pool
    assert choose_next(x, doubt, count=5, strategy="doubt") == list(np.argsort(-doubt)[:5])
    both = choose_next(x, doubt, count=10, strategy="both")
    diverse = choose_next(x, doubt, count=10, strategy="diverse")
    assert both[0] == int(doubt.argmax())
    assert doubt[both].mean() > doubt[diverse].mean()


def test_ties_depend_on_the_seed_only():
    x = np.zeros((20, 2))
    one, same, other = (choose_next(x, np.ones(20), count=5, strategy="doubt", seed=s) for s in (1, 1, 2))
    assert one == same != other
    assert len(set(choose_next(x, np.ones(20), count=5, strategy="both"))) == 5


def test_doubts_are_ranks_without_units_and_constant_signs_say_nothing():
    signals = np.array([[0.1, 300, 7], [0.2, 100, 7], [0.3, 200, 7]])
    assert doubt_ranks(signals) == pytest.approx([(1 + 3) / 6, (2 + 1) / 6, (3 + 2) / 6])
    assert doubt_ranks(np.exp(signals / [1, 100, 1])) == pytest.approx(doubt_ranks(signals))
    assert doubt_ranks(np.full((3, 2), 4.0)).tolist() == [1, 1, 1]
    with pytest.raises(DataError, match="signs of doubt"):
        doubt_ranks([[np.nan]])


def test_wrong_input_is_refused(pool):
    x, doubt = pool
    with pytest.raises(ConfigError, match="at least 1"):
        choose_next(x, doubt, count=0)
    with pytest.raises(ConfigError, match="both, doubt"):
        choose_next(x, doubt, count=1, strategy="best")
    with pytest.raises(DataError, match="expected"):
        choose_next(x, doubt[:3], count=1)
    with pytest.raises(DataError, match="not finite"):
        choose_next(x * np.nan, doubt, count=1)
