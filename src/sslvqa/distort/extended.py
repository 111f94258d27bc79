"""A wider bank of distortions, and a seeded draw from it with mixtures of two, as user content has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.distort.bank import NEAR_LOSSLESS, Distortion, Encoder, Operation
from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["EXTENDED_DISTORTIONS", "MIXTURES", "ORDERED_FAMILIES", "draw_distortions", "ordered_distortions"]

_CODECS: dict[str, tuple[str, tuple[tuple[str, str], ...], tuple[int, ...]]] = {
    "hevc": ("libx265", (("preset", "veryfast"),), (26, 32, 38, 44)),
    "vp9": ("libvpx-vp9", (("b", "0"), ("deadline", "good"), ("cpu-used", "5")), (34, 44, 54, 62)),
    "av1": ("libsvtav1", (("preset", "9"),), (36, 46, 55, 63)),
    "x264": ("libx264", (("preset", "fast"),), (26, 31, 37, 43, 48)),
    "x264_ultrafast": ("libx264", (("preset", "ultrafast"),), (28, 34, 40, 45)),
}
"""Codec family: encoder, fixed options, CRF of levels 1, 2, ..."""

_PIXELS: dict[str, tuple[float, ...]] = {
    "blur": (0.6, 1.0, 1.6, 2.6),
    "motion_blur": (3, 6, 11),
    "noise": (4, 8, 15, 26),
    "static_noise": (5, 11, 20),
    "bicubic": (1.5, 2, 3, 4),
    "bilinear": (1.5, 2.5, 4),
    "underexposure": (-0.3, -0.7, -1.3),
    "overexposure": (0.3, 0.6, 1.0),
    "contrast": (0.8, 0.6, 0.42),
    "drop": (0.1, 0.3, 0.6),
    "shake": (2, 5, 10),
}
"""Pixel family: amounts of levels 1, 2, ... (units: :mod:`sslvqa.distort.operations`)."""

_NOISE_ENCODER = Encoder("libx264", (("crf", "12"), ("preset", "veryfast")))
"""New noise in each frame costs 10 MB for 48 frames at 360p with CRF 4; this halves it."""

_KIND = {"underexposure": "exposure", "overexposure": "exposure"}

MIXTURES: tuple[tuple[str, str], ...] = (
    ("blur", "x264"),
    ("noise", "hevc"),
    ("underexposure", "x264"),
    ("bicubic", "x264"),
    ("noise", "x264_ultrafast"),
    ("motion_blur", "vp9"),
    ("overexposure", "x264"),
    ("drop", "x264_ultrafast"),
    ("bilinear", "hevc"),
    ("contrast", "vp9"),
    ("static_noise", "av1"),
    ("blur", "x264_ultrafast"),
)
"""Pairs (pixel family, codec family); amount and CRF are drawn between the mildest and the harshest level."""


def _singles() -> tuple[Distortion, ...]:
    out: list[Distortion] = []
    for family, (_, _, rates) in _CODECS.items():
        for level, crf in enumerate(rates, start=1):
            out.append(Distortion(101 + len(out), f"{family}_crf{crf}", family, level, _codec(family, crf)))
    for family, amounts in _PIXELS.items():
        for level, amount in enumerate(amounts, start=1):
            operation = Operation(_KIND.get(family, family), amount, seed=level)
            comparable = family != "shake"
            encoder = _NOISE_ENCODER if family == "noise" else NEAR_LOSSLESS
            name = f"{family}_{level}"
            out.append(Distortion(101 + len(out), name, family, level, encoder, (operation,), comparable))
    return tuple(out)


def _codec(family: str, crf: int) -> Encoder:
    codec, options, _ = _CODECS[family]
    return Encoder(codec, (("crf", str(crf)), *options))


EXTENDED_DISTORTIONS: tuple[Distortion, ...] = _singles()
"""HEVC, VP9, AV1 and H.264 at several rates; blur, noise, scaling, exposure, contrast, frame drops, shake.
Ids from 101. Pixel-domain ones are encoded with :data:`NEAR_LOSSLESS` (x264, CRF 4; noise: CRF 12)."""


ORDERED_FAMILIES = ("underexposure", "overexposure", "contrast", "shake")
"""What full-reference measures misjudge or cannot judge: all that is known is that more of it is worse."""


def ordered_distortions(*, seed: int) -> tuple[Distortion, ...]:
    """All levels of :data:`ORDERED_FAMILIES`; the paths of the shakes depend on ``seed``."""
    rng = np.random.default_rng(seed)
    return tuple(
        replace(item, operations=_reseeded(item, rng))
        for item in EXTENDED_DISTORTIONS
        if item.family in ORDERED_FAMILIES
    )


def draw_distortions(
    count: int, *, seed: int, comparable_only: bool = False, without: Collection[str] = ()
) -> tuple[Distortion, ...]:
    """Draw versions for one scene: half single distortions, half mixtures, spread evenly over families.

    Args:
        count: How many, 0 or more.
        seed: The same seed gives the same draw.
        comparable_only: Leave out what a full-reference measure cannot judge (shake).
        without: Families to leave out, alone and in mixtures.

    Returns:
        Distortions with unique ids: 101.. for singles, 1001.. for mixtures.

    Raises:
        ConfigError: ``count`` is negative or asks for more than twice the number of single distortions, a
            family is unknown, or no mixture is left.
    """
    known = {*_CODECS, *_PIXELS}
    if not known.issuperset(without):
        raise ConfigError(f"without is {sorted(without)}; the families are {', '.join(sorted(known))}")
    pool = [item for item in EXTENDED_DISTORTIONS if item.comparable or not comparable_only]
    pool = [item for item in pool if item.family not in without]
    pairs = [pair for pair in MIXTURES if not set(pair) & set(without)]
    singles = (count + 1) // 2
    if count < 0 or singles > len(pool) or not pairs:
        raise ConfigError(
            f"count is {count}; allowed is 0 to {2 * len(pool)} with {len(pairs)} mixtures; leave out fewer"
        )
    rng = np.random.default_rng(seed)
    chosen = [replace(item, operations=_reseeded(item, rng)) for item in _stratified(pool, singles, rng)]
    start = int(rng.integers(len(pairs)))
    mixtures = (_mixture(index, pairs[(start + index) % len(pairs)], rng) for index in range(count - singles))
    return tuple(sorted([*chosen, *mixtures], key=lambda item: item.id))


def _stratified(pool: list[Distortion], count: int, rng: np.random.Generator) -> list[Distortion]:
    """Go round the families, one random level of each at a time, until there are ``count``."""
    families: dict[str, list[Distortion]] = {}
    for index in rng.permutation(len(pool)):
        families.setdefault(pool[index].family, []).append(pool[index])
    out: list[Distortion] = []
    while len(out) < count:
        for members in families.values():
            if members and len(out) < count:
                out.append(members.pop())
    return out


def _reseeded(item: Distortion, rng: np.random.Generator) -> tuple[Operation, ...]:
    return tuple(replace(operation, seed=int(rng.integers(2**31))) for operation in item.operations)


def _mixture(index: int, pair: tuple[str, str], rng: np.random.Generator) -> Distortion:
    pixels, codec = pair
    amounts, rates = _PIXELS[pixels], _CODECS[codec][2]
    amount = round(float(amounts[0] * (amounts[-1] / amounts[0]) ** rng.uniform()), 3)
    crf = int(rng.integers(rates[0], rates[-1] + 1))
    operation = Operation(_KIND.get(pixels, pixels), amount, seed=int(rng.integers(2**31)))
    name = f"mix{index + 1:02d}_{pixels}_{codec}"
    return Distortion(1001 + index, name, f"{pixels}+{codec}", 0, _codec(codec, crf), (operation,))
