"""BRISQUE and NIQE: what they say of pictures that are known to be good, bad or odd."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sslvqa.data.synthetic import synthetic_frames
from sslvqa.errors import DataError
from sslvqa.peers import PEERS, brisque_features, fit_pristine, niqe_blocks, niqe_distance
from sslvqa.peers.nss import fit_aggd, half_size, mscn


def picture(seed=0, width=384, height=288):
    (frame,) = synthetic_frames(width=width, height=height, frames=1, seed=seed)
    return frame.mean(axis=2).round()


def test_brisque_features_are_moments_of_coefficients_and_neighbours():
    luma = picture(width=64, height=48)
    features = brisque_features(luma)
    assert features.shape == (36,)
    for scale, own in ((0, luma), (1, half_size(luma))):
        normal, _ = mscn(own, edge="constant")
        part = features[18 * scale : 18 * scale + 18]
        whole = fit_aggd(normal.reshape(1, -1))
        assert part[:2] == pytest.approx([whole.shape[0], (whole.left[0] ** 2 + whole.right[0] ** 2) / 2])
        height, width = normal.shape
        for place, (down, right) in enumerate(((0, 1), (1, 0), (1, 1), (1, -1))):
            products = [
                normal[row, column] * normal[(row - down) % height, (column - right) % width]
                for row in range(height)
                for column in range(width)
            ]
            pair = fit_aggd(np.array([products]))
            expected = [pair.shape[0], pair.mean[0], pair.left[0] ** 2, pair.right[0] ** 2]
            assert part[2 + 4 * place : 6 + 4 * place] == pytest.approx(expected)


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (96, 96), (97, 300)])
@pytest.mark.parametrize("level", [0.0, 255.0])
def test_flat_and_tiny_pictures_are_finite(size, level):
    luma = np.full(size, level)
    assert np.isfinite(brisque_features(luma)).all()
    blocks = niqe_blocks(luma)
    assert len(blocks.features) == max(size[0] // 96, 1) * max(size[1] // 96, 1)
    pristine = fit_pristine([niqe_blocks(picture())])
    assert np.isfinite(niqe_distance(blocks, pristine))


def test_niqe_grows_with_blur_and_noise_and_is_zero_for_the_pristine_ones():
    pristine = fit_pristine([niqe_blocks(picture(seed)) for seed in range(1, 9)])
    assert pristine.mean.shape == (36,)
    own = niqe_blocks(picture(1))
    kept = own.features[own.sharpness > 0.75 * own.sharpness.max()]
    alone = fit_pristine([own])
    assert alone.mean == pytest.approx(kept.mean(axis=0))
    assert niqe_distance(own._replace(features=kept), alone) == pytest.approx(0, abs=1e-6)
    luma, rng = picture(20), np.random.default_rng(0)
    for worse in (lambda s: gaussian_filter(luma, s), lambda s: luma + rng.normal(0, 10 * s, luma.shape)):
        clean, mild, heavy = (niqe_distance(niqe_blocks(worse(s)), pristine) for s in (0.01, 1, 3))
        assert clean < mild < heavy


def test_pristine_pictures_without_blocks_are_refused():
    with pytest.raises(DataError, match="0 sharp blocks"):
        fit_pristine([])
    with pytest.raises(DataError, match="sharp blocks of pristine frames"):
        fit_pristine([niqe_blocks(np.zeros((96, 96)))])


@pytest.mark.parametrize("name", PEERS)
def test_every_method_learns_that_blur_is_worse(name):
    pytest.importorskip("sklearn")
    peer, blurs = PEERS[name](), np.linspace(0.01, 3, 6)
    seen = [(gaussian_filter(picture(seed), blur), -blur) for seed in range(4) for blur in blurs]
    if not peer.needs_labels:
        seen = [(picture(seed), 0.0) for seed in range(8)]
    measured = [peer.measure([luma]) for luma, _ in seen]
    peer.fit(measured, [label for _, label in seen], [str(place // 6) for place in range(len(seen))])
    scores = peer.predict([peer.measure([gaussian_filter(picture(30), blur)] * 2) for blur in blurs])
    assert (np.diff(scores) < 0).all()
