"""The page: what is on it, and the writing of it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sslvqa import __version__
from sslvqa.errors import ConfigError, DataError, MissingExtraError
from sslvqa.maps import PALETTES
from sslvqa.report.figures import histogram, ranking, timeline
from sslvqa.report.moments import choose_moments, picture_moments
from sslvqa.scoring import FailedScore, VideoScore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sslvqa.report.moments import Moment
    from sslvqa.scoring import Scorer

__all__ = ["report_page", "write_report"]

_TEMPLATE = "page.html"
_TIMELINES = 12


def write_report(
    path: str | Path,
    results: Sequence[VideoScore | FailedScore],
    *,
    scorer_of: Callable[[VideoScore], Scorer | None] = lambda _: None,
    title: str = "Video quality report",
    moments: int = 3,
) -> Path:
    """Write :func:`report_page` to a file; an existing one is replaced at once, not bit by bit.

    Returns:
        ``path``.

    Raises:
        ConfigError: There is no such folder, or ``moments`` is negative.
        DataError: There are no results.
        MissingExtraError: The extra ``[report]`` is not installed.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise ConfigError(f"report {target}: there is no folder {target.parent}; create it first")
    text = report_page(results, scorer_of=scorer_of, title=title, moments=moments)
    scratch = target.with_name(target.name + ".part")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(target)
    return target


def report_page(
    results: Sequence[VideoScore | FailedScore],
    *,
    scorer_of: Callable[[VideoScore], Scorer | None] = lambda _: None,
    title: str = "Video quality report",
    moments: int = 3,
) -> str:
    """Return one HTML page with everything in it: no script, nothing loaded from elsewhere.

    Its size is bounded: two tables have a row for each video, all pictures together do not depend on their
    number (at most ``2 * moments`` thumbnails of 480 px, each with its map, and 12 timelines).

    Args:
        results: Scores and failures, e.g. of :func:`sslvqa.report.read_results`. Of one path the last counts.
        scorer_of: Gives the scorer that draws the maps of a result; None leaves them out.
        title: Heading of the page.
        moments: How many worst and how many best moments are pictured; 0 for none.

    Raises:
        ConfigError: ``moments`` is negative.
        DataError: There are no results.
        MissingExtraError: The extra ``[report]`` is not installed.
    """
    if moments < 0:
        raise ConfigError(f"moments is {moments}; give 0 or more")
    if not results:
        raise DataError("there are no results; a report needs at least one scored or failed video")
    latest = {item.path: item for item in results}.values()
    scored = sorted((item for item in latest if isinstance(item, VideoScore)), key=lambda item: item.score)
    failed = [item for item in latest if isinstance(item, FailedScore)]
    names = _short_names([item.path for item in latest])
    label = _label(scored[0].scale) if scored else ""
    worst, best = choose_moments(scored, count=moments)
    pictured = picture_moments([*worst, *best], scorer_of=scorer_of)
    return _render(
        title=title,
        scored=scored,
        failed=failed,
        names=names,
        label=label,
        models=_models(scored),
        figures=_figures(scored, label),
        timelines=[
            (item, timeline(item, label=label, name=f"timeline{n}")) for n, item in _with_time(scored)
        ],
        kinds=[("Worst moments", pictured[: len(worst)]), ("Best moments", pictured[len(worst) :])],
        limits=_limits(pictured),
        ramp=", ".join(f"rgb({r} {g} {b})" for r, g, b in PALETTES["red_blue"]),
        version=__version__,
    )


def _label(scale: str) -> str:
    """Name of a scale for an axis: ``VMAF`` of ``VMAF 0..100: what it is``."""
    name, _, ends = scale.partition(":")[0].rpartition(" ")
    return name if ".." in ends and name else scale.partition(":")[0]


def _figures(scored: Sequence[VideoScore], label: str) -> list[tuple[str, str]]:
    """Captions and plots that need more than one video."""
    if len(scored) < 2:
        return []
    scores = [item.score for item in scored]
    return [
        ("How many videos have which score.", histogram(scores, label=label)),
        ("All videos in ascending order, with their prediction intervals.", ranking(scored, label=label)),
    ]


def _with_time(scored: Sequence[VideoScore]) -> list[tuple[int, VideoScore]]:
    """The lowest videos that have a timeline of several entries, numbered."""
    return list(enumerate([item for item in scored if len(item.timeline) > 1][:_TIMELINES]))


def _limits(moments: Sequence[Moment]) -> tuple[float, float] | None:
    return next((moment.limits for moment in moments if moment.limits), None)


def _models(scored: Sequence[VideoScore]) -> list[tuple[VideoScore, int]]:
    """One result of each model and way of scoring, with how many there are."""
    keys = [(r.provenance.weights_sha256, r.provenance.combine, r.scale) for r in scored]
    count = Counter(keys)
    first = dict(zip(reversed(keys), reversed(scored), strict=True))
    return [(first[key], number) for key, number in count.items()]


def _short_names(paths: Sequence[str]) -> dict[str, str]:
    """Each path without the folders that all have in common."""
    folders = {os.path.dirname(path) for path in paths}  # noqa: PTH120 - text, not files
    try:
        common = os.path.commonpath(folders) if folders else ""
    except ValueError:
        common = ""
    return {path: os.path.relpath(path, common) if common else path for path in paths}


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def _seconds(value: float) -> str:
    """A time as m:ss.s."""
    minutes, seconds = divmod(round(value, 1), 60)
    return f"{int(minutes)}:{seconds:04.1f}"


def _render(**values: Any) -> str:  # noqa: ANN401 - the template's names
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("a report needs Jinja2; run: pip install 'sslvqa[report]'") from error
    environment = Environment(
        loader=PackageLoader("sslvqa.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["seconds"] = _seconds
    environment.filters["number"] = _number
    return environment.get_template(_TEMPLATE).render(**values)
