"""CVD2014: ``Realignment_MOS.csv`` (semicolons, decimal commas); ``Test1/City/Test01_City_D01.avi``."""

from __future__ import annotations

import re
from functools import partial

from sslvqa.data.databases.base import Database, LabelFile, stem
from sslvqa.data.databases.tables import label_rows

__all__ = ["CVD2014"]

_FRAME = re.compile(r"test\d+_|_d\d+$")


def _content(name: str) -> str:
    """The scene, e.g. ``talking_head``: the five scenes were shot again in several of the six tests."""
    return _FRAME.sub("", stem(name))


CVD2014 = Database(
    name="cvd2014",
    title="CVD2014",
    videos=234,
    identity=stem,
    scale="0..100",
    licence="CC BY 4.0",
    owners="https://zenodo.org/records/2646315",
    cite="Nuutinen et al., CVD2014 - a database for evaluating no-reference VQA algorithms, TIP 2016",
    label_files=(
        LabelFile(
            "*Realignment_MOS.csv", partial(label_rows, name=("File_name",), score=("Realignment MOS",))
        ),
    ),
    content=_content,
)
