"""Groups of aligned versions: contents, resuming, unusual sources."""

import json

import av
import numpy as np
import pytest

from sslvqa.distort import EXTENDED_DISTORTIONS, PAPER_DISTORTIONS, build_group, read_group
from sslvqa.distort.encode import file_sha256
from sslvqa.distort.source import read_segment
from sslvqa.errors import ConfigError, DataError, UnreadableVideoError, VideoNotFoundError
from sslvqa.video.reader import open_video, probe

FEW = (PAPER_DISTORTIONS[1], PAPER_DISTORTIONS[5])


def luma(path, **options):
    return np.stack([frame.y for frame in read_segment(path, **options).frames()]).astype(float)


def error(path, reference):
    return float(np.square(luma(path) - luma(reference)).mean())


@pytest.fixture
def group(make_video, tmp_path):
    source = make_video("clip.mp4", width=96, height=64, frames=12, options={"crf": "10"})
    return build_group(source, tmp_path / "scene", start_frame=2, max_frames=9)


def test_a_group_has_the_reference_and_the_twelve_all_of_one_length_and_size(group):
    assert [item.id for item in group.versions] == list(range(13))
    assert {item.frames for item in group.versions} == {9} == {group.frames}
    for path in group.paths:
        info = probe(path)
        assert (info.width_px, info.height_px, info.frame_count) == (96, 64, 9)
        assert info.fps == pytest.approx(25, rel=0.01)
        assert not info.has_audio


def test_the_reference_is_the_trimmed_part_nearly_without_loss(group, tmp_path):
    source = luma(tmp_path / "clip.mp4", start_frame=2, max_frames=9)
    assert np.square(luma(group.paths[0]) - source).mean() < 2


def test_levels_of_a_family_go_from_mild_to_harsh(group):
    errors = [error(path, group.paths[0]) for path in group.paths]
    for first in (1, 4, 7):
        assert errors[first] < errors[first + 1] < errors[first + 2]
    assert min(errors[10:]) > errors[4]


def test_versions_show_the_same_moment_as_the_reference(group):
    reference = luma(group.paths[0])
    for path in group.paths[1:6]:  # CRF 50 leaves too little to tell
        version = luma(path)
        for index in range(9):
            distances = np.square(reference - version[index]).mean(axis=(1, 2))
            assert int(distances.argmin()) == index


def test_the_sidecar_reads_back_and_records_how_it_was_made(group):
    assert read_group(group.directory) == group
    record = json.loads((group.directory / "group.json").read_text())
    assert record["tools"]["pyav"] == av.__version__
    assert record["source"]["start_frame"] == 2
    assert record["versions"][4]["parameters"]["encoder"]["options"][0] == ["crf", "5"]
    assert all(file_sha256(group.path(item)) == item.sha256 for item in group.versions)


def test_the_same_call_gives_the_same_bytes(make_video, tmp_path):
    """Not so with x264's defaults and x265: on small frames they read memory that they never wrote."""
    source = make_video(width=64, height=64, frames=8)
    families = ("vp9", "av1", "x264_ultrafast")
    chosen = (FEW[0], *(item for item in EXTENDED_DISTORTIONS if item.level == 2 and item.family in families))
    first, second = (build_group(source, tmp_path / name, distortions=chosen) for name in ("a", "b"))
    assert [item.sha256 for item in first.versions] == [item.sha256 for item in second.versions]


def test_every_extended_distortion_makes_a_file_of_the_right_length(make_video, tmp_path):
    source = make_video(width=64, height=64, frames=6)
    group = build_group(source, tmp_path / "g", distortions=EXTENDED_DISTORTIONS)
    assert {probe(path).frame_count for path in group.paths} == {6}


def test_finished_versions_are_kept_and_damaged_or_missing_ones_made_again(group, tmp_path):
    stamps = {path: path.stat().st_mtime_ns for path in group.paths}
    damaged, missing = group.paths[2], group.paths[3]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    missing.unlink()
    leftover = group.directory / ".05_h264_crf35.4242.mp4"
    leftover.write_bytes(b"half")
    again = build_group(tmp_path / "clip.mp4", group.directory, start_frame=2, max_frames=9)
    assert [item.sha256 for item in again.versions] == [item.sha256 for item in group.versions]
    changed = {path for path in group.paths if path.stat().st_mtime_ns != stamps[path]}
    assert changed == {damaged, missing}
    assert not leftover.exists()


