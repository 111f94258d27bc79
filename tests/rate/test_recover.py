"""Maximum-likelihood recovery: the published numbers, and what the restricted form mends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import DataError
from sslvqa.rate import Votes, mean_opinion, recover


@pytest.fixture(scope="module")
def sureal():
    """Votes and the numbers that sureal 0.9.0 (Netflix's implementation of P.910's method) gives for them."""
    golden = json.loads((Path(__file__).parent / "sureal.json").read_text())
    rows = [
        (f"r{i}", f"v{j}", float(vote))
        for j, row in enumerate(golden["votes"])
        for i, vote in enumerate(row)
        if vote is not None
    ]
    votes = Votes.from_rows(rows)
    order = [votes.raters.index(f"r{i}") for i in range(len(golden["votes"][0]))]
    return votes, order, golden


def test_the_published_form_gives_the_numbers_of_sureal(sureal):
    votes, order, golden = sureal
    found = recover(votes, restricted=False)
    assert found.converged
    assert found.quality == pytest.approx(golden["quality_scores"], abs=2e-8)
    assert found.quality_error == pytest.approx(golden["quality_scores_std"], abs=2e-8)
    assert found.bias[order] == pytest.approx(golden["observer_bias"], abs=2e-8)
    assert found.bias_error[order] == pytest.approx(golden["observer_bias_std"], abs=2e-8)
    assert found.inconsistency[order] == pytest.approx(golden["observer_inconsistency"], abs=2e-8)


def test_the_mean_opinion_is_that_of_sureal(sureal):
    votes, _, golden = sureal
    found = mean_opinion(votes)
    assert found.score == pytest.approx(golden["mos"], abs=2e-9)
    assert found.std_error == pytest.approx(golden["mos_std"], abs=2e-9)


def test_quality_bias_and_inconsistency_come_back(simulate):
    bias = np.linspace(-1, 1, 12)
    inconsistency = np.linspace(0.2, 1.2, 12)
    votes, quality = simulate(400, bias, inconsistency, missing=0.3, rounded=False)
    found = recover(votes)
    order = [votes.raters.index(f"r{i}") for i in range(12)]
    assert found.bias[order] == pytest.approx(bias, abs=0.15)
    assert found.inconsistency[order] == pytest.approx(inconsistency, rel=0.12, abs=0.06)
    error = (found.quality - quality) / found.quality_error
    assert error.std() == pytest.approx(1, abs=0.15)
    plain = mean_opinion(votes).score - quality
    assert np.std(found.quality - quality) < 0.7 * np.std(plain)


def test_of_three_raters_the_published_form_follows_one_and_the_restricted_none(simulate):
    votes, quality = simulate(500, [0.3, 0, -0.3], [0.5, 0.6, 0.7], rounded=False, seed=5)
    order = [votes.raters.index(f"r{i}") for i in range(3)]
    published, restricted = (recover(votes, restricted=flag) for flag in (False, True))
    assert published.inconsistency.min() < 1e-3
    assert restricted.inconsistency[order] == pytest.approx([0.5, 0.6, 0.7], rel=0.15)
    errors = [np.std(found.quality - quality) for found in (published, restricted)]
    assert errors[1] < 0.8 * errors[0]
    assert (restricted.quality - quality).std() == pytest.approx(restricted.quality_error.mean(), rel=0.1)


def test_a_rater_of_one_vote_decides_nothing_alone(simulate):
    votes, _ = simulate(40, [0] * 6, [0.4] * 6, rounded=False)
    rows = [
        (votes.raters[r], votes.videos[v], x)
        for r, v, x in zip(votes.rater, votes.video, votes.value, strict=True)
    ]
    with_guest = recover(Votes.from_rows([*rows, ("guest", "v0000", 1.0)]))
    before = recover(votes)
    assert with_guest.quality == pytest.approx(before.quality, abs=0.2)
    assert with_guest.inconsistency[-1] > 0.1


def test_raters_without_a_common_video_are_told_apart():
    rows = [(f"a{i}", f"x{j}", 1.0 + j + i / 10) for i in range(3) for j in range(4)]
    rows += [(f"b{i}", f"y{j}", 2.0 + j - i / 10) for i in range(3) for j in range(4)]
    found = recover(Votes.from_rows(rows))
    assert found.groups == 2
    assert found.bias[:3].mean() == pytest.approx(0, abs=1e-9)
    assert found.bias[3:].mean() == pytest.approx(0, abs=1e-9)
    assert found.quality[:4] == pytest.approx(np.arange(4) + 1.1, abs=1e-6)


def test_one_rater_cannot_be_compared():
    with pytest.raises(DataError, match="two or more"):
        recover(Votes.from_rows([("a", "x", 1), ("a", "y", 2)]))


def test_equal_votes_give_finite_numbers():
    found = recover(Votes.from_rows([(f"r{i}", f"v{j}", 3) for i in range(4) for j in range(3)]))
    assert found.quality == pytest.approx([3, 3, 3])
    assert np.isfinite(found.quality_error).all()


@given(shift=st.floats(-50, 50), scale=st.floats(0.1, 20), seed=st.integers(0, 99), restricted=st.booleans())
@settings(max_examples=25, deadline=None)
def test_another_scale_of_votes_only_changes_the_scale(shift, scale, seed, restricted):
    generator = np.random.default_rng(seed)
    votes = (
        generator.normal(size=(15, 1)) + generator.normal(size=7) * 0.3 + generator.normal(size=(15, 7)) * 0.5
    )
    rows = [(f"r{i}", f"v{j}", votes[j, i]) for j in range(15) for i in range(7)]
    moved = [(rater, video, shift + scale * vote) for rater, video, vote in rows]
    one, other = (
        recover(Votes.from_rows(items), restricted=restricted, iterations=300) for items in (rows, moved)
    )
    assert other.quality == pytest.approx(shift + scale * one.quality, abs=2e-3 * scale, rel=1e-5)
