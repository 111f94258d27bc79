"""Synthetic distortions: the paper's twelve, a wider bank, kinds for tests; groups of aligned versions."""

from sslvqa.distort.bank import PAPER_DISTORTIONS, Distortion, Encoder, Operation
from sslvqa.distort.build import build_group
from sslvqa.distort.extended import EXTENDED_DISTORTIONS, draw_distortions
from sslvqa.distort.group import GroupInfo, VersionInfo, read_group
from sslvqa.distort.unseen import UNSEEN_DISTORTIONS

__all__ = [
    "EXTENDED_DISTORTIONS",
    "PAPER_DISTORTIONS",
    "UNSEEN_DISTORTIONS",
    "Distortion",
    "Encoder",
    "GroupInfo",
    "Operation",
    "VersionInfo",
    "build_group",
    "draw_distortions",
    "read_group",
]
