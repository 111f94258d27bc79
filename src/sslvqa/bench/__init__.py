"""How fast scoring is on this machine, beside what the machine can do and what research code does."""

from sslvqa.bench.eager import EagerAttention, count_flop, eager_model
from sslvqa.bench.measure import Job, benchmark
from sslvqa.bench.models import random_model
from sslvqa.bench.reference import run_reference
from sslvqa.bench.report import BenchReport, PipelineTimes
from sslvqa.bench.stages import Stages, median_stages, run_stages

__all__ = [
    "BenchReport",
    "EagerAttention",
    "Job",
    "PipelineTimes",
    "Stages",
    "benchmark",
    "count_flop",
    "eager_model",
    "median_stages",
    "random_model",
    "run_reference",
    "run_stages",
]
