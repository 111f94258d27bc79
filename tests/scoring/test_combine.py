from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from sslvqa.hub import CalibrationCard
from sslvqa.scoring import Combiner, fit_monotonic_map, fit_weight

RAW = np.linspace(-1, 1, 40)
MAP = fit_monotonic_map(RAW, 50 + 40 * RAW, minimum=0, maximum=100)


def test_the_weight_is_that_of_least_squares():
    generator = np.random.default_rng(0)
    labels = generator.uniform(0, 100, 500)
    q_r, q_d = labels + generator.normal(0, 5, 500), labels + generator.normal(0, 10, 500)
    weight = fit_weight(q_r, q_d, labels)
    assert weight == pytest.approx(0.8, abs=0.03)  # inverse variances 1/25 and 1/100

    def error(w):
        return np.square(w * q_r + (1 - w) * q_d - labels).sum()

    assert error(weight) <= min(error(weight - 0.01), error(weight + 0.01))


def test_the_weight_stays_in_its_range_and_is_half_where_nothing_tells():
    labels = np.array([1.0, 2.0, 3.0])
    assert fit_weight(labels, -labels, labels) == 1.0
    assert fit_weight(-labels, labels, labels) == 0.0
    assert fit_weight(labels, labels, labels) == 0.5


def test_scores_are_weighted_and_their_parts_are_not():
    combined = Combiner(MAP, MAP, 0.75)([0.5], [-0.5])
    assert combined.score == pytest.approx(0.75 * combined.q_r + 0.25 * combined.q_d)
    raw = Combiner(None, None)([0.5], [-0.5])
    assert (raw.score, raw.q_r, raw.q_d) == (0.0, 0.5, -0.5)


def test_a_card_keeps_the_weight_and_refuses_one_out_of_range():
    card = CalibrationCard(regressor=MAP.to_card(), distance=MAP.to_card(), weight=0.75)
    assert CalibrationCard.model_validate_json(card.model_dump_json()).weight == 0.75
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        CalibrationCard(regressor=MAP.to_card(), distance=MAP.to_card(), weight=1.5)
