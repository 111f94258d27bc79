"""Kinds of distortion that no weights of ours learn from: for tests of what a model makes of the unknown."""

from __future__ import annotations

from sslvqa.distort.bank import NEAR_LOSSLESS, Distortion, Encoder, Operation, fixed_quantiser

__all__ = ["UNSEEN_DISTORTIONS"]

_QUANTISERS = (5, 12, 31)
"""Of MPEG-4 Part 2, levels 1, 2, 3."""

_PIXELS: dict[str, tuple[float, ...]] = {
    "nearest": (1.5, 2, 4),
    "median": (3, 5, 9),
    "posterize": (8, 16, 32),
    "impulse": (0.005, 0.02, 0.08),
    "lost_blocks": (0.05, 0.2, 0.5),
}
"""Family: amounts of levels 1, 2, 3 (units: :mod:`sslvqa.distort.operations`)."""


def _unseen() -> tuple[Distortion, ...]:
    out = [
        Distortion(200 + level, f"mpeg4_q{scale}", "mpeg4", level, _mpeg4(scale))
        for level, scale in enumerate(_QUANTISERS, start=1)
    ]
    for family, amounts in _PIXELS.items():
        for level, amount in enumerate(amounts, start=1):
            operation = Operation(family, amount, seed=level)
            name = f"{family}_{level}"
            out.append(Distortion(201 + len(out), name, family, level, NEAR_LOSSLESS, (operation,)))
    return tuple(out)


def _mpeg4(scale: int) -> Encoder:
    return Encoder("mpeg4", fixed_quantiser(scale))


UNSEEN_DISTORTIONS: tuple[Distortion, ...] = _unseen()
"""MPEG-4 Part 2, pixelation, a median filter, coarse levels, dead pixels and lost blocks, three levels each.
Ids from 201; neither in :data:`PAPER_DISTORTIONS` nor in :data:`EXTENDED_DISTORTIONS`, and to be kept so."""
