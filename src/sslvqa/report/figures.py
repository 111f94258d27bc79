"""Plots as SVG text to be put inside a page: its colours follow the page's, light or dark."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from sslvqa.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sslvqa.scoring import Interval, VideoScore

__all__ = ["histogram", "ranking", "timeline"]

_INK, _MARK, _BAND, _LOW = "#010203", "#040506", "#070809", "#0a0b0c"
_COLOURS = {_INK: "var(--ink)", _MARK: "var(--mark)", _BAND: "var(--band)", _LOW: "var(--low)"}
"""Colours that stand for the page's own; matplotlib writes them in the SVG, where they are exchanged."""

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK),
}


def histogram(scores: Sequence[float], *, label: str) -> str:
    """How many videos have which score.

    Args:
        scores: One for each video.
        label: What a score is, for the axis.

    Returns:
        An ``<svg>`` element.
    """
    figure, axes = _figure("histogram", height=2.4)
    from matplotlib.ticker import MaxNLocator

    axes.hist(scores, bins=min(max(len(scores) // 5, 5), 30), color=_MARK, edgecolor=_BAND, linewidth=0.6)
    axes.set(xlabel=label, ylabel="videos")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return _svg(figure, "histogram")


def ranking(results: Sequence[VideoScore], *, label: str) -> str:
    """Scores in ascending order with their intervals.

    Args:
        results: Ranked, the lowest score first.
        label: What a score is, for the axis.

    Returns:
        An ``<svg>`` element.
    """
    figure, axes = _figure("ranking", height=2.4)
    from matplotlib.ticker import MaxNLocator

    ranks = np.arange(1, len(results) + 1)
    scores = [item.score for item in results]
    _draw_band(axes, ranks, scores, [item.interval for item in results])
    axes.plot(ranks, scores, ".", color=_MARK, markersize=5 if len(results) < 60 else 2)
    axes.set(xlabel="rank (1 is the lowest)", ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _svg(figure, "ranking")


def timeline(result: VideoScore, *, label: str, name: str) -> str:
    """Score over time, with intervals and the worst stretch marked.

    Args:
        result: One video's.
        label: What a score is, for the axis.
        name: Unlike that of any other figure of the page.

    Returns:
        An ``<svg>`` element.
    """
    figure, axes = _figure(name, height=1.7)
    middles = [(item.start_seconds + item.end_seconds) / 2 for item in result.timeline]
    scores = [item.score for item in result.timeline]
    _draw_band(axes, np.asarray(middles), scores, [item.interval for item in result.timeline])
    axes.axvspan(result.worst.start_seconds, result.worst.end_seconds, color=_LOW, alpha=0.25, linewidth=0)
    axes.plot(middles, scores, color=_MARK, marker="o", markersize=3, linewidth=1.2)
    axes.set(xlabel="seconds", ylabel=label)
    return _svg(figure, name)


def _draw_band(
    axes: Axes, places: np.ndarray, scores: Sequence[float], intervals: Sequence[Interval | None]
) -> None:
    """Intervals as whiskers when they can be told apart, else as a band."""
    if any(item is None for item in intervals):
        return
    low = np.asarray([item.low for item in intervals if item])
    high = np.asarray([item.high for item in intervals if item])
    if len(places) > 40:
        axes.fill_between(places, low, high, color=_BAND, linewidth=0)
    else:
        reach = np.maximum([scores - low, high - scores], 0)
        axes.errorbar(places, scores, yerr=reach, fmt="none", ecolor=_BAND, elinewidth=3)


def _figure(name: str, *, height: float) -> tuple[Figure, Axes]:
    """A figure of 5.2 inches width without the state of pyplot."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure as NewFigure
    except ImportError as error:
        raise MissingExtraError("a report needs matplotlib; run: pip install 'sslvqa[report]'") from error
    with rc_context({**_SETTINGS, "svg.hashsalt": name}):
        figure = NewFigure(figsize=(5.2, height), layout="constrained")
        return figure, figure.add_subplot()


def _svg(figure: Figure, name: str) -> str:
    """The figure as an element: no header, only ids that are used, the page's colours and width."""
    from matplotlib import rc_context

    out = io.StringIO()
    with rc_context({**_SETTINGS, "svg.hashsalt": name}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", text))
    text = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", text)
    for stand_in, colour in _COLOURS.items():
        text = text.replace(stand_in, colour)
    return re.sub(
        r'<svg ([^>]*?)height="[^"]*"([^>]*?)width="[^"]*"', r'<svg aria-hidden="true" \1\2', text, count=1
    )
