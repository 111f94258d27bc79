"""Peaks of a machine."""

import pytest

from sslvqa.bench import floors


@pytest.mark.parametrize(("seconds", "side"), [(0.001, 2048), (0.1, 256)])
def test_a_format_without_native_products_is_measured_on_a_small_one(monkeypatch, seconds, side):
    monkeypatch.setattr(floors, "_products", lambda side: [("int8", side)])
    monkeypatch.setattr(floors, "_median_seconds", lambda product, runs: seconds * (product / 256) ** 3)
    assert floors.gemm_peaks(threads=1, runs=1) == {"int8": pytest.approx(2e-9 * 256**3 / seconds)}
    asked = []
    monkeypatch.setattr(
        floors,
        "_median_seconds",
        lambda product, runs: asked.append(product) or seconds * (product / 256) ** 3,
    )
    floors.gemm_peaks(threads=1, runs=1)
    assert asked[-1] == side
