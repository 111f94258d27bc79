"""What may make a score less trustworthy, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sslvqa.sampling.fragments import FragmentPlan
    from sslvqa.sampling.geometry import ViewGeometry
    from sslvqa.video.frames import VideoInfo

__all__ = ["cautions"]


def cautions(info: VideoInfo, fragments: FragmentPlan, geometry: ViewGeometry) -> tuple[str, ...]:
    """Return one sentence for each thing a reader of the score should know, none for an ordinary video."""
    size = f"{info.width_px}x{info.height_px} px"
    checks = (
        (
            fragments.enlarged,
            f"frames of {size} are enlarged {fragments.scale:.3g} times to hold the fragments",
        ),
        (
            info.frame_count < geometry.span_frames,
            f"{info.frame_count} frames are fewer than a clip spans ({geometry.span_frames}): frames repeat",
        ),
        (
            info.color_matrix == "bt2020",
            "wide-gamut or HDR video is not tone-mapped: the score is that of the picture as coded",
        ),
        (info.interlaced, "interlaced frames are scored as they are, without deinterlacing"),
    )
    return tuple(text for applies, text in checks if applies)
