"""One-call forms: each builds a scorer, calls it and returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sslvqa.errors import ConfigError, UnknownModelError
from sslvqa.hub.weights import LoadedModel, load_model
from sslvqa.maps import QualityMap, render_strip, write_overlay
from sslvqa.sampling import plan_clips
from sslvqa.scoring import FailedScore, Scorer, VideoScore, check_timeline, measure_local, score_each
from sslvqa.video import open_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO, Unpack

    import numpy as np
    from numpy.typing import NDArray

    from sslvqa.maps import Palette
    from sslvqa.scoring import MapRange, ScorerSettings
    from sslvqa.video import RawGeometry, Video

__all__ = ["check_map_file", "from_pretrained", "load", "quality_map", "score", "score_many"]

_MAP_ENDINGS = (".png", ".mp4", ".webm", ".mkv", ".mov")


def load(model: str | Path = "default") -> LoadedModel:
    """Load a model and its card; see :func:`sslvqa.hub.load_model`."""
    return load_model(model)


def from_pretrained(directory: str | Path, **settings: Unpack[ScorerSettings]) -> Scorer:
    """Return a scorer of a local model directory; names are not looked up and nothing is downloaded.

    Args:
        directory: As written by ``sslvqa train`` or :func:`sslvqa.hub.save_model`.
        **settings: Keyword arguments of :class:`~sslvqa.scoring.Scorer`, e.g. ``device="cpu"``.

    Raises:
        UnknownModelError: There is no such directory, or it holds no model.
        ModelError: The model cannot be used.
    """
    if not Path(directory).is_dir():
        raise UnknownModelError(
            f"from_pretrained: there is no directory {str(directory)!r}; it takes local model directories "
            "only (shipped names: sslvqa.load or Scorer)"
        )
    return Scorer(load_model(Path(directory).resolve()), **settings)


def score(
    source: str | Path | BinaryIO,
    *,
    model: str | Path | LoadedModel = "default",
    timeline_seconds: float | None = None,
    **settings: Unpack[ScorerSettings],
) -> VideoScore:
    """Score one video; :class:`~sslvqa.scoring.Scorer` explains the settings, and is faster for several.

    Raises:
        VideoError: The file cannot be used.
        ModelError: The model cannot be used.
        ConfigError: A setting is out of range.
    """
    return Scorer(model, **settings).score(source, timeline_seconds=timeline_seconds)


def score_many(
    paths: Iterable[str | Path],
    *,
    model: str | Path | LoadedModel = "default",
    timeline_seconds: float | None = None,
    **settings: Unpack[ScorerSettings],
) -> Iterator[VideoScore | FailedScore]:
    """Score files in their order; a file that cannot be scored is a record, not an exception.

    Raises:
        ModelError: The model cannot be used (at the call, not for each file).
        ConfigError: A setting is out of range (at the call).
    """
    check_timeline(timeline_seconds)
    return score_each(list(paths), scorer=Scorer(model, **settings), timeline_seconds=timeline_seconds)


def quality_map(
    source: str | Path | BinaryIO,
    *,
    model: str | Path | LoadedModel | Scorer = "default",
    out: str | Path | None = None,
    places: int | None = None,
    draws: int | None = None,
    strength: float = 0.75,
    palette: Palette = "red_blue",
    range_: MapRange = "auto",
    legend: bool = True,
    geometry: RawGeometry | None = None,
    progress: Callable[[float], object] | None = None,
) -> tuple[QualityMap, ...]:
    """Show where in the picture the regression model sees low quality.

    Args:
        source: A video file.
        model: As in :func:`score`, or a scorer.
        out: ``*.png`` for a strip of frames and their maps; ``*.mp4``, ``*.webm`` (``.mkv``, ``.mov``) for
            the whole video in its own resolution with the map laid over it.
        places: Clips spread evenly over the video; one map each, of the clip's middle frame. Default 3 for a
            strip, one a second (2 to 24) for a video, which is interpolated between them.
        draws: Views for each clip, on a lattice over the frame; default as many as cover every pixel, but at
            most 512 in all, and the map is interpolated between them.
        strength: Of the overlay, from 0 (the frame as it is) to 1.
        palette: A name in :data:`sslvqa.maps.PALETTES`.
        range_: Colours span the video's own values (``auto``) or the whole scale (``scale``).
        legend: Whether a map video has the colour bar at its right; without it, it keeps the video's size.
        geometry: What a headerless file (.yuv) holds.
        progress: Called with the fraction that is done, in [0, 1].

    Returns:
        The maps, in temporal order, on the scale of ``q_r``; ``coverage`` says which pixels were measured.

    Raises:
        VideoError: The file cannot be used.
        ConfigError: A number is out of range, or ``out`` has no known ending or is the video itself.
    """
    target = None if out is None else check_map_file(Path(out), source=source)
    if not 0 <= strength <= 1:
        raise ConfigError(f"map strength is {strength}; allowed are numbers from 0 (frame only) to 1")
    scorer = model if isinstance(model, Scorer) else Scorer(model)
    view = scorer.card.architecture.geometry
    with open_video(source, limits=scorer.limits, geometry=geometry) as video:
        moving = target is not None and target.suffix.lower() != ".png"
        if places is None:
            places = min(max(round(video.info.duration_seconds), 2), 24) if moving else 3
        clips = plan_clips(video.info.frame_count, clips=places, length=view.frames, interval=view.interval)
        measured = 0.5 if moving else 1.0  # of the whole work
        local = measure_local(
            video, scorer=scorer, clips=clips, draws=draws, progress=_part(progress, 0.0, measured)
        )
        maps = tuple(local.maps([clip.middle for clip in clips]))
        if target is None:
            return maps
        style = _Style(local.limits(range_), palette, strength, local.label)
        if moving:
            write_overlay(
                target,
                _pictures(video, _part(progress, measured, 1.0)),
                local.maps(range(video.info.frame_count)),
                fps=video.info.fps,
                legend=legend,
                **style._asdict(),
            )
        else:
            _draw_strip(target, video, maps, style)
    return maps


def _part(progress: Callable[[float], object] | None, start: float, stop: float) -> Callable[[float], object]:
    """Report the fraction of a part that lies between two fractions of the whole."""
    if progress is None:
        return lambda _fraction: None
    return lambda fraction: progress(start + (stop - start) * fraction)


def _pictures(video: Video, progress: Callable[[float], object]) -> Iterator[NDArray[np.uint8]]:
    """All frames as RGB ``(3, H, W)``."""
    count = video.info.frame_count
    for frame in video.frames(range(count)):
        progress((frame.index + 1) / count)
        yield frame.rgb()


class _Style(NamedTuple):
    """How a map is drawn."""

    limits: tuple[float, float]
    palette: Palette
    strength: float
    label: str


def check_map_file(path: Path, *, source: str | Path | BinaryIO | None = None) -> Path:
    """Return the path if a map of a video can be drawn to a file of that name.

    Raises:
        ConfigError: Another ending than those of a picture or a video, no such folder, or the video itself.
    """
    if path.suffix.lower() not in _MAP_ENDINGS:
        raise ConfigError(f"map file {path} ends in {path.suffix!r}; use one of {', '.join(_MAP_ENDINGS)}")
    if not path.parent.is_dir():
        raise ConfigError(f"map file {path}: there is no folder {path.parent}; create it first")
    if isinstance(source, str | Path) and path.exists() and Path(source).exists() and path.samefile(source):
        raise ConfigError(f"map file {path} is the video itself; give another name")
    return path


def _draw_strip(target: Path, video: Video, maps: Sequence[QualityMap], style: _Style) -> None:
    wanted = sorted({item.frame_index for item in maps})
    pictures = {frame.index: frame.rgb() for frame in video.frames(wanted)}
    times = [float(video.timestamps_seconds[item.frame_index]) for item in maps]
    render_strip(
        target,
        [pictures[item.frame_index] for item in maps],
        maps,
        captions=[f"{time:.2f} s" for time in times],
        **style._asdict(),
    )
