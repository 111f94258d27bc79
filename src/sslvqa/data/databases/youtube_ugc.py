"""YouTube-UGC: ``MOS_for_YouTube_UGC_dataset.xlsx`` with ``vid`` and ``MOS full``; H.264 or raw originals."""

from __future__ import annotations

import re
from functools import partial

from sslvqa.data.databases.base import Database, LabelFile, bare_name
from sslvqa.data.databases.tables import label_rows

__all__ = ["YOUTUBE_UGC"]

_VIDEO = re.compile(r"(\w+_\d+p-[0-9a-f]+)(_.*)?")
_READ = partial(label_rows, name=("vid",), score=("MOS full",))


def _identity(name: str) -> str:
    """Category, resolution, number: ``sports_2160p-4e9f`` of ``Sports_2160P-4e9f_crf_10_ss_00_t_20.0``."""
    found = _VIDEO.fullmatch(bare_name(name).rsplit("/", 1)[-1].lower())
    return found[1] if found else ""


YOUTUBE_UGC = Database(
    name="youtube-ugc",
    title="YouTube-UGC",
    videos=1_380,
    identity=_identity,
    scale="1..5",
    licence="videos: CC BY; scores: not stated",
    owners="https://media.withyoutube.com/ugc-dataset",
    cite="Wang et al., YouTube UGC dataset for video compression research, MMSP 2019",
    label_files=tuple(
        LabelFile(f"{prefix}MOS_for_YouTube_UGC_dataset.{ending}", _READ)
        for ending in ("xlsx", "csv")
        for prefix in ("", "original_videos_")
    ),
    other_counts={
        1_147: "the list of FAST-VQA",
        1_149: "DIVA-VQA",
        1_201: "VIQE",
        1_323: "VIDEVAL, no gray ones",
    },
)
