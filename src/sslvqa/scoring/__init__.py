"""Scores of videos: one number, how sure, and what it means."""

from sslvqa.scoring.ahead import read_each
from sslvqa.scoring.backends import Backend
from sslvqa.scoring.batch import FailedScore, finish_each, score_each, scored_records
from sslvqa.scoring.calibrate import MonotonicMap, fit_monotonic_map
from sslvqa.scoring.combine import Combine, Combined, Combiner, fit_weight
from sslvqa.scoring.features import FeaturedScore, describe, describe_each
from sslvqa.scoring.golden import check_golden, golden_view, measure_golden, store_golden
from sslvqa.scoring.interval import ConformalInterval, fit_interval, widen_interval
from sslvqa.scoring.local import LocalQuality, MapRange, measure_local
from sslvqa.scoring.rated import RatedScore, interval_coverage, score_rated, write_predictions
from sslvqa.scoring.ray_batch import RayPool, score_on_ray
from sslvqa.scoring.reading import RawScores, Reading
from sslvqa.scoring.result import SCHEMA, ClipScore, Interval, Provenance, ScoreKind, VideoScore
from sslvqa.scoring.runtime import Precision, Runtime
from sslvqa.scoring.scorer import Scorer
from sslvqa.scoring.settings import ScorerSettings
from sslvqa.scoring.windows import check_timeline

__all__ = [
    "SCHEMA",
    "Backend",
    "ClipScore",
    "Combine",
    "Combined",
    "Combiner",
    "ConformalInterval",
    "FailedScore",
    "FeaturedScore",
    "Interval",
    "LocalQuality",
    "MapRange",
    "MonotonicMap",
    "Precision",
    "Provenance",
    "RatedScore",
    "RawScores",
    "RayPool",
    "Reading",
    "Runtime",
    "ScoreKind",
    "Scorer",
    "ScorerSettings",
    "VideoScore",
    "check_golden",
    "check_timeline",
    "describe",
    "describe_each",
    "finish_each",
    "fit_interval",
    "fit_monotonic_map",
    "fit_weight",
    "golden_view",
    "interval_coverage",
    "measure_golden",
    "measure_local",
    "read_each",
    "score_each",
    "score_on_ray",
    "score_rated",
    "scored_records",
    "store_golden",
    "widen_interval",
    "write_predictions",
]
