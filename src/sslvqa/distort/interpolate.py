"""Frame-rate reduction followed by motion-compensated interpolation back to the old rate."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.filter

from sslvqa.distort.planes import Yuv, from_frame, to_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["reduce_frame_rate"]


def reduce_frame_rate(frames: Iterable[Yuv], *, divisor: int, fps: Fraction) -> Iterator[Yuv]:
    """Keep frames 0, d, 2d, ... and fill the gaps with FFmpeg's ``minterpolate`` (mode mci, its defaults).

    Output frame ``i`` is the picture at the time of input frame ``i``: alignment is by timestamp, not by
    the order in which the filter delivers. After the last kept frame that frame is held, and so is each kept
    frame of a video of fewer than three of them.

    Args:
        frames: Frames at ``fps``.
        divisor: 2, 3 or 4 in the paper.
        fps: Frame rate of the input and of the result.

    Yields:
        Exactly as many frames as came in.
    """
    kept: dict[int, Yuv] = {}
    count = 0
    for index, frame in enumerate(frames):
        count = index + 1
        if index % divisor == 0:
            kept[index] = frame
    made = dict(_interpolated(kept, divisor=divisor, fps=fps))
    for index in range(count):
        nearest = kept[index - index % divisor]
        yield made.get(index, nearest) if index % divisor else nearest


def _interpolated(kept: dict[int, Yuv], *, divisor: int, fps: Fraction) -> Iterator[tuple[int, Yuv]]:
    if len(kept) < 3:  # the filter needs three pictures before it delivers one
        return
    height, width = kept[0].y.shape
    base = 1 / fps
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("yuv420p"), time_base=base)
    filters = [graph.add("fps", f"fps={fps / divisor}"), graph.add("minterpolate", f"fps={fps}")]
    graph.link_nodes(source, *filters, graph.add("buffersink")).configure()
    last = max(kept)
    tail = [
        (last + divisor * step, kept[last]) for step in (1, 2, 3)
    ]  # else the filter keeps its last gaps back
    for index, planes in [*kept.items(), *tail]:
        frame = to_frame(planes)
        frame.pts, frame.time_base = index, base
        graph.push(frame)
        yield from _pull(graph, fps)
    graph.push(None)
    yield from _pull(graph, fps)


def _pull(graph: av.filter.Graph, fps: Fraction) -> Iterator[tuple[int, Yuv]]:
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        if isinstance(frame, av.VideoFrame) and frame.pts is not None and frame.time_base is not None:
            yield round(frame.pts * frame.time_base * fps), from_frame(frame)
