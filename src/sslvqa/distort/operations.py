"""Pixel-domain distortions: iterators of planes to iterators of planes, of the same length and size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from sslvqa.distort.planes import Yuv, resize, shifted
from sslvqa.distort.pyramid import pyramid_down_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sslvqa.distort.bank import Operation

__all__ = ["OPERATIONS", "apply_operation"]

Frames = Iterable[Yuv]
Field = Callable[["NDArray[np.uint8]"], "NDArray[np.float32]"]


def apply_operation(operation: Operation, frames: Frames, *, fps: Fraction) -> Iterator[Yuv]:
    """Run one operation over frames in display order.

    Args:
        operation: What to do; see :data:`OPERATIONS` for the unit of its amount.
        frames: uint8 planes of one size.
        fps: Frame rate of ``frames``.

    Returns:
        As many frames, of the same size, in the same order.
    """
    if operation.kind == "frame_rate":
        from sslvqa.distort.interpolate import reduce_frame_rate

        return reduce_frame_rate(frames, divisor=int(operation.amount), fps=fps)
    rng = np.random.default_rng([operation.seed, len(operation.kind)])
    return OPERATIONS[operation.kind](frames, operation.amount, rng)


def _to_uint8(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(plane), 0, 255).astype(np.uint8)


def _pyramid(frames: Frames, amount: float, _: np.random.Generator) -> Iterator[Yuv]:
    """Down then up by ``2**amount`` with the 5-tap binomial pyramid, each plane by itself."""
    for frame in frames:
        yield Yuv(*(pyramid_down_up(plane, levels=int(amount)) for plane in frame))


def _blur(frames: Frames, amount: float, _: np.random.Generator) -> Iterator[Yuv]:
    """Gaussian blur, ``amount`` = sigma in luma px."""
    for frame in frames:
        sigmas = (amount, amount / 2, amount / 2)
        yield Yuv(
            *(
                _to_uint8(
                    ndimage.gaussian_filter(plane.astype(np.float32), sigma, mode="nearest", truncate=3.0)
                )
                for plane, sigma in zip(frame, sigmas, strict=True)
            )
        )


def _motion_blur(frames: Frames, amount: float, rng: np.random.Generator) -> Iterator[Yuv]:
    """Mean along a straight line of ``amount`` luma px, one direction for the whole video."""
    angle = rng.uniform(0, np.pi)
    length = max(int(amount), 2)
    steps = np.arange(length) - (length - 1) / 2
    offsets = np.stack([np.sin(angle) * steps, np.cos(angle) * steps], axis=1)
    for frame in frames:
        yield Yuv(
            *(_line_mean(plane, offsets / divisor) for plane, divisor in zip(frame, (1, 2, 2), strict=True))
        )


def _line_mean(plane: NDArray[np.uint8], offsets: NDArray[np.float64]) -> NDArray[np.uint8]:
    total = np.zeros(plane.shape, np.float32)
    for down, right in np.floor(offsets + 0.5).astype(int):  # halves one way, or the line would have gaps
        total += shifted(plane, down, right)
    return _to_uint8(total / np.float32(len(offsets)))


def _noise(frames: Frames, amount: float, rng: np.random.Generator) -> Iterator[Yuv]:
    """Gaussian noise, new in each frame; ``amount`` = standard deviation in levels, half of it in chroma."""
    for frame in frames:
        yield Yuv(
            *(
                _to_uint8(plane + np.float32(sigma) * rng.standard_normal(plane.shape, np.float32))
                for plane, sigma in zip(frame, (amount, amount / 2, amount / 2), strict=True)
            )
        )


def _static_noise(frames: Frames, amount: float, rng: np.random.Generator) -> Iterator[Yuv]:
    """One field of Gaussian noise on all frames (a dirty sensor); ``amount`` as for noise."""
    fields: list[NDArray[np.float32]] = []
    for frame in frames:
        if not fields:
            sigmas = (amount, amount / 2, amount / 2)
            fields = [
                np.float32(sigma) * rng.standard_normal(plane.shape, np.float32)
                for plane, sigma in zip(frame, sigmas, strict=True)
            ]
        yield Yuv(*(_to_uint8(plane + field) for plane, field in zip(frame, fields, strict=True)))


def _bicubic(frames: Frames, amount: float, _: np.random.Generator) -> Iterator[Yuv]:
    """Down by ``amount`` and back up, bicubic."""
    return _down_up(frames, amount, "BICUBIC")


def _bilinear(frames: Frames, amount: float, _: np.random.Generator) -> Iterator[Yuv]:
    """Down by ``amount`` and back up, bilinear."""
    return _down_up(frames, amount, "BILINEAR")


def _nearest(frames: Frames, amount: float, _: np.random.Generator) -> Iterator[Yuv]:
    """Down by ``amount`` and back up, nearest neighbour: visible pixels."""
    return _down_up(frames, amount, "POINT")


def _down_up(frames: Frames, factor: float, method: str) -> Iterator[Yuv]:
    for frame in frames:
        height, width = frame.y.shape
        small = (max(2, round(height / factor / 2) * 2), max(2, round(width / factor / 2) * 2))
        yield resize(resize(frame, *small, method=method), height, width, method=method)


def _exposure(frames: Frames, amount: float, _: np.random.Generator) -> Iterator[Yuv]:
    """Gain of ``2**amount`` (stops) on the video-range signal, clipped as a sensor clips."""
    return _tone(frames, gain=2.0**amount, pivot=16.0)


def _contrast(frames: Frames, amount: float, _: np.random.Generator) -> Iterator[Yuv]:
    """Contrast times ``amount`` around middle gray."""
    return _tone(frames, gain=amount, pivot=126.0)


def _tone(frames: Frames, *, gain: float, pivot: float) -> Iterator[Yuv]:
    codes = np.arange(256, dtype=np.float32)
    luma = np.clip(np.rint(pivot + (codes - pivot) * gain), 16, 235).astype(np.uint8)
    chroma = np.clip(np.rint(128 + (codes - 128) * gain), 16, 240).astype(np.uint8)
    for frame in frames:
        yield Yuv(luma[frame.y], chroma[frame.u], chroma[frame.v])


def _drop(frames: Frames, amount: float, rng: np.random.Generator) -> Iterator[Yuv]:
    """Each frame after the first is lost with probability ``amount``; the last good one is shown again."""
    shown: Yuv | None = None
    for frame in frames:
        if shown is None or rng.random() >= amount:
            shown = frame
        yield shown


def _median(frames: Frames, amount: float, _: np.random.Generator) -> Iterator[Yuv]:
    """Median over a square of ``amount`` samples a side in each plane: a denoiser that is too strong."""
    for frame in frames:
        yield Yuv(*(ndimage.median_filter(plane, size=int(amount), mode="nearest") for plane in frame))


def _posterize(frames: Frames, amount: float, _: np.random.Generator) -> Iterator[Yuv]:
    """Steps of ``amount`` levels instead of 1: banding."""
    step = int(amount)
    codes = np.minimum(np.arange(256) // step * step + step // 2, 255).astype(np.uint8)
    for frame in frames:
        yield Yuv(*(codes[plane] for plane in frame))


def _impulse(frames: Frames, amount: float, rng: np.random.Generator) -> Iterator[Yuv]:
    """A share ``amount`` of luma samples is black or white, others in each frame."""
    for frame in frames:
        drawn = rng.random(frame.y.shape, np.float32)
        dark = np.where(drawn < amount / 2, np.uint8(16), frame.y)
        yield frame._replace(y=np.where(drawn > 1 - amount / 2, np.uint8(235), dark))


def _lost_blocks(frames: Frames, amount: float, rng: np.random.Generator) -> Iterator[Yuv]:
    """Each block of 16x16 luma px is lost with probability ``amount`` and shows what it showed before."""
    shown: Yuv | None = None
    for frame in frames:
        if shown is None:
            shown = frame
        else:
            rows, columns = (-(-size // 16) for size in frame.y.shape)
            lost = rng.random((rows, columns)) < amount
            planes = zip(frame, shown, (16, 8, 8), strict=True)
            shown = Yuv(*(_keep_lost(plane, before, lost, side) for plane, before, side in planes))
        yield shown


def _keep_lost(
    plane: NDArray[np.uint8], before: NDArray[np.uint8], lost: NDArray[np.bool_], side: int
) -> NDArray[np.uint8]:
    mask = lost.repeat(side, axis=0).repeat(side, axis=1)[: plane.shape[0], : plane.shape[1]]
    return np.where(mask, before, plane)


def _shake(frames: Frames, amount: float, rng: np.random.Generator) -> Iterator[Yuv]:
    """The whole picture jumps by even numbers of px, standard deviation ``amount``, with memory 0.6."""
    place = np.zeros(2)
    for frame in frames:
        place = 0.6 * place + 0.8 * amount * rng.standard_normal(2)
        down, right = np.rint(place / 2).astype(int)
        planes = zip(frame, (2, 1, 1), strict=True)
        yield Yuv(*(shifted(plane, down * step, right * step) for plane, step in planes))


OPERATIONS: dict[str, Callable[[Frames, float, np.random.Generator], Iterator[Yuv]]] = {
    "bicubic": _bicubic,
    "bilinear": _bilinear,
    "blur": _blur,
    "contrast": _contrast,
    "drop": _drop,
    "exposure": _exposure,
    "impulse": _impulse,
    "lost_blocks": _lost_blocks,
    "median": _median,
    "motion_blur": _motion_blur,
    "nearest": _nearest,
    "noise": _noise,
    "posterize": _posterize,
    "pyramid": _pyramid,
    "shake": _shake,
    "static_noise": _static_noise,
}
"""Operation by name (``frame_rate`` is apart: it needs the frame rate and a filter graph)."""
