"""One-call forms: each builds a scorer, calls it and returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sslvqa.errors import ConfigError
from sslvqa.hub.weights import LoadedModel, load_model
from sslvqa.maps import QualityMap, project_maps, render_strip, score_limits, write_overlay
from sslvqa.sampling import plan_views, read_views
from sslvqa.scoring import FailedScore, Scorer, VideoScore, score_each
from sslvqa.video import open_video

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from sslvqa.sampling import ViewPlan
    from sslvqa.scoring import Combine
    from sslvqa.video import Video

__all__ = ["check_map_file", "load", "quality_map", "score", "score_many"]

_MAP_ENDINGS = (".png", ".mp4", ".mkv", ".mov")


def load(model: str | Path = "default") -> LoadedModel:
    """Load a model and its card; see :func:`sslvqa.hub.load_model`."""
    return load_model(model)


def score(
    source: str | Path | BinaryIO,
    *,
    model: str | Path | LoadedModel = "default",
    clips: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    combine: Combine | None = None,
    timeline_seconds: float | None = None,
) -> VideoScore:
    """Score one video; :class:`~sslvqa.scoring.Scorer` explains the arguments, and is faster for several.

    Raises:
        VideoError: The file cannot be used.
        ModelError: The model cannot be used.
        ConfigError: A setting is out of range.
    """
    scorer = Scorer(
        model, clips=clips, draws=draws, seed=seed, device=device, threads=threads, combine=combine
    )
    return scorer.score(source, timeline_seconds=timeline_seconds)


def score_many(
    paths: Iterable[str | Path],
    *,
    model: str | Path | LoadedModel = "default",
    clips: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    combine: Combine | None = None,
    timeline_seconds: float | None = None,
) -> Iterator[VideoScore | FailedScore]:
    """Score files one after another; a file that cannot be scored is a record, not an exception.

    Raises:
        ModelError: The model cannot be used (at the call, not for each file).
        ConfigError: A setting is out of range.
    """
    scorer = Scorer(
        model, clips=clips, draws=draws, seed=seed, device=device, threads=threads, combine=combine
    )
    return score_each(paths, scorer=scorer, timeline_seconds=timeline_seconds)


def quality_map(
    source: str | Path,
    *,
    model: str | Path | LoadedModel | Scorer = "default",
    out: str | Path | None = None,
    places: int = 3,
    draws: int = 8,
    seed: int = 0,
) -> tuple[QualityMap, ...]:
    """Show where in the picture the regression model sees low quality.

    Args:
        source: A video file.
        model: As in :func:`score`, or a scorer.
        out: ``*.png`` for a strip of frames and their maps, ``*.mp4`` (``.mkv``, ``.mov``) for the whole
            video with the map laid over it; red = low, green = high.
        places: Clips spread evenly over the video; one map each, of the clip's middle frame.
        draws: Draws of the fragment places per clip: more cover more pixels.
        seed: Of the draws.

    Returns:
        The maps, in temporal order, on the scale of ``q_r``.

    Raises:
        VideoError: The file cannot be used.
        ConfigError: A number is out of range, or ``out`` has no known ending.
    """
    import torch

    target = None if out is None else check_map_file(Path(out))
    scorer = model if isinstance(model, Scorer) else Scorer(model)
    with open_video(source, limits=scorer.limits) as video:
        plans = plan_views(
            video.info.height_px,
            video.info.width_px,
            video.info.frame_count,
            geometry=scorer.card.architecture.geometry,
            clips=places,
            draws=draws,
            generator=torch.Generator().manual_seed(seed),
        )
        tokens = scorer.token_scores(read_views(video, plans))
        wanted = [_middle(plan) for plan in plans[::draws]]
        maps = tuple(project_maps(tokens, plans, frames=wanted))
        if target is not None:
            limits, label = score_limits([tokens]), f"local Q_R ({scorer.card.scale.label})"
            if target.suffix.lower() == ".png":
                _draw_strip(target, video, maps, limits=limits, label=label)
            else:
                drawn = project_maps(tokens, plans, frames=range(video.info.frame_count))
                frames = (frame.rgb() for frame in video.frames(range(video.info.frame_count)))
                write_overlay(target, frames, drawn, limits=limits, fps=video.info.fps, label=label)
    return maps


def check_map_file(path: Path) -> Path:
    """Return the path if a map can be drawn to a file of that name.

    Raises:
        ConfigError: Another ending than those of a picture or a video, or no such folder.
    """
    if path.suffix.lower() not in _MAP_ENDINGS:
        raise ConfigError(f"map file {path} ends in {path.suffix!r}; use one of {', '.join(_MAP_ENDINGS)}")
    if not path.parent.is_dir():
        raise ConfigError(f"map file {path}: there is no folder {path.parent}; create it first")
    return path


def _middle(plan: ViewPlan) -> int:
    indices = sorted(plan.clip.indices)
    return indices[len(indices) // 2]


def _draw_strip(
    target: Path,
    video: Video,
    maps: Sequence[QualityMap],
    *,
    limits: tuple[float, float],
    label: str,
) -> None:
    wanted = sorted({item.frame_index for item in maps})
    pictures = {frame.index: frame.rgb() for frame in video.frames(wanted)}
    times = [float(video.timestamps_seconds[item.frame_index]) for item in maps]
    render_strip(
        target,
        [pictures[item.frame_index] for item in maps],
        maps,
        captions=[f"{time:.2f} s" for time in times],
        limits=limits,
        label=label,
    )
