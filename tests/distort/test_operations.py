"""Pixel operations keep size, count and order; the same seed gives the same pixels."""

from fractions import Fraction

import numpy as np
import pytest

from sslvqa.distort.bank import Operation
from sslvqa.distort.interpolate import reduce_frame_rate
from sslvqa.distort.operations import OPERATIONS, apply_operation
from sslvqa.distort.planes import Yuv, from_frame, resize, shifted, to_frame

AMOUNTS = {"bicubic": 2, "bilinear": 2.5, "blur": 1.5, "contrast": 0.5, "drop": 0.5, "exposure": -1}
AMOUNTS |= {"motion_blur": 6, "noise": 8, "pyramid": 2, "shake": 4, "static_noise": 8, "frame_rate": 2}
AMOUNTS |= {"nearest": 3, "median": 5, "posterize": 16, "impulse": 0.02, "lost_blocks": 0.3}


def panning(count=9, height=48, width=64):
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 256, (height // 8 + 2, (width + 4 * count) // 8 + 2)).astype(np.float32)
    wide = np.kron(wide, np.ones((8, 8), np.float32)).clip(16, 235).astype(np.uint8)
    frames = []
    for index in range(count):
        y = wide[:height, 2 * index : 2 * index + width]
        frames.append(Yuv(np.ascontiguousarray(y), y[::2, ::2].copy(), (255 - y[::2, ::2]).copy()))
    return frames


def run(kind, amount, frames, seed=1):
    return list(apply_operation(Operation(kind, amount, seed), iter(frames), fps=Fraction(25)))


def test_every_operation_is_tried_here():
    assert set(AMOUNTS) == {*OPERATIONS, "frame_rate"}


@pytest.mark.parametrize("kind", sorted(AMOUNTS))
def test_an_operation_keeps_size_count_and_type_repeats_and_changes_something(kind):
    frames = panning()
    out = run(kind, AMOUNTS[kind], frames)
    assert len(out) == len(frames)
    for ours, original in zip(out, frames, strict=True):
        assert [plane.shape for plane in ours] == [plane.shape for plane in original]
        assert {plane.dtype for plane in ours} == {np.dtype(np.uint8)}
    again = run(kind, AMOUNTS[kind], frames)
    assert all(np.array_equal(a.y, b.y) for a, b in zip(out, again, strict=True))
    assert any(not np.array_equal(a.y, b.y) for a, b in zip(out, frames, strict=True))


@pytest.mark.parametrize(
    "kind", ["noise", "static_noise", "drop", "shake", "motion_blur", "impulse", "lost_blocks"]
)
def test_another_seed_gives_other_pixels(kind):
    frames = panning()
    first, second = (run(kind, AMOUNTS[kind], frames, seed) for seed in (1, 2))
    assert any(not np.array_equal(a.y, b.y) for a, b in zip(first, second, strict=True))


def test_operations_leave_their_input_alone():
    frames = panning()
    before = [frame.y.copy() for frame in frames]
    for kind, amount in AMOUNTS.items():
        run(kind, amount, frames)
    assert all(np.array_equal(frame.y, y) for frame, y in zip(frames, before, strict=True))


def test_noise_has_the_stated_deviation_and_static_noise_stands_still():
    flat = [Yuv(np.full((96, 96), 128, np.uint8), *(np.full((48, 48), 128, np.uint8) for _ in "uv"))] * 3
    moving, still = run("noise", 10, flat), run("static_noise", 10, flat)
    assert abs(moving[0].y.std() - 10) < 0.5
    assert abs(moving[0].u.std() - 5) < 0.5
    assert not np.array_equal(moving[0].y, moving[1].y)
    assert np.array_equal(still[0].y, still[2].y)


def test_impulses_are_black_or_white_and_as_many_as_stated():
    flat = [Yuv(np.full((200, 200), 128, np.uint8), *(np.full((100, 100), 128, np.uint8) for _ in "uv"))]
    (out,) = run("impulse", 0.1, flat)
    assert set(np.unique(out.y)) == {16, 128, 235}
    assert abs((out.y != 128).mean() - 0.1) < 0.01
    assert np.array_equal(out.u, flat[0].u)


def test_coarse_levels_lie_in_the_middle_of_their_steps():
    (out,) = run("posterize", 32, panning(1))
    assert set(np.unique(out.y)) <= set(range(16, 256, 32))
    assert np.abs(out.y.astype(int) - panning(1)[0].y).max() <= 16


def test_a_lost_block_shows_what_it_showed_before_in_all_planes():
    frames = panning()
    out = run("lost_blocks", 0.4, frames)
    assert np.array_equal(out[0].y, frames[0].y)
    kept = 0
    for now, before, true in zip(out[1:], out, frames[1:], strict=False):
        for row in range(3):
            for column in range(4):
                sides = zip(now, before, true, (16, 8, 8), strict=True)
                blocks = [
                    [plane[row * n : (row + 1) * n, column * n : (column + 1) * n] for plane in (a, b, c)]
                    for a, b, c, n in sides
                ]
                whole = [all(np.array_equal(b[0], b[k]) for b in blocks) for k in (1, 2)]
                assert any(whole)
                kept += whole[0] and not whole[1]
    assert 20 < kept < 60


def test_dropped_frames_show_the_frame_before():
    frames = panning()
    out = run("drop", 0.6, frames)
    assert np.array_equal(out[0].y, frames[0].y)
    for index in range(1, len(out)):
        assert np.array_equal(out[index].y, frames[index].y) or np.array_equal(out[index].y, out[index - 1].y)


def test_exposure_and_contrast_move_codes_as_stated_and_stay_in_video_range():
    codes = np.arange(16, 236, dtype=np.uint8).reshape(2, 110)
    frame = [Yuv(codes, np.full((1, 55), 200, np.uint8), np.full((1, 55), 128, np.uint8))]
    darker = run("exposure", -1, frame)[0]
    assert darker.y[0, 20] == 26  # 16 + 20/2
    assert darker.u[0, 0] == 164
    brighter = run("exposure", 1, frame)[0]
    assert brighter.y.max() == 235
    assert (brighter.y == 235).sum() > 50
    flatter = run("contrast", 0.5, frame)[0]
    assert flatter.y.min() == 71
    assert flatter.y.max() == 180
    assert (darker.v == 128).all()


@pytest.mark.parametrize("divisor", [2, 3, 4])
def test_kept_frames_return_exactly_and_the_others_are_nearer_than_a_held_picture(divisor):
    frames = panning(count=16)
    out = list(reduce_frame_rate(iter(frames), divisor=divisor, fps=Fraction(25)))
    assert len(out) == 16
    kept = range(0, 16, divisor)
    assert all(np.array_equal(out[index].y, frames[index].y) for index in kept)
    between = [index for index in range(kept[-1]) if index % divisor]
    ours = np.mean([np.abs(out[i].y.astype(float) - frames[i].y).mean() for i in between])
    held = np.mean([np.abs(frames[i - i % divisor].y.astype(float) - frames[i].y).mean() for i in between])
    assert ours < 0.7 * held


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_very_short_video_keeps_its_frame_count(count):
    frames = panning(count=count)
    out = list(reduce_frame_rate(iter(frames), divisor=4, fps=Fraction(30000, 1001)))
    assert len(out) == count


def test_planes_survive_the_way_through_a_frame():
    planes = panning(count=1)[0]
    assert all(np.array_equal(a, b) for a, b in zip(from_frame(to_frame(planes)), planes, strict=True))


def test_a_shift_moves_whole_pixels_and_repeats_the_edge():
    plane = np.arange(12, dtype=np.uint8).reshape(3, 4)
    moved = shifted(plane, 1, -1)
    assert moved.tolist() == [[1, 2, 3, 3], [1, 2, 3, 3], [5, 6, 7, 7]]


def test_resize_gives_the_asked_size():
    small = resize(panning(count=1)[0], 24, 32)
    assert [plane.shape for plane in small] == [(24, 32), (12, 16), (12, 16)]
