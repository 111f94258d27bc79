import av
import numpy as np
import pytest
from PIL import Image

from sslvqa.errors import ConfigError
from sslvqa.maps import (
    PALETTES,
    QualityMap,
    colour_bar,
    colourize,
    overlay,
    render_strip,
    score_limits,
    write_overlay,
)

HUE = {"red": 0, "green": 1, "blue": 2}


def _map(values, index=0):
    values = np.asarray(values, dtype=np.float32)
    return QualityMap(index, values, np.ones(values.shape, bool), index)


def _ramp(height=40, width=64):
    return np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))


def _drawn(*args, **options):
    return overlay(*args, palette="red_green", strength=1, **options)


def _grey(height=40, width=64, level=128):
    return np.full((3, height, width), level, np.uint8)


def test_low_is_red_and_high_is_green():
    low, high = colourize(np.array([0.0, 1.0]), limits=(0, 1), palette="red_green").T
    assert low.argmax() == HUE["red"]
    assert high.argmax() == HUE["green"]


@pytest.mark.parametrize("palette", PALETTES)
def test_the_ends_of_a_palette_are_exact_and_values_outside_take_them(palette):
    colours = colourize(np.array([-9.0, 2.0, 4.0, 99.0]), limits=(2, 4), palette=palette).T
    assert tuple(colours[0]) == tuple(colours[1]) == PALETTES[palette][0]
    assert tuple(colours[2]) == tuple(colours[3]) == PALETTES[palette][-1]


def test_viridis_grows_brighter_with_the_score():
    red, green, blue = colourize(np.linspace(0, 1, 50), limits=(0, 1), palette="viridis").astype(float)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    assert (np.diff(luma) > 0).all()


@pytest.mark.parametrize("limits", [(1, 1), (2, 1), (0, float("nan")), (float("-inf"), 0)])
def test_limits_that_are_not_increasing_are_refused(limits):
    with pytest.raises(ConfigError, match="colour limits"):
        colourize(np.zeros(3), limits=limits)


def test_an_unknown_palette_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'jet'; allowed are red_blue, red_green, viridis"):
        colourize(np.zeros(3), limits=(0, 1), palette="jet")


def test_limits_span_all_maps_and_are_widened_when_equal():
    assert score_limits([np.array([1.0, 2.0]), np.array([-1.0, 0.0])]) == (-1.0, 2.0)
    for constant in (0.0, 0.3, -50.0):
        low, high = score_limits([np.full((2, 2), constant, np.float32)])
        assert low < constant < high


def test_the_overlay_keeps_the_hue_of_the_score_and_the_brightness_of_the_frame():
    frame = np.concatenate([_grey(20, 64, 30), _grey(20, 64, 220)], axis=1)
    drawn = _drawn(frame, _ramp(), limits=(0, 1))
    assert drawn.shape == (3, 40, 64)
    assert drawn.dtype == np.uint8
    assert (drawn[:, 30, 0].argmax(), drawn[:, 30, -1].argmax()) == (HUE["red"], HUE["green"])
    assert (drawn[:, 39].sum(0, dtype=int) > drawn[:, 0].sum(0, dtype=int)).all()
    flat = _drawn(frame, _ramp(), limits=(0, 1), detail=0)
    assert np.array_equal(flat, colourize(_ramp(), limits=(0, 1), palette="red_green"))


def test_an_overlay_of_another_size_or_detail_is_refused():
    with pytest.raises(ConfigError, match="map of shape"):
        overlay(_grey(), _ramp(41), limits=(0, 1))
    with pytest.raises(ConfigError, match=r"detail is 1\.5"):
        overlay(_grey(), _ramp(), limits=(0, 1), detail=1.5)
    with pytest.raises(ConfigError, match=r"strength is -0\.1"):
        overlay(_grey(), _ramp(), limits=(0, 1), strength=-0.1)


