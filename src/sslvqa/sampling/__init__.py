"""Which pixels the model sees: plan (pure, random), then gather (tensors)."""

from sslvqa.sampling.fragments import (
    FragmentPlan,
    Region,
    cut_fragments,
    plan_fragments,
    tile_fragments,
)
from sslvqa.sampling.geometry import ViewGeometry
from sslvqa.sampling.normalize import RGB_MEAN, RGB_STD, normalize
from sslvqa.sampling.qcs import PairPreset, ViewPlan, plan_view_pair, plan_views, read_views
from sslvqa.sampling.temporal import ClipPlan, plan_clips

__all__ = [
    "RGB_MEAN",
    "RGB_STD",
    "ClipPlan",
    "FragmentPlan",
    "PairPreset",
    "Region",
    "ViewGeometry",
    "ViewPlan",
    "cut_fragments",
    "normalize",
    "plan_clips",
    "plan_fragments",
    "plan_view_pair",
    "plan_views",
    "read_views",
    "tile_fragments",
]
