"""A video made of an array, with the interface of ``sslvqa.video`` and a record of what was asked of it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch


class ArrayPlanes:
    def __init__(self, index, pixels):
        self.index = index
        self.height_px, self.width_px = pixels.shape[1:]
        self._pixels = pixels
        self.whole_conversions = 0

    def rgb(self):
        self.whole_conversions += 1
        return self._pixels

    def patches_rgb(self, tops, lefts, size):
        cut = [
            self._pixels[:, top : top + size, left : left + size]
            for top, left in zip(tops, lefts, strict=True)
        ]
        assert all(patch.shape == (3, size, size) for patch in cut)
        return np.stack(cut)


class ArrayVideo:
    """uint8 ``(N, 3, H, W)`` as a video."""

    def __init__(self, pixels):
        self._pixels = pixels
        self.info = SimpleNamespace(path="array", frame_count=len(pixels))
        self.requests = []
        self.served = []

    def frames(self, indices):
        self.requests.append(list(indices))
        for index in sorted(set(indices)):
            if index < len(self._pixels):
                self.served.append(ArrayPlanes(index, self._pixels[index]))
                yield self.served[-1]


@pytest.fixture
def array_video():
    """Make a fake video of random pixels."""

    def make(frames=12, height=60, width=80, seed=0):
        shape = (frames, 3, height, width)
        return ArrayVideo(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))

    return make


@pytest.fixture
def generator():
    """A seeded generator."""
    return torch.Generator().manual_seed(1)
