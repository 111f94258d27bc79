"""Simulated raters."""

from __future__ import annotations

import numpy as np
import pytest

from sslvqa.rate import Votes


@pytest.fixture
def simulate():
    """Make votes of raters with known bias and inconsistency; return them and the true quality."""

    def make(videos, bias, inconsistency, *, missing=0.0, rounded=True, seed=0):
        generator = np.random.default_rng(seed)
        quality = generator.uniform(1.5, 4.5, videos)
        noise = generator.standard_normal((videos, len(bias))) * np.asarray(inconsistency)
        votes = quality[:, None] + np.asarray(bias) + noise
        votes = np.clip(np.rint(votes), 1, 5) if rounded else votes
        kept = generator.random(votes.shape) >= missing
        rows = [(f"r{i}", f"v{j:04d}", votes[j, i]) for j, i in zip(*np.nonzero(kept), strict=True)]
        return Votes.from_rows(rows), quality

    return make
