"""Ratings and pair scores as tables."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from sslvqa.data.manifest import read_manifest
from sslvqa.errors import ConfigError, DataError, ManifestError
from sslvqa.rate import (
    Comparison,
    Votes,
    bradley_terry,
    is_pair_table,
    rate_videos,
    read_pairs,
    write_pair_scores,
    write_ratings,
)


@pytest.mark.parametrize("method", ["recovery", "published", "mean"])
def test_the_table_is_a_manifest_with_errors(simulate, tmp_path, method):
    votes, quality = simulate(40, [0.2] * 5 + [-0.2] * 5, [0.4] * 10, missing=0.2)
    ratings = rate_videos(votes, method=method, splits=3)
    path = tmp_path / "ratings.csv"
    write_ratings(path, ratings, contents={"v0001": "beach"})
    manifest = read_manifest(path, check_files=False)
    assert np.corrcoef([row.score for row in manifest.rows], quality[: len(manifest)])[0, 1] > 0.9
    assert {row.content for row in manifest.rows} >= {"beach", "v0002"}
    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        assert 1 <= float(row["low"]) <= float(row["score"]) <= float(row["high"]) <= 5
        assert float(row["std_error"]) >= 0
    assert sum(int(row["votes"]) for row in rows) == len(votes)


def test_screening_is_for_the_mean_unless_asked(simulate):
    votes, _ = simulate(150, [0] * 12, [0.4] * 11 + [2.5])
    by_mean, by_recovery, kept = (
        rate_videos(votes, splits=0, **options)
        for options in ({"method": "mean"}, {}, {"method": "mean", "screen": False})
    )
    assert [r.rater for r in by_mean.raters if r.rejected] == ["r11"]
    assert by_mean.opinion.votes.max() == 11
    assert by_recovery.opinion.votes.max() == kept.opinion.votes.max() == 12
    assert max(by_recovery.raters, key=lambda r: r.inconsistency).rater == "r11"


def test_what_makes_scores_doubtful_is_said(simulate):
    three, _ = simulate(200, [0, 0, 0], [0.5, 0.6, 0.7], rounded=False)
    (warning,) = rate_videos(three, method="published", splits=0).warnings
    assert "follows one rater" in warning
    assert rate_videos(three, splits=0).warnings == ()
    apart = Votes.from_rows([(f"r{i}", f"v{i // 3}", 1.0 + i % 3) for i in range(6)])
    assert "2 sets of raters share no video" in rate_videos(apart, splits=0).warnings[0]


def test_one_rater_can_be_averaged_only():
    votes = Votes.from_rows([("a", "x", 1), ("a", "y", 2)])
    found = rate_videos(votes, method="mean")
    assert found.opinion.score.tolist() == [1, 2]
    assert found.to_dict()["split_half"] is None
    with pytest.raises(DataError, match="one rater"):
        rate_videos(votes)


def test_settings_out_of_range_are_refused(simulate):
    votes, _ = simulate(5, [0, 0], [1, 1])
    with pytest.raises(ConfigError, match="recovery, published or mean"):
        rate_videos(votes, method="median")
    with pytest.raises(ConfigError, match="lowest vote comes first"):
        rate_videos(votes, scale=(5, 1))
    same = Votes.from_rows([("a", "x", 3), ("b", "x", 3)])
    with pytest.raises(DataError, match="all 2 votes are 3"):
        rate_videos(same)


def simulated_pairs(scores, rounds, seed=0):
    generator = np.random.default_rng(seed)
    found = []
    for round_ in range(rounds):
        for a in range(len(scores)):
            for b in range(a):
                chance = 1 / (1 + np.exp(scores[b] - scores[a]))
                wins = float(generator.random() < chance)
                found.append(Comparison(f"p{round_ % 7}", f"v{a}", f"v{b}", wins))
    return found


def test_bradley_terry_recovers_scores_within_their_errors():
    true = np.array([-2.0, -1.0, 0.0, 0.5, 2.5])
    found = bradley_terry(simulated_pairs(true, 200))
    order = [found.videos.index(f"v{i}") for i in range(5)]
    error = (found.score[order] - true) / found.std_error[order]
    assert np.abs(error).max() < 3
    assert found.score.mean() == pytest.approx(0, abs=1e-12)
    assert all(0.6 < share < 1 for share in found.agreement.values())
    assert found.comparisons.tolist() == [800] * 5


def test_standard_errors_are_those_of_repeated_studies():
    true = np.linspace(-1, 1, 8)
    studies = [bradley_terry(simulated_pairs(true, 40, seed=seed)) for seed in range(30)]
    order = [[found.videos.index(f"v{i}") for i in range(8)] for found in studies]
    scatter = np.std([found.score[at] for found, at in zip(studies, order, strict=True)], axis=0).mean()
    assert studies[0].std_error.mean() == pytest.approx(scatter, rel=0.15)


def test_two_videos_have_the_closed_form_but_for_the_prior():
    found = bradley_terry([Comparison("p", "a", "b", float(i < 730)) for i in range(1000)])
    gap = found.score[0] - found.score[1]
    assert gap == pytest.approx(np.log(730 / 270), abs=2e-3)


def test_a_video_that_always_wins_and_ties_stay_finite():
    found = bradley_terry([Comparison("p", "a", "b", 1.0)] * 5 + [Comparison("p", "b", "c", 0.5)] * 4)
    assert np.isfinite(found.score).all()
    assert found.score[1] < found.score[0] < 4
    with pytest.raises(DataError, match="no comparisons"):
        bradley_terry([])
    with pytest.raises(DataError, match="with itself"):
        bradley_terry([Comparison("p", "a", "a", 1.0)])


def test_videos_that_were_never_compared_are_said_and_the_scale_holds_all_scores():
    wins = [Comparison("p", "a", "b", 1.0)] * 30 + [Comparison("q", "c", "d", 1.0)]
    found = bradley_terry(wins)
    assert found.groups == 2
    assert "2 sets of videos were never compared" in found.to_dict()["warnings"][0]
    assert bradley_terry([*wins, Comparison("q", "b", "c", 0.5)]).warnings == ()
    low, high = found.scale
    assert low == -high <= found.score.min() < found.score.max() <= high
    assert (found.to_dict()["votes"], found.to_dict()["votes_per_video"]) == (31, [1, 30])


def test_pair_tables_are_told_read_and_written(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("rater,left,right,preferred\np,a.mp4,b.mp4,left\np,b.mp4,a.mp4,none\n")
    assert is_pair_table(path)
    pairs = read_pairs(path)
    assert [pair.preferred for pair in pairs] == [1.0, 0.5]
    out = tmp_path / "scores.csv"
    write_pair_scores(out, bradley_terry(pairs))
    scores = {row.name: row.score for row in read_manifest(out, check_files=False).rows}
    assert scores["a.mp4"] > scores["b.mp4"]
    row = out.read_text().splitlines()[1].split(",")
    low, high = float(row[3]), float(row[4])
    assert (high - low) / 2 == pytest.approx(1.959964 * float(row[2]), rel=1e-4)
    with pytest.raises(ConfigError, match=r"coverage is 1"):
        write_pair_scores(out, bradley_terry(pairs), coverage=1.0)
    path.write_text("rater,left,right,preferred,flagged\np,a,b,left,no\nq,a,b,right,yes\n")
    assert [pair.rater for pair in read_pairs(path, where={"flagged": "no"})] == ["p"]
    with pytest.raises(ManifestError, match="no column 'session' to select by"):
        read_pairs(path, where={"session": "1"})
    path.write_text("rater,left,right,preferred\np,a,b,better\np,a,a,left\n")
    with pytest.raises(ManifestError, match=r"(?s)pairs.csv:2: .*better.*pairs.csv:3: .*two different"):
        read_pairs(path)
