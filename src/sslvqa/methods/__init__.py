"""How models learn: one optimisation step each, same small protocol."""

from sslvqa.methods.base import Batch, Compute, Gather, Method, StepOutput, keep_local
from sslvqa.methods.distil import Distil
from sslvqa.methods.fixmatch import FixMatch
from sslvqa.methods.mean_teacher import MeanTeacher
from sslvqa.methods.meta_pseudo_labels import MetaPseudoLabels
from sslvqa.methods.mixmatch import MixMatch
from sslvqa.methods.ssl_vqa import SslVqa
from sslvqa.methods.stvqrl import StVqrl
from sslvqa.methods.supervised import Supervised

__all__ = [
    "Batch",
    "Compute",
    "Distil",
    "FixMatch",
    "Gather",
    "MeanTeacher",
    "MetaPseudoLabels",
    "Method",
    "MixMatch",
    "SslVqa",
    "StVqrl",
    "StepOutput",
    "Supervised",
    "keep_local",
]
