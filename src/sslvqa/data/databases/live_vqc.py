"""LIVE-VQC: ``data.mat`` with ``video_list`` and ``mos``; videos in ``Video/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sslvqa.data.databases.base import Database, Label, LabelFile, stem
from sslvqa.data.databases.tables import read_mat, zip_labels
from sslvqa.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LIVE_VQC"]


def _read(path: Path) -> list[Label]:
    found = read_mat(path)
    if not {"video_list", "mos"} <= found.keys():
        raise DataError(f"{path}: holds {', '.join(found)}; LIVE-VQC's file holds video_list and mos")
    return zip_labels(path, found["video_list"], found["mos"])


LIVE_VQC = Database(
    name="live-vqc",
    title="LIVE-VQC",
    videos=585,
    identity=stem,
    scale="0..100",
    licence="any purpose with the notice of UT Austin",
    owners="https://live.ece.utexas.edu/research/LIVEVQC/ (request form)",
    cite="Sinno and Bovik, Large-scale study of perceptual video quality, TIP 2019",
    label_files=(LabelFile("data.mat", _read),),
)
