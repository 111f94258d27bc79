"""The five bands of a scale, and that every place that names them says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sslvqa
from sslvqa.hub import BANDS, ScaleCard
from sslvqa.hub.scale import band_of, bands

STATIC = Path(sslvqa.__file__).parent / "web"
DOCUMENT = Path(__file__).parents[2] / "docs" / "score.md"
NAMES = [name for name, _ in BANDS]


def test_bands_are_equal_fifths_from_the_worst_to_the_best():
    found = bands(1.0, 5.0)
    assert [band.name for band in found] == NAMES == ["bad", "poor", "fair", "good", "excellent"]
    assert [round(band.low, 9) for band in found] == [1.0, 1.8, 2.6, 3.4, 4.2]
    assert [band.high for band in found[:-1]] == [band.low for band in found[1:]]
    assert found[-1].high == 5.0


@pytest.mark.parametrize(
    ("score", "name"),
    [(-3, "bad"), (0, "bad"), (19.999, "bad"), (20, "poor"), (40, "fair"), (79.9, "good"), (80, "excellent")],
)
def test_a_band_has_its_lower_end(score, name):
    assert band_of(score, 0.0, 100.0).name == name


@pytest.mark.parametrize("score", [100.0, 130.0])
def test_the_best_band_has_its_upper_end_too(score):
    assert band_of(score, 0.0, 100.0).name == "excellent"


def test_a_card_names_the_band_of_a_score():
    scale = ScaleCard(label="MOS", kind="ratings", minimum=1.0, maximum=5.0)
    assert scale.band(3.0).name == "fair"
    assert scale.bands[0].meaning == "damage is very annoying"
    assert "bands" not in scale.model_dump()


@pytest.mark.parametrize("file", ["static/words.js", "rating/static/rating.js"])
def test_the_pages_use_the_same_names(file):
    lists = re.findall(r"const (?:GRADES|WORDS) = \[(.*?)\]", (STATIC / file).read_text())
    assert [[word.strip(' "').lower() for word in words.split(",")] for words in lists] == [NAMES]


def test_the_document_says_the_same():
    rows = re.findall(r"^\| (\w+) \| (\d+)\.\.(\d+) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    said = [(name, float(low), float(high), meaning) for name, low, high, meaning in reversed(rows)]
    assert said == [(band.name, band.low, band.high, band.meaning) for band in bands(0.0, 100.0)]