def test_more_versions_can_be_added_later(make_video, tmp_path):
    source = make_video(width=64, height=64, frames=6)
    build_group(source, tmp_path / "g", distortions=FEW[:1])
    group = build_group(source, tmp_path / "g", distortions=FEW[1:])
    assert [item.id for item in group.versions] == [0, 2, 6]


def test_a_changed_distortion_replaces_its_file(make_video, tmp_path):
    from dataclasses import replace

    source = make_video(width=64, height=64, frames=6)
    build_group(source, tmp_path / "g", distortions=FEW[:1])
    group = build_group(source, tmp_path / "g", distortions=[replace(FEW[1], id=FEW[0].id)])
    assert sorted(path.name for path in group.directory.iterdir()) == [
        "00_reference.mp4",
        "02_h264_crf50.mp4",
        "group.json",
    ]
    assert [item.name for item in group.versions] == ["reference", "h264_crf50"]


def test_a_folder_of_another_source_or_part_is_refused(make_video, tmp_path):
    first, second = (make_video(f"{seed}.mp4", width=64, height=64, frames=6, seed=seed) for seed in (1, 2))
    build_group(first, tmp_path / "g", distortions=FEW[:1])
    with pytest.raises(ConfigError, match=r"another source or part \(differs: sha256\)"):
        build_group(second, tmp_path / "g", distortions=FEW[:1])
    with pytest.raises(ConfigError, match="differs: start_frame"):
        build_group(first, tmp_path / "g", distortions=FEW[:1], start_frame=1)


def test_an_unreadable_sidecar_is_not_overwritten(make_video, tmp_path):
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "group.json").write_text("{")
    with pytest.raises(ConfigError, match="delete it or choose another folder"):
        build_group(make_video(width=64, height=64, frames=4), tmp_path / "g", distortions=FEW[:1])
    with pytest.raises(DataError, match="no group of versions"):
        read_group(tmp_path / "g")


def test_a_whole_untouched_file_is_its_own_reference(make_video, tmp_path):
    source = make_video(width=64, height=64, frames=6)
    group = build_group(source, tmp_path / "g", distortions=FEW[:1])
    assert group.paths[0].read_bytes() == source.read_bytes()
    assert group.versions[0].parameters == {"copy": True}


def test_an_odd_size_is_cut_to_even_sides_and_recorded(make_video, tmp_path):
    source = make_video("a.mkv", width=75, height=63, frames=5, codec="ffv1", pixel_format="yuv420p")
    group = build_group(source, tmp_path / "g", distortions=PAPER_DISTORTIONS[6:9])
    assert (group.width_px, group.height_px) == (74, 62)
    assert {(probe(path).width_px, probe(path).height_px) for path in group.paths} == {(74, 62)}
    assert group.source["notes"] == ["cropped to 74x62 px"]


def test_a_shrunken_source_has_a_fraction_of_the_sides(make_video, tmp_path):
    source = make_video(width=160, height=98, frames=4)
    group = build_group(source, tmp_path / "g", distortions=FEW[:1], scale=3)
    assert (group.width_px, group.height_px) == (52, 32)
    with pytest.raises(ConfigError, match="below 16 px"):
        build_group(source, tmp_path / "h", scale=8)


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv422p10le", "gray", "yuv420p10le", "rgb24"])
def test_other_pixel_formats_become_8_bit_420_without_a_colour_cast(make_video, tmp_path, pixel_format):
    name, codec = ("a.mov", "png") if pixel_format == "rgb24" else ("a.mkv", "ffv1")
    source = make_video(name, width=64, height=64, frames=4, codec=codec, pixel_format=pixel_format)
    group = build_group(source, tmp_path / "g", distortions=FEW[:1])
    assert probe(group.paths[0]).pixel_format == "yuv420p"
    with open_video(source) as before, open_video(group.paths[0]) as after:
        means = [next(iter(video.frames([2]))).rgb().mean(axis=(1, 2)) for video in (before, after)]
    np.testing.assert_allclose(means[0], means[1], atol=2.5)


