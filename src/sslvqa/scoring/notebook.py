"""A score as a few lines of HTML, for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sslvqa.scoring.result import VideoScore

__all__ = ["score_html"]


def score_html(result: VideoScore) -> str:
    """Return a small table; every text is escaped."""
    interval, worst, video = result.interval, result.worst, result.video
    rows = [("score", f"<b>{result.score:.2f}</b> ({escape(result.scale)})")]
    if interval is not None:
        rows.append(("interval", f"{interval.low:.2f} to {interval.high:.2f} ({interval.coverage:.0%})"))
    rows += [
        ("Q_R, Q_D", f"{result.q_r:.2f}, {'none' if result.q_d is None else format(result.q_d, '.2f')}"),
        ("spread", f"{result.spread:.2f}"),
        ("worst", f"{worst.score:.2f} at {worst.start_seconds:.1f}–{worst.end_seconds:.1f} s"),
        (
            "video",
            f"{video.width_px}×{video.height_px}, {video.duration_seconds:.1f} s, {escape(video.codec)}",
        ),
        ("model", escape(result.provenance.model)),
        *(("warning", escape(warning)) for warning in result.warnings),
    ]
    body = "".join(
        f'<tr><th scope="row" style="text-align:left">{name}</th><td style="text-align:left">{text}</td></tr>'
        for name, text in rows
    )
    return f"<table><caption>{escape(result.path)}</caption>{body}</table>"