def test_the_strength_goes_from_the_frame_to_the_map():
    frame = np.random.default_rng(0).integers(0, 150, (3, 40, 64), dtype=np.uint8)  # nothing saturates
    none, half, full = (overlay(frame, _ramp(), limits=(0, 1), strength=s).astype(int) for s in (0, 0.5, 1))
    assert np.array_equal(none, frame)
    grey = np.tensordot([0.299, 0.587, 0.114], none, axes=1)
    assert np.abs(half - (full / 2 + (none + grey) / 4)).max() <= 1


def test_the_default_colours_differ_without_red_green_vision():
    low, high = colourize(np.array([0.0, 1.0]), limits=(0, 1)).T.astype(int)
    assert low.argmax() == HUE["red"]
    assert high[2] - low[2] > 80


@pytest.mark.parametrize(
    "limits", [(0, 1), (-0.113, 0.021), (1e-5, 2e-5), (12.3, 98.1), (-4e6, 3e6), (0.4999, 0.5001)]
)
def test_the_colour_bar_has_a_scale_for_any_limits(limits):
    bar = colour_bar(limits=limits, height_px=200, palette="red_green")
    assert bar.height == 200
    pixels = np.asarray(bar)
    assert (pixels[:, 11:30].argmax(-1) == HUE["green"]).any()
    text = pixels[50:, 42:].min(-1) < 128
    blocks = np.diff(np.concatenate([[0], text.any(1).astype(int)])) == 1
    assert 2 <= blocks.sum() <= 8


@pytest.mark.parametrize(("height", "width"), [(40, 64), (64, 40), (33, 47), (1, 2)])
@pytest.mark.parametrize("palette", PALETTES)
def test_a_strip_shows_frames_above_and_maps_below(tmp_path, height, width, palette):
    maps = [_map(_ramp(height, width), index) for index in (3, 7)]
    path = render_strip(tmp_path / "s.png", [_grey(height, width)] * 2, maps, palette=palette, panel_px=64)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    panel_height, panel_width = (max(1, round(side * 64 / max(height, width))) for side in (height, width))
    top = pixels[34 : 34 + panel_height, 12 : 12 + panel_width]
    bottom = pixels[46 + panel_height : 46 + 2 * panel_height, 12 : 12 + panel_width]
    assert (top == 128).all()
    assert (bottom.max(-1) > bottom.min(-1)).all()


def test_a_strip_needs_one_map_for_each_frame(tmp_path):
    with pytest.raises(ConfigError, match="2 frames, 1 maps"):
        render_strip(tmp_path / "s.png", [_grey()] * 2, [_map(_ramp())])
    with pytest.raises(ConfigError, match="0 frames"):
        render_strip(tmp_path / "s.png", [], [])


@pytest.mark.parametrize(("height", "width", "ending"), [(48, 64, "mp4"), (33, 47, "mp4"), (48, 64, "webm")])
def test_an_overlay_video_has_every_frame_in_its_size_and_a_colour_bar(tmp_path, height, width, ending):
    frames = (_grey(height, width) for _ in range(5))
    maps = (_map(_ramp(height, width), index) for index in range(5))
    path = tmp_path / f"o.{ending}"
    assert write_overlay(path, frames, maps, limits=(0, 1), fps=25) == 5
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == {"mp4": "h264", "webm": "vp9"}[ending]
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(decoded) == 5
    assert decoded[0].shape[1] > width
    assert decoded[0][height // 2, 2].argmax() == HUE["red"]
    assert decoded[0][height // 2, width - 6].argmax() == HUE["blue"]


def test_without_a_legend_the_video_keeps_the_size_of_the_frames(tmp_path):
    path = tmp_path / "o.mp4"
    write_overlay(path, [_grey(33, 48)], [_map(_ramp(33, 48))], limits=(0, 1), fps=25, legend=False)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.height, stream.width) == (34, 48)


@pytest.mark.parametrize(("frames", "maps"), [(2, 3), (3, 2)])
def test_an_overlay_video_needs_one_map_for_each_frame(tmp_path, frames, maps):
    with pytest.raises(ConfigError, match="numbers of frames and maps differ"):
        write_overlay(tmp_path / "o.mp4", [_grey()] * frames, [_map(_ramp())] * maps, limits=(0, 1), fps=25)
