"""MOS, its interval, SOS, split halves; BT.500 screening against a slow version."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sslvqa.errors import ConfigError
from sslvqa.rate import (
    Votes,
    mean_opinion,
    rater_agreement,
    screen_raters,
    sos_parameter,
    split_half,
)


def matrix(votes: Votes) -> np.ndarray:
    found = np.full((len(votes.videos), len(votes.raters)), np.nan)
    found[votes.video, votes.rater] = votes.value
    return found


def slow_screening(x: np.ndarray) -> tuple[list[int], list[int], list[bool]]:
    """BT.500 as its text goes: loops over videos, then over raters; unanimous videos are skipped."""
    above, below, seen = ([0] * x.shape[1] for _ in range(3))
    for row in x:
        votes = row[~np.isnan(row)]
        if votes.size < 2 or np.ptp(votes) == 0:
            continue
        mean, deviation = votes.mean(), votes.std(ddof=1)
        normal = 2 <= stats.kurtosis(votes, fisher=False) <= 4
        limit = (2 if normal else np.sqrt(20)) * deviation
        for rater, vote in enumerate(row):
            seen[rater] += not np.isnan(vote)
            above[rater] += vote >= mean + limit
            below[rater] += vote <= mean - limit
    rejected = [
        p + q > 0.05 * n and abs(p - q) / (p + q) < 0.3 for p, q, n in zip(above, below, seen, strict=True)
    ]
    return above, below, rejected


def test_the_mean_and_its_t_interval_by_hand():
    votes = Votes.from_rows([("a", "x", 2), ("b", "x", 3), ("c", "x", 4), ("a", "y", 5)])
    found = mean_opinion(votes)
    assert found.score.tolist() == [3, 5]
    assert found.votes.tolist() == [3, 1]
    assert found.std_error[0] == pytest.approx(1 / np.sqrt(3))
    assert found.high[0] - found.score[0] == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert np.isnan([found.std_error[1], found.low[1], found.deviation[1]]).all()
    with pytest.raises(ConfigError, match="coverage is 95"):
        mean_opinion(votes, coverage=95)


def test_the_interval_holds_the_truth_as_often_as_it_says(simulate):
    votes, quality = simulate(2000, [0] * 4, [0.5] * 4, rounded=False, seed=3)
    found = mean_opinion(votes, coverage=0.9)
    inside = (found.low <= quality) & (quality <= found.high)
    assert inside.mean() == pytest.approx(0.9, abs=0.02)


def test_screening_counts_as_the_slow_version_and_finds_the_random_rater(simulate):
    votes, _ = simulate(150, [0] * 14, [0.4] * 12 + [2.5, 2.0], missing=0.1, seed=1)
    found = screen_raters(votes)
    order = [votes.raters.index(f"r{i}") for i in range(14)]
    above, below, rejected = slow_screening(matrix(votes))
    assert found.above.tolist() == above
    assert found.below.tolist() == below
    assert found.rejected.tolist() == rejected
    assert [bool(found.rejected[order[i]]) for i in (0, 12)] == [False, True]


def test_a_biased_rater_is_not_rejected(simulate):
    votes, _ = simulate(150, [0] * 11 + [1.6], [0.4] * 12, rounded=False, seed=2)
    found = screen_raters(votes)
    at = votes.raters.index("r11")
    assert found.above[at] > 0.05 * found.votes[at]
    assert not found.rejected[at]


def test_heavy_tails_use_the_wider_limit():
    calm = [3.0] * 30 + [2.9, 3.1] * 2
    rows = [(f"r{i}", f"v{j}", vote) for j in range(4) for i, vote in enumerate([*calm, 3.4])]
    votes = Votes.from_rows(rows)
    x = matrix(votes)[0]
    assert stats.kurtosis(x, fisher=False) > 4
    distance = (3.4 - x.mean()) / x.std(ddof=1)
    assert distance > 2
    assert (screen_raters(votes).above[-1] == 4) == (distance >= np.sqrt(20))


def test_unanimous_videos_and_few_raters_reject_nobody(simulate):
    unanimous = Votes.from_rows([(f"r{i}", f"v{j}", 4) for i in range(8) for j in range(5)])
    found = screen_raters(unanimous)
    assert not found.rejected.any()
    assert found.votes.sum() == 0
    few, _ = simulate(100, [0, 0, 0], [0.2, 0.2, 3.0])
    assert not screen_raters(few).rejected.any()


def test_sos_of_votes_at_the_two_ends_is_one_and_of_equal_votes_is_zero():
    count = 400  # S² carries N / (N - 1)
    ends = Votes.from_rows(
        [(f"r{i}", f"v{j}", 5 if i < 100 * j else 1) for i in range(count) for j in (1, 2)]
    )
    assert sos_parameter(ends, low=1, high=5) == pytest.approx(count / (count - 1))
    same = Votes.from_rows([(f"r{i}", "v", 3) for i in range(4)])
    assert sos_parameter(same, low=1, high=5) == 0
    assert np.isnan(sos_parameter(Votes.from_rows([("a", "v", 3)]), low=1, high=5))
    with pytest.raises(ConfigError, match="below the highest"):
        sos_parameter(same, low=5, high=1)


def test_split_half_is_high_for_careful_raters_low_for_random_ones_and_seeded(simulate):
    careful, _ = simulate(60, [0] * 10, [0.3] * 10, missing=0.2)
    noise, _ = simulate(60, [0] * 10, [60] * 10)
    values = [split_half(v, splits=10, generator=np.random.default_rng(0)) for v in (careful, careful, noise)]
    assert values[0] == values[1]
    assert values[0].srocc > 0.9 > 0.4 > values[2].srocc
    assert values[0].raters == (5, 5)
    one = Votes.from_rows([("a", "x", 1), ("a", "y", 2)])
    assert split_half(one, generator=np.random.default_rng(0)) is None


def test_agreement_leaves_out_the_own_vote(simulate):
    votes, _ = simulate(50, [0] * 4, [0.3, 0.3, 0.3, 50], seed=4)
    found = rater_agreement(votes)
    x = matrix(votes)
    assert found[0] == pytest.approx(stats.pearsonr(x[:, 0], x[:, 1:].mean(axis=1)).statistic)
    assert found[votes.raters.index("r3")] < 0.5 < found[0]
    assert np.isnan(rater_agreement(Votes.from_rows([("a", "x", 1)]))).all()
