"""LSVQ: official CSV files with ``name``, ``mos`` and ``is_test``; the test set of 1080p videos apart."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sslvqa.data.databases.base import Database, Label, LabelFile, bare_name
from sslvqa.data.databases.tables import read_columns, score_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LSVQ_1080P", "LSVQ_TEST", "LSVQ_TRAIN"]

_TRUE = {"1", "1.0", "true", "yes"}


def _read(path: Path, *, test: bool | None) -> list[Label]:
    """The rows of a CSV; those with ``is_test`` as asked where the file has such a column."""
    rows = read_columns(path, name=("name",), score=("mos",), optional=("is_test",))
    return [
        Label(row["name"], score_of(row, path))
        for row in rows
        if test is None or row["is_test"] == "" or (row["is_test"].lower() in _TRUE) == test
    ]


def _identity(name: str) -> str:
    """Folder and file, e.g. ``yfcc-batch1/722``: file names repeat between folders."""
    return "/".join(bare_name(name).split("/")[-2:])


def _part(
    name: str, title: str, videos: int, *, split: str, counts: dict[int, str], files: tuple[LabelFile, ...]
) -> Database:
    return Database(
        name=name,
        title=title,
        videos=videos,
        identity=_identity,
        scale="0..100",
        licence="any purpose with the notice of UT Austin; videos: their own",
        owners="https://github.com/baidut/PatchVQ (request form)",
        cite="Ying et al., Patch-VQ: 'Patching Up' the Video Quality Problem, CVPR 2021",
        label_files=files,
        other_counts=counts,
        split=split,
    )


LSVQ_TRAIN = _part(
    "lsvq-train",
    "LSVQ, training part",
    28_056,
    split="train",
    counts={28_013: "the metadata of DIVA-VQA", 1_999: "the 2 000 of SSL-VQA, one of which is there twice"},
    files=(
        LabelFile("labels_train_test.csv", partial(_read, test=False)),
        LabelFile("LSVQ_whole_train.csv", partial(_read, test=None)),
    ),
)
LSVQ_TEST = _part(
    "lsvq-test",
    "LSVQ, test part",
    7_400,
    split="test",
    counts={7_182: "the official CSV", 7_186: "the lists of FAST-VQA and BVQI", 7_220: "SimpleVQA, DIVA-VQA"},
    files=(
        LabelFile("labels_train_test.csv", partial(_read, test=True)),
        LabelFile("LSVQ_whole_test.csv", partial(_read, test=None)),
    ),
)
LSVQ_1080P = _part(
    "lsvq-1080p",
    "LSVQ, test part of 1080p",
    3_600,
    split="test_1080p",
    counts={3_573: "the official CSV, the lists of FAST-VQA and BVQI", 3_561: "SimpleVQA, DIVA-VQA"},
    files=(
        LabelFile("labels_test_1080p.csv", partial(_read, test=None)),
        LabelFile("LSVQ_whole_test_1080p.csv", partial(_read, test=None)),
    ),
)