def test_a_high_definition_source_keeps_its_colour_matrix_when_shrunken(make_video, tmp_path):
    source = make_video(width=1280, height=720, frames=2)
    group = build_group(source, tmp_path / "g", distortions=FEW[:1], scale=4)
    assert {probe(path).color_matrix for path in group.paths} == {probe(source).color_matrix} == {"bt709"}


def test_a_rotated_video_is_turned_upright(make_video, tmp_path):
    source = make_video("plain.mp4", width=96, height=64, frames=5)
    turned = tmp_path / "turned.mp4"
    write_rotated(source, turned)
    info = probe(turned)
    assert (info.width_px, info.height_px) == (64, 96)
    group = build_group(turned, tmp_path / "g", distortions=FEW[:1])
    assert (group.width_px, group.height_px) == (64, 96)
    assert group.source["notes"] == ["turned by 90 degrees"]
    with open_video(turned) as before, open_video(group.paths[0]) as after:
        ours, theirs = (next(iter(video.frames([3]))).rgb().astype(float) for video in (after, before))
    assert np.abs(ours - theirs).mean() < 3


def write_rotated(source, target):
    """Copy a stream and write a rotation of 90 degrees into the track header of the mp4."""
    data = bytearray(source.read_bytes())
    upright = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    rotated = np.array([0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30], ">i4").tobytes()
    place = data.index(upright, data.index(b"tkhd"))
    data[place : place + len(rotated)] = rotated
    target.write_bytes(bytes(data))


def test_one_frame_is_a_legal_source(make_video, tmp_path):
    group = build_group(make_video(width=64, height=64, frames=1), tmp_path / "g")
    assert group.frames == 1
    assert len(group.versions) == 13


def test_impossible_requests_say_what_to_do(make_video, tmp_path):
    source = make_video(width=64, height=64, frames=4)
    with pytest.raises(DataError, match="choose an earlier one"):
        build_group(source, tmp_path / "g", start_frame=4)
    with pytest.raises(ConfigError, match="allowed is 1 or more"):
        build_group(source, tmp_path / "g", max_frames=0)
    with pytest.raises(ConfigError, match="allowed is 0 or more"):
        build_group(source, tmp_path / "g", start_frame=-1)
    with pytest.raises(ConfigError, match="scale is 9"):
        build_group(source, tmp_path / "g", scale=9)
    with pytest.raises(ConfigError, match="unique"):
        build_group(source, tmp_path / "g", distortions=[FEW[0], FEW[0]])
    with pytest.raises(VideoNotFoundError):
        build_group(tmp_path / "absent.mp4", tmp_path / "g")
    (tmp_path / "junk.mp4").write_bytes(b"junk")
    with pytest.raises(UnreadableVideoError):
        build_group(tmp_path / "junk.mp4", tmp_path / "g")
    assert not (tmp_path / "g").exists()


def test_versions_that_another_machine_made_are_taken_over_if_they_are_what_its_sidecar_says(group, tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    taken, spoiled = group.versions[5], group.versions[6]
    for version in (taken, spoiled):
        (made / version.file).write_bytes(group.path(version).read_bytes())
    (made / spoiled.file).write_bytes(b"cut")
    (made / "group.json").write_bytes((group.directory / "group.json").read_bytes())
    again = build_group(group.paths[0], tmp_path / "again", distortions=PAPER_DISTORTIONS[:6], made=made)
    found = {version.id: version for version in again.versions}
    assert found[taken.id] == taken, "with the time that it took there"
    assert again.path(found[taken.id]).read_bytes() == group.path(taken).read_bytes()
    assert found[spoiled.id] != spoiled
    assert probe(again.path(found[spoiled.id])).frame_count == 9
    with pytest.raises(DataError, match="no versions to take over"):
        build_group(group.paths[0], tmp_path / "other", made=tmp_path)
