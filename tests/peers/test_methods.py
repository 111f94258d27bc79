"""Comparators: what they say of pictures and videos that are known to be good, bad or odd."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sslvqa.data.synthetic import synthetic_frames
from sslvqa.errors import DataError
from sslvqa.peers import PEERS, Frame, Stem, Tpqi, brisque_features, fit_pristine, niqe_blocks, niqe_distance
from sslvqa.peers.nss import fit_aggd, half_size, mscn


@cache
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


def video(*pictures):
    return [Frame(number, luma) for number, luma in enumerate(pictures)]


@pytest.mark.parametrize("name", [name for name in PEERS if name != "tpqi"])  # which looks at motion alone
def test_every_method_of_pictures_learns_that_blur_is_worse(name):
    pytest.importorskip("sklearn")
    peer, blurs = PEERS[name](), np.linspace(0.01, 3, 6)
    seen = [(gaussian_filter(picture(seed), blur), -blur) for seed in range(4) for blur in blurs]
    if peer.learns_from == "pristine":
        seen = [(picture(seed), 0.0) for seed in range(8)]
    measured = [peer.measure(video(luma)) for luma, _ in seen]
    peer.fit(measured, [label for _, label in seen], [str(place // 6) for place in range(len(seen))])
    scores = peer.predict([peer.measure(video(*[gaussian_filter(picture(30), blur)] * 2)) for blur in blurs])
    assert (np.diff(scores) < 0).all()


def panned(seed, *, shake=0, noise=0.0, frames=14):
    """A texture that passes by, 3 px a frame, with the camera thrown about by up to so many px."""
    rng, canvas = np.random.default_rng(seed), picture(seed, width=420, height=420)
    for place in 40 + 3 * np.arange(frames):
        down, right = rng.integers(-shake, shake, 2, endpoint=True)
        window = canvas[place + down :, place + right :][:224, :256]
        yield window + rng.normal(0, noise, window.shape)


@cache
def moving_peer(name):
    peer = PEERS[name]()
    pristine = [peer.measure(video(*panned(seed, frames=2))) for seed in range(10, 18)]
    peer.fit(pristine, [0.0] * 8, [str(place) for place in range(8)])
    return peer


@pytest.mark.parametrize("name", ["stem", "tpqi"])
@pytest.mark.parametrize(("flaw", "most"), [("shake", 24), ("noise", 36.0)])
def test_shaky_and_noisy_videos_score_below_a_smooth_pan(name, flaw, most):
    peer = moving_peer(name)
    for seed in range(3):
        levels = [type(most)(most * share) for share in (0, 1 / 3, 1)]
        measured = [peer.measure(video(*panned(seed, **{flaw: level}))) for level in levels]
        scores = peer.predict(measured)
        assert peer.predict(measured[1:2]) == scores[1:2]
        if name == "stem":  # NIQE of so few blocks also depends on which they are
            assert (np.diff([item.unpredictability for item in measured]) > 0).all()
        if name == "tpqi" or flaw == "noise":
            assert (np.diff(scores) < 0).all()


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (97, 300)])
@pytest.mark.parametrize("frames", [1, 2, 7])
@pytest.mark.parametrize("name", ["stem", "tpqi"])
def test_black_still_and_tiny_videos_are_as_straight_as_can_be(name, frames, size):
    peer, luma = moving_peer(name), np.random.default_rng(0).uniform(0, 255, size)
    for still in (np.zeros(size), np.full(size, 255.0), luma):
        measured = peer.measure(video(*[still] * frames))
        assert np.isfinite(peer.predict([measured])).all()
        straight = [measured.unpredictability] if name == "stem" else [measured.v1, measured.lgn]
        assert straight == pytest.approx([np.log(1e-4)] * len(straight))
    flicker = [luma if number % 2 else 255 - luma for number in range(frames)]
    assert np.isfinite(peer.predict([peer.measure(video(*flicker))])).all()


@pytest.mark.parametrize("name", ["stem", "tpqi"])
def test_a_cut_between_runs_is_no_motion(name):
    peer, pictures = moving_peer(name), list(panned(0, frames=14))
    joined = peer.measure(video(*pictures))
    cut = peer.measure([Frame(number + 100 * (number > 6), luma) for number, luma in enumerate(pictures)])
    assert peer.predict([joined]) != peer.predict([cut])
    apart = [Frame(10 * number, luma) for number, luma in enumerate(panned(0, shake=9))]
    measured = peer.measure(apart)
    assert (measured[-1] if name == "stem" else measured.v1) == pytest.approx(np.log(1e-4))


def test_stem_is_the_mean_of_niqe_and_log_error():
    peer = Stem()
    pictures = list(panned(0, frames=23))
    measured = peer.measure(video(*pictures))
    assert len(measured.blocks) == 3
    pristine = [peer.measure(video(*panned(seed, frames=1))) for seed in range(10, 18)]
    peer.fit(pristine, [], [])
    model = fit_pristine(blocks for item in pristine for blocks in item.blocks)
    held = [niqe_distance(niqe_blocks(pictures[10 * (number // 10)]), model) for number in range(23)]
    averages = []
    for now in range(23):
        recent = held[max(now - 5, 0) : now + 1][::-1]
        averages.append(np.average(recent, weights=np.exp(-0.1 * np.arange(1, len(recent) + 1))))
    expected = (np.mean(averages) + measured.unpredictability) / 2
    assert peer.predict([measured]) == pytest.approx(-expected)


def test_tpqi_needs_no_fit_and_sums_two_log_curvatures():
    peer = Tpqi()
    measured = peer.measure(video(*panned(0)))
    assert peer.predict([measured]) == pytest.approx(-(measured.v1 + measured.lgn))
    twice = peer.measure(video(*(luma for luma in panned(0) for _ in range(2))))
    assert twice == pytest.approx([np.log(1e-4)] * 2)  # no three frames in a row differ
