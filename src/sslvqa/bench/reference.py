"""The straightforward pipeline: all frames to RGB, stacked, cut, and the networks eagerly in float32."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import av
import numpy as np
import torch

from sslvqa.bench.stages import Stages
from sslvqa.errors import VideoError, VideoLimitError
from sslvqa.sampling.normalize import normalize
from sslvqa.scoring.runtime import inference
from sslvqa.video.convert import Converter
from sslvqa.video.probe import color_matrix_of, full_range_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sslvqa.nn.quality import QualityModel, QualityScores
    from sslvqa.sampling.qcs import ViewPlan
    from sslvqa.video.frames import VideoInfo

__all__ = ["LARGEST_STACK_BYTES", "check_stack", "run_reference"]

LARGEST_STACK_BYTES = 4 * 2**30
"""Longest RGB stack that is tried; the pipeline holds it twice."""


def check_stack(info: VideoInfo, *, view_px: int) -> None:
    """Refuse a video that the straightforward pipeline cannot score.

    Args:
        info: Of the video.
        view_px: Side of the views that are cut from it.

    Raises:
        VideoLimitError: The stack would exceed :data:`LARGEST_STACK_BYTES`.
        VideoError: The frames are turned for display, or smaller than a view.
    """
    size = 3 * info.frame_count * info.height_px * info.width_px
    if size > LARGEST_STACK_BYTES:
        raise VideoLimitError(
            f"{info.frame_count} frames of {info.width_px}x{info.height_px} px are {size / 2**30:.1f} GiB as "
            f"RGB, and the straightforward pipeline holds them twice; give a shorter file"
        )
    if info.rotation_degrees:
        raise VideoError(
            f"{info.path} is turned by {info.rotation_degrees} degrees for display, which the "
            f"straightforward pipeline does not do; use --no-reference"
        )
    if min(info.width_px, info.height_px) < view_px:
        raise VideoError(
            f"{info.path} is smaller than a view of {view_px} px and would be enlarged, which the "
            f"straightforward pipeline does not do; use --no-reference"
        )


def run_reference(
    path: str | Path, *, model: QualityModel, plans: Sequence[ViewPlan], threads: int
) -> tuple[QualityScores, Stages]:
    """Score the planned views of a video the slow way.

    Args:
        path: A video file that needs neither rotation nor enlargement.
        model: As :func:`sslvqa.bench.eager.eager_model` gives it.
        plans: The views; frame numbers count decoded frames.
        threads: For decoding and for the networks.

    Returns:
        The raw scores of the views, and where the time went.
    """
    marks = [time.perf_counter()]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.thread_count = "AUTO", threads
        marks.append(time.perf_counter())
        converter = Converter()
        frames: list[NDArray[np.uint8]] = [
            converter.packed(frame, matrix=color_matrix_of(frame), full_range=full_range_of(frame))
            for frame in container.decode(stream)
        ]
    marks.append(time.perf_counter())
    stack = np.stack(frames)
    views = torch.from_numpy(np.stack([_cut(stack, plan) for plan in plans]))
    marks.append(time.perf_counter())
    with inference(threads):
        scores: QualityScores = model(normalize(views))
    marks.append(time.perf_counter())
    probe, decode, cut, forward = np.diff(marks).tolist()
    pixels = int(stack.size // 3)
    return scores, Stages(probe, decode, cut, forward, marks[-1] - marks[0], len(stack), pixels)


def _cut(stack: NDArray[np.uint8], plan: ViewPlan) -> NDArray[np.uint8]:
    """Cut one view ``(3, T, S, S)`` from all frames ``(N, H, W, 3)``."""
    rows, columns = plan.fragments.source_pixels()
    clip = stack[list(plan.clip.indices)]
    view: NDArray[np.uint8] = clip[:, rows, columns].transpose(3, 0, 1, 2)
    return view
