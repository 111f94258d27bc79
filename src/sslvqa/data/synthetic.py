"""Synthetic videos for tests and examples: textured, moving, seeded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sslvqa.video.writer import write_video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["synthetic_frames", "write_synthetic_video"]


def synthetic_frames(
    *, width: int = 160, height: int = 128, frames: int = 24, seed: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """Yield RGB frames ``(H, W, 3)`` of a panning texture with a 1/f spectrum and a moving square."""
    rng = np.random.default_rng(seed)
    size = max(width, height) * 2
    radius = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    radius[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((3, size, size))) / radius
    texture = np.fft.irfft2(spectrum, s=(size, size))
    texture = 128 + 45 * (texture - texture.mean()) / texture.std()
    canvas = np.clip(texture, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    for index in range(frames):
        top, left = index % (size - height), (2 * index) % (size - width)
        frame = canvas[top : top + height, left : left + width].copy()
        side = max(height // 6, 1)
        column = (3 * index) % max(width - side, 1)
        frame[height // 3 : height // 3 + side, column : column + side] = rng.integers(0, 256, 3)
        yield frame


def write_synthetic_video(
    path: Path | str,
    *,
    width: int = 160,
    height: int = 128,
    frames: int = 24,
    seed: int = 0,
    **options: Any,  # noqa: ANN401 - those of the writer
) -> Path:
    """Write one synthetic video.

    Args:
        path: Output file.
        width: Frame width in px.
        height: Frame height in px.
        frames: How many frames.
        seed: Same seed, same pixels.
        **options: Of :func:`sslvqa.video.writer.write_video`.

    Returns:
        ``path``.
    """
    out = Path(path)
    write_video(out, synthetic_frames(width=width, height=height, frames=frames, seed=seed), **options)
    return out
