"""LIVE-Qualcomm: ``qualcommSubjectiveData.mat``; headerless 1920x1080 YUV 4:2:0 in a folder a distortion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sslvqa.data.databases.base import Database, Label, LabelFile, stem
from sslvqa.data.databases.tables import read_mat, zip_labels
from sslvqa.errors import DataError
from sslvqa.video.raw import RawGeometry

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LIVE_QUALCOMM"]

_GEOMETRY = RawGeometry(1920, 1080, fps=30.0)


def _read(path: Path) -> list[Label]:
    found = read_mat(path)
    try:
        return zip_labels(
            path, found["qualcommVideoData"]["vidNames"], found["qualcommSubjectiveData"]["unBiasedMOS"]
        )
    except (KeyError, TypeError, IndexError) as error:
        raise DataError(
            f"{path}: no {error}; expected qualcommVideoData.vidNames and qualcommSubjectiveData.unBiasedMOS"
        ) from error


def _content(name: str) -> str:
    """Date and scene, shot by four phones: ``0723_manundertree`` of ``0723_ManUnderTree_GS5_03_...``.

    Gives the 54 scenes that the owners name.
    """
    parts = stem(name).split("_")
    return "_".join(parts[:2]) if parts[0].isdigit() and len(parts) > 1 else parts[0]


LIVE_QUALCOMM = Database(
    name="live-qualcomm",
    title="LIVE-Qualcomm",
    videos=208,
    identity=stem,
    scale="0..100",
    licence="any purpose with the notice of UT Austin",
    owners="https://live.ece.utexas.edu/research/incaptureDatabase/ (request form)",
    cite="Ghadiyaram et al., In-capture mobile video distortions, TCSVT 2018",
    label_files=(LabelFile("*qualcommSubjectiveData.mat", _read),),
    content=_content,
    geometry=lambda _: _GEOMETRY,
)
