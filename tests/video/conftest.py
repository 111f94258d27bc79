"""Small videos of every kind, made on the fly, and an independent way to decode them."""

from __future__ import annotations

import av
import numpy as np
import pytest

from sslvqa.data.synthetic import synthetic_frames

WIDTH, HEIGHT = 96, 64


@pytest.fixture
def encode(tmp_path):
    """Write a video with full control over container, codec, timestamps and colour tags."""

    def write(
        name,
        *,
        frames=40,
        codec="libx264",
        pixel_format="yuv420p",
        width=WIDTH,
        height=HEIGHT,
        options=None,
        container_options=None,
        pts=None,
        time_base=None,
        audio=False,
        color=None,
        container_format=None,
    ):
        path = tmp_path / name
        with av.open(str(path), "w", format=container_format, options=container_options or {}) as container:
            stream = container.add_stream(codec, rate=25, options=options or {})
            stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
            stream.codec_context.thread_count = 1
            if time_base is not None:
                stream.codec_context.time_base = time_base
            if color is not None:
                stream.codec_context.colorspace, stream.codec_context.color_range = color
            if audio:
                add_audio(container)
            for i, pixels in enumerate(synthetic_frames(width=width, height=height, frames=frames)):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pixel_format)
                frame.pts = i if pts is None else pts[i]
                if time_base is not None:
                    frame.time_base = time_base
                if color is not None:
                    frame.colorspace, frame.color_range = color
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


def add_audio(container, *, blocks=10):
    """Add a silent sound track."""
    stream = container.add_stream("aac", rate=44100)
    for i in range(blocks):
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate, sound.pts = 44100, i * 1024
        container.mux(stream.encode(sound))
    container.mux(stream.encode(None))


@pytest.fixture
def audio_only(tmp_path):
    """A file that holds only sound."""
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        add_audio(container)
    return path


@pytest.fixture
def decode_all():
    """Decode a whole file with plain PyAV, one thread, in order: luma planes and timestamps."""

    def decode(path):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            frames = list(container.decode(stream))
            luma = [luma_of(frame) for frame in frames]
            times = [None if f.pts is None else float(f.pts * stream.time_base) for f in frames]
        return luma, times

    return decode


def luma_of(frame):
    """First plane of a frame as bytes per pixel rows, uint8 ``(H, line)``."""
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[:, : frame.width * max(plane.line_size // frame.width, 1)].copy()


@pytest.fixture
def noise_frame():
    """A frame of independent random samples in any pixel format."""

    def make(pixel_format, width, height, *, seed=0):
        frame = av.VideoFrame(width, height, pixel_format)
        rng = np.random.default_rng(seed)
        bits = frame.format.components[0].bits
        for plane in frame.planes:
            if bits > 8:
                data = rng.integers(0, 1 << bits, plane.buffer_size // 2, np.uint16).tobytes()
            else:
                data = rng.integers(0, 256, plane.buffer_size, np.uint8).tobytes()
            plane.update(data.ljust(plane.buffer_size, b"\0"))
        return frame

    return make
