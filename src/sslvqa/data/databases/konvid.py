"""KoNViD-1k: ``KoNViD_1k_mos.csv`` or ``KoNViD_1k_attributes.csv``; a Flickr number is a video."""

from __future__ import annotations

import re
from functools import partial

from sslvqa.data.databases.base import Database, LabelFile, stem
from sslvqa.data.databases.tables import label_rows

__all__ = ["KONVID_1K"]

_FLICKR = re.compile(r"(\d{4,})(\.0)?(_.*)?")
_READ = partial(label_rows, name=("flickr_id", "file_name"), score=("mos",))


def _identity(name: str) -> str:
    """The Flickr number of ``5512345.mp4`` or ``5512345_original_centercrop_960x540_8s.mp4``."""
    found = _FLICKR.fullmatch(stem(name))
    return found[1] if found else ""


KONVID_1K = Database(
    name="konvid-1k",
    title="KoNViD-1k",
    videos=1_200,
    identity=_identity,
    scale="1..5",
    licence="free for research; videos: Creative Commons, each its own",
    owners="https://database.mmsp-kn.de/konvid-1k-database.html",
    cite="Hosu et al., The Konstanz natural video database (KoNViD-1k), QoMEX 2017",
    label_files=(LabelFile("KoNViD_1k_mos.csv", _READ), LabelFile("KoNViD_1k_attributes.csv", _READ)),
)
