"""What a distortion is, and the twelve of the paper as one tuple."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "NEAR_LOSSLESS",
    "PAPER_DISTORTIONS",
    "X264_DEFAULT",
    "Distortion",
    "Encoder",
    "Operation",
    "fixed_quantiser",
]


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of the pixels, before encoding."""

    kind: str
    """A key of :data:`sslvqa.distort.operations.OPERATIONS`."""
    amount: float
    """Strength; its unit is the operation's own (px, levels of 0..255, stops, a factor, a probability)."""
    seed: int = 0
    """For operations that draw: the same seed gives the same pixels."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """An FFmpeg encoder and its options; always one thread, so that the bytes repeat.

    An exception was measured: on frames of 160x128 px and less, x264 with mbtree and B-frames (its defaults)
    reads memory it never wrote, and a few macroblocks may differ from run to run; x265 did so once at 64x64.
    """

    codec: str
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Distortion:
    """One way to spoil a video: pixel operations in order, then one encoder."""

    id: int
    """Number, unique in a group and first in the file name; 1..12 are those of the released data."""
    name: str
    """Short name, usable in a file name."""
    family: str
    """What varies with ``level``, e.g. ``"h264"``."""
    level: int
    """1 is the mildest of its family; 0 where levels have no order (mixtures)."""
    encoder: Encoder
    operations: tuple[Operation, ...] = ()
    comparable: bool = True
    """Whether a full-reference measure says something about it: not when the picture is moved or enhanced."""

    @classmethod
    def from_parameters(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`parameters`."""
        encoder = values["encoder"]
        options = tuple((key, value) for key, value in encoder["options"])
        operations = tuple(Operation(**operation) for operation in values["operations"])
        parts = {"encoder": Encoder(encoder["codec"], options), "operations": operations}
        return cls(**{**values, **parts})

    @property
    def file_name(self) -> str:
        """``<id>_<name>.mp4``."""
        return f"{self.id:02d}_{self.name}.mp4"

    def parameters(self) -> dict[str, Any]:
        """Everything that decides the pixels, as plain JSON values."""
        values = asdict(self)
        values["encoder"]["options"] = [list(pair) for pair in self.encoder.options]
        values["operations"] = [asdict(operation) for operation in self.operations]
        return values


NEAR_LOSSLESS = Encoder("libx264", (("crf", "4"), ("preset", "veryfast")))
"""For references and distortions that are wholly in the pixels. On three clips: VMAF against the source is
within 0.5 of the source's own, SSIM 0.998, at 1/2 to 1/8 of the size of FFV1; and it plays anywhere."""

X264_DEFAULT = Encoder("libx264", (("crf", "23"), ("preset", "medium")))
"""What the released scripts encode with after changing pixels: FFmpeg's defaults."""


def fixed_quantiser(scale: int) -> tuple[tuple[str, str], ...]:
    """Options of FFmpeg's MPEG encoders for one quantiser, 2..31 (FFmpeg clips 1 to 2, and so do we)."""
    quantiser = max(scale, 2)
    limits = {"qmin": quantiser, "qmax": quantiser, "lmin": quantiser * 118, "lmax": quantiser * 118}
    return tuple((key, str(value)) for key, value in limits.items())


def _mpeg2(scale: int) -> Encoder:
    return Encoder("mpeg2video", (*fixed_quantiser(scale), ("strict", "-2")))


def _paper() -> tuple[Distortion, ...]:
    mpeg2 = [
        Distortion(number, f"mpeg2_q{scale}", "mpeg2", number, _mpeg2(scale))
        for number, scale in enumerate((1, 20, 30), start=1)
    ]
    h264 = [
        Distortion(
            number + 3,
            f"h264_crf{crf}",
            "h264",
            number,
            Encoder("libx264", (("crf", f"{crf}"), ("preset", "medium"))),
        )
        for number, crf in enumerate((5, 35, 50), start=1)
    ]
    pyramid = [
        Distortion(
            number + 6,
            f"pyramid_{2 ** (number + 1)}",
            "pyramid",
            number,
            X264_DEFAULT,
            (Operation("pyramid", number + 1),),
        )
        for number in (1, 2, 3)
    ]
    rate = [
        Distortion(
            number + 9,
            f"rate_{number + 1}",
            "frame_rate",
            number,
            X264_DEFAULT,
            (Operation("frame_rate", number + 1),),
        )
        for number in (1, 2, 3)
    ]
    return (*mpeg2, *h264, *pyramid, *rate)


PAPER_DISTORTIONS: tuple[Distortion, ...] = _paper()
"""The 12 distortions of the paper, ids as in the released data.

1-3 MPEG-2 quantiser 1, 20, 30; 4-6 H.264 CRF 5, 35, 50; 7-9 Gaussian pyramid down-up by 4, 8, 16, of each
plane by itself, so that chroma, which is half as large, loses twice as much; 10-12 frame rate divided by
2, 3, 4 and interpolated back."""
