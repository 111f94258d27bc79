"""The whole way with a real worker: decode, score, map, preview."""

import base64
import io

import av
import numpy as np
import pytest
from PIL import Image

from sslvqa.data.synthetic import write_synthetic_video
from sslvqa.scoring import Scorer, VideoScore


@pytest.fixture(scope="module")
def scored(real):
    """The two videos of the folder, scored."""
    jobs = real.client.post("/api/paths", json={"paths": [""]}).json()["jobs"]
    return {job["name"]: real.wait(job["id"], "done", seconds=120) for job in jobs}


def test_the_score_is_that_of_the_library(real, scored, model_dir):
    expected = Scorer(model_dir, threads=1).score(real.folder / "a.mp4", timeline_seconds=0.5)
    found = VideoScore.from_dict(scored["a.mp4"]["result"])
    assert found.path == found.video.path == "a.mp4"
    assert found.score == pytest.approx(expected.score, abs=1e-9)
    assert len(found.timeline) == len(expected.timeline) == 5
    assert found.provenance == expected.provenance


@pytest.mark.parametrize("name", ["a.mp4", "old.avi"])
def test_a_map_covers_the_frame_at_several_times(real, scored, name):
    url = f"/api/jobs/{scored[name]['id']}"
    real.client.post(f"{url}/map")
    real.wait(scored[name]["id"], "ready", of="map")
    found = real.client.get(f"{url}/map").json()
    assert (found["width"], found["height"]) == (64, 53)
    assert found["times_seconds"] == sorted(set(found["times_seconds"]))
    levels = [np.frombuffer(base64.b64decode(text), np.uint8) for text in found["levels"]]
    assert {level.size for level in levels} == {64 * 53}
    assert min(level.min() for level in levels) < max(level.max() for level in levels)
    assert found["high"] - found["low"] >= 10  # of 0..100: an even picture stays even
    assert found["coverage"] == 1
    strip = Image.open(io.BytesIO(real.client.get(f"{url}/map.png").content))
    assert strip.width > 300
    real.client.post(f"{url}/map/video", json={"strength": 1.0, "palette": "viridis"})
    real.wait(scored[name]["id"], "ready", of="map_video")
    with av.open(io.BytesIO(real.client.get(f"{url}/map.mp4").content)) as made:
        frames = [frame.to_ndarray(format="rgb24") for frame in made.decode(video=0)]
    assert len(frames) == scored[name]["result"]["video"]["frame_count"]
    assert frames[0].shape[0] >= 80
    assert frames[0].shape[1] > 96  # the legend


def test_a_preview_shows_the_same_frames_at_the_same_times(real, scored):
    job = scored["old.avi"]
    real.client.post(f"/api/jobs/{job['id']}/preview")
    real.wait(job["id"], "ready", of="preview")
    data = real.client.get(f"/api/jobs/{job['id']}/preview").content
    with av.open(io.BytesIO(data)) as made, av.open(str(real.folder / "old.avi")) as source:
        assert made.streams.video[0].codec_context.name == "h264"
        pairs = list(zip(made.decode(video=0), source.decode(video=0), strict=True))
    for copy, original in pairs:
        assert copy.time == pytest.approx(original.time, abs=0.001)
        difference = copy.to_ndarray(format="gray").astype(int) - original.to_ndarray(format="gray")
        assert np.abs(difference).mean() < 12


def test_a_headerless_file_is_scored_and_previewed(real):
    data = np.random.default_rng(0).integers(0, 256, 12 * 64 * 48 * 3 // 2, np.uint8).tobytes()
    job = real.scored("noise.yuv", data=data, width=64, height=48, fps=10)
    assert (job["state"], job["codec"], job["duration_seconds"]) == ("done", "rawvideo", 1.2)
    real.client.post(f"/api/jobs/{job['id']}/preview")
    assert real.wait(job["id"], "ready", "failed", of="preview")["preview"]["state"] == "ready"


def test_what_is_no_video_fails_in_words_and_without_paths_of_the_server(real, tmp_path):
    secret = tmp_path / "secret.ts"
    secret.write_bytes(b"x")
    for name, data in (
        ("a.mp4", b"not a video"),
        ("list.m3u8", f"#EXTM3U\n{secret}\n".encode()),
        ("e.mp4", b""),
    ):
        job = real.scored(name, data=data)
        assert (job["state"], job["error_type"]) == ("failed", "UnreadableVideoError")
        assert job["error"].startswith(f"{name}: ")
        assert "/tmp" not in job["error"]


def test_a_video_beyond_the_limits_is_refused_by_the_worker(model_dir, service, tmp_path):
    path = write_synthetic_video(tmp_path / "long.mp4", width=96, height=80, frames=60)
    found = service(command=None, max_duration_seconds=1.0, max_side_px=90)
    job = found.wait(found.upload("long.mp4", path.read_bytes()).json()["id"], "failed", seconds=120)
    assert job["error_type"] == "VideoLimitError"
    assert "allowed are sides up to 90 px" in job["error"]
