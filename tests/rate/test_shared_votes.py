"""The real raw votes at hand: 146 images by 28 raters, 3 017 videos by 3."""

from __future__ import annotations

import numpy as np
import pytest

from sslvqa.evaluate import srocc
from sslvqa.rate import mean_opinion, merge_repeats, rate_videos, read_votes, recover


@pytest.mark.shared
def test_recovered_quality_of_two_halves_of_the_raters_agrees_better_than_their_means(shared):
    where = {"study": "2023_02_17", "rating_type": "range_image_quality"}
    table = read_votes(shared / "data/votes/avt_ai_images_votes.csv", where=where, scale=(1, 5))
    votes, repeats = merge_repeats(table.votes)
    assert (len(votes.videos), len(votes.raters), len(votes), repeats) == (146, 28, 3674, 3)
    generator = np.random.default_rng(0)
    agreement = {"mean": [], "published": [], "recovery": []}
    for _ in range(30):
        half = np.zeros(28, dtype=bool)
        half[generator.permutation(28)[:14]] = True
        parts = [votes.only(half[votes.rater]), votes.only(~half[votes.rater])]
        agreement["mean"].append(srocc(*(mean_opinion(part).score for part in parts)).value)
        for name, flag in (("published", False), ("recovery", True)):
            agreement[name].append(srocc(*(recover(part, restricted=flag).quality for part in parts)).value)
    means = {name: float(np.mean(values)) for name, values in agreement.items()}
    assert means["recovery"] > means["published"] > means["mean"] > 0.9


@pytest.mark.shared
@pytest.mark.parametrize("column", ["static_quality", "temporal_quality"])
def test_of_three_real_raters_the_published_form_follows_one(shared, column):
    path = shared / "data/votes/fetv_votes.csv"
    votes = read_votes(path, video_column="model,prompt_id", vote_column=column).votes
    published, restricted = (
        rate_videos(votes, method=method, splits=0) for method in ("published", "recovery")
    )
    assert min(rater.inconsistency for rater in published.raters) < 1e-3
    assert "follows one rater" in published.warnings[0]
    assert all(0.4 < rater.inconsistency < 0.8 for rater in restricted.raters)
