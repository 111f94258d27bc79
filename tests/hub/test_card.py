"""Cards: strict, and the same after writing and reading."""

import pytest
from pydantic import ValidationError

from sslvqa.errors import ModelError
from sslvqa.hub import (
    CalibrationCard,
    GoldenCard,
    IntervalCard,
    ManifestCard,
    MapCard,
    ResultCard,
    ScaleCard,
    read_card,
    write_card,
)


@pytest.fixture
def card(model_dir):
    return read_card(model_dir / "card.toml")


def test_a_full_card_survives_writing_and_reading(card, tmp_path):
    full = card.model_copy(
        update={
            "description": 'quotes " and\nlines',
            "results": (
                ResultCard(
                    dataset="d", protocol="p", videos=3, contents=2, srocc=0.5, srocc_interval=(0.1, 0.9)
                ),
            ),
            "golden": GoldenCard(q_r=-0.1, q_d=1e-12, score=50.0),
            "training": card.training.model_copy(
                update={"manifests": (ManifestCard(name="m", sha256="0" * 64, rows=2),), "pretrained": "none"}
            ),
        }
    )
    write_card(tmp_path / "card.toml", full)
    assert read_card(tmp_path / "card.toml") == full
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("licence =", "license =", "unknown key 'license'; did you mean 'licence'"),
        ("licence =", "# licence =", "missing key 'licence'"),
        ("half_width =", "halfwidth =", "unknown key 'interval.halfwidth'; did you mean 'half_width'"),
        (
            "minimum = 0.0\nmaximum = 100.0\ndirection",
            "minimum = 0.0\ndirection",
            "missing key 'scale.maximum'",
        ),
        ("ridge =", "rigde =", r"\[architecture\]: unknown key 'rigde'; did you mean 'ridge'"),
        ("clips = 4", "clips = 4.5", "input.clips: .*integer"),
        ("heads = ", "heads = 3  # ", r"\[architecture\]: a value has the wrong type"),
        ("slope = 100.0", "slope = -1.0", "slope >= 0"),
        ("card_version = 1", "card_version = 2", "card_version"),
        (
            "minimum = 0.0\nmaximum = 100.0\ndirection",
            "minimum = 0.0\nmaximum = -1.0\ndirection",
            "must be below",
        ),
        ('kind = "pair"', 'kind = "triple"', "kind is 'triple'; it must be pair, shared, regressor, student"),
        ("name =", "name", "not a TOML card"),
    ],
)
def test_a_wrong_card_is_refused_with_the_words_that_help(card, tmp_path, old, new, words):
    path = tmp_path / "card.toml"
    write_card(path, card)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ModelError, match=words):
        read_card(path)


def test_calibrated_needs_a_calibration_and_an_interval_needs_calibrated(card):
    values = card.model_dump() | {"calibration": None}
    with pytest.raises(ValidationError, match="no \\[calibration\\]"):
        type(card)(**values)
    with pytest.raises(ValidationError, match="needs combine = 'calibrated'"):
        type(card)(**(values | {"combine": "raw"}))


def test_a_card_has_a_distance_map_where_its_model_has_q_d(card):
    values = card.model_dump()
    without = values | {"calibration": values["calibration"] | {"distance": None, "weight": 1.0}}
    with pytest.raises(ValidationError, match=r"pair needs a \[calibration.distance\]"):
        type(card)(**without)
    with pytest.raises(ValidationError, match="it must be 1"):
        CalibrationCard(regressor=card.calibration.regressor, weight=0.5)
    regressor = values["architecture"] | {"kind": "regressor"}
    with pytest.raises(ValidationError, match="regressor has no Q_D for"):
        type(card)(**(values | {"architecture": regressor}))
    assert type(card)(**(without | {"architecture": regressor})).calibration.weight == 1


def test_cards_hold_no_nan_and_no_wrong_map():
    with pytest.raises(ValidationError, match="finite"):
        IntervalCard(coverage=0.9, half_width=float("nan"), videos=1, contents=1)
    with pytest.raises(ValidationError, match="needs the parameters"):
        MapCard(kind="linear", parameters={"slope": 1.0}, minimum=0.0, maximum=1.0, pairs=2)
    with pytest.raises(ValidationError, match="scale > 0"):
        MapCard(
            kind="logistic4",
            parameters={"low": 0.0, "high": 1.0, "centre": 0.0, "scale": 0.0},
            minimum=0.0,
            maximum=1.0,
            pairs=2,
        )
    with pytest.raises(ValidationError, match="frozen"):
        ScaleCard(label="a", kind="b", minimum=0.0, maximum=1.0).label = "c"


def test_the_identity_of_weights_depends_on_every_part(card):
    first = card.weights[0]
    second = first.model_copy(update={"sha256": "1" * 64})
    assert card.weights_sha256 == first.sha256
    two = card.model_copy(update={"weights": (first, second)})
    swapped = card.model_copy(update={"weights": (second, first)})
    assert len({card.weights_sha256, two.weights_sha256, swapped.weights_sha256}) == 3
