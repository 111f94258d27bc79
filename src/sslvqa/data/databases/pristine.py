"""The paper's five sources of pristine videos: the 60 references of older databases, without labels.

File names and geometry of LIVE-VQA, LIVE Mobile and CSIQ are the owners'. Those of EPFL-PoliMI, ECVQ and EVVQ
were not at hand: a file is taken for a reference when nothing but the scene, a format (``cif``, ``4cif``,
``vga``, a size, a rate) and a mark like ``org`` is in its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sslvqa.data.databases.base import Database, stem
from sslvqa.video.raw import RawGeometry

__all__ = ["CSIQ_VQD", "ECVQ_EVVQ", "EPFL_POLIMI", "LIVE_MOBILE", "LIVE_VQA"]

_DECORATION = re.compile(
    r"(cif|4cif|vga|qcif|\d+x\d+|\d+(fps|hz)|org|orig|original|ref|reference|src|yuv420p?)"
)


def _by_scene(scenes: Mapping[str, str], *, folders: Mapping[str, str] | None = None) -> Callable[[str], str]:
    """Identity of references: scene alone in the name, besides decorations.

    Args:
        scenes: Bare scene (no underscores) to key.
        folders: Word of a parent folder or of the name to a prefix of the key, where two sets share scenes.
    """

    def identity(name: str) -> str:
        words = stem(name).split("_")
        scene = "".join(word for word in words if not _DECORATION.fullmatch(word))
        path = name.replace("\\", "/").lower()
        for mark, prefix in (folders or {}).items():
            if mark in path and prefix + scene in scenes:
                return scenes[prefix + scene]
        return "" if folders else scenes.get(scene, "")

    return identity


def _keys(*scenes: str, prefix: str = "") -> dict[str, str]:
    return {prefix + scene.replace("_", ""): prefix + scene for scene in scenes}


def _source(
    name: str,
    title: str,
    scenes: Mapping[str, str],
    geometry: Callable[[str], RawGeometry | None],
    *,
    owners: str,
    cite: str,
    licence: str = "not stated publicly: ask the owners",
    identity: Callable[[str], str] | None = None,
) -> Database:
    keys = tuple(dict.fromkeys(scenes.values()))
    return Database(
        name=name,
        title=title,
        videos=len(keys),
        identity=identity or _by_scene(scenes),
        scale="",
        licence=licence,
        owners=owners,
        cite=cite,
        geometry=geometry,
        split="pristine",
        references=keys,
    )


_LIVE_RATES = {"sh": 50, "mc": 50, "pr": 50}
_LIVE_SCENES = ("pa", "rb", "rh", "tr", "st", "sf", "bs", "sh", "mc", "pr")
LIVE_VQA = _source(
    "live-vqa",
    "LIVE-VQA, references",
    {f"{scene}1": scene for scene in _LIVE_SCENES},
    lambda key: RawGeometry(768, 432, fps=_LIVE_RATES.get(key, 25)),
    owners="https://live.ece.utexas.edu/research/quality/live_video.html (request form)",
    cite="Seshadrinathan et al., Study of subjective and objective quality assessment of video, TIP 2010",
    licence="any purpose with the notice of UT Austin",
)

_EPFL_CIF = _keys("foreman", "hall", "mobile", "mother", "news", "paris")
_EPFL_4CIF = _keys("crowdrun", "duckstakeoff", "harbour", "ice", "parkjoy", "soccer")
_EPFL_25 = {"crowdrun", "duckstakeoff", "parkjoy"}
EPFL_POLIMI = _source(
    "epfl-polimi",
    "EPFL-PoliMI, references",
    _EPFL_CIF | _EPFL_4CIF | {"hallmonitor": "hall", "motheranddaughter": "mother"},
    lambda key: (
        RawGeometry(352, 288, fps=30)
        if key in _EPFL_CIF
        else RawGeometry(704, 576, fps=25 if key in _EPFL_25 else 30)
    ),
    owners="https://vqa.como.polimi.it",
    cite="De Simone et al., Subjective assessment of H.264/AVC video sequences, QoMEX 2009",
)

LIVE_MOBILE = _source(
    "live-mobile",
    "LIVE Mobile, references",
    _keys("bf", "dv", "fc", "hc", "la", "po", "rb", "sd", "ss", "tk"),
    lambda _: RawGeometry(1280, 720, fps=30),
    owners="https://live.ece.utexas.edu/research/quality/live_mobile_video.html (request form)",
    cite="Moorthy et al., Video quality assessment on mobile devices, JSTSP 2012",
    licence="any purpose with the notice of UT Austin",
)

_CSIQ_RATES = {
    **dict.fromkeys(("chipmunks", "kimono", "parkscene"), 24),
    **dict.fromkeys(("basketballdrive", "cactus", "partyscene"), 50),
    **dict.fromkeys(("bqmall", "bqterrace"), 60),
    "carving": 25,
}
CSIQ_VQD = _source(
    "csiq-vqd",
    "CSIQ video quality database, references",
    _keys("flowervase", "keiba", "timelapse", *_CSIQ_RATES),
    lambda key: RawGeometry(832, 480, fps=_CSIQ_RATES.get(key, 30)),
    owners="https://vision.eng.shizuoka.ac.jp (request form)",
    cite="Vu and Chandler, ViS3: an algorithm for video quality assessment, JEI 2014",
)

_ECVQ = _keys(
    *("container_ship", "flower_garden", "football", "foreman", "hall", "mobile", "news", "silent"),
    prefix="ecvq/",
)
_EVVQ = _keys(
    *("cartoon", "cheerleaders", "discussion", "flower_garden", "football", "mobile", "town_plan", "weather"),
    prefix="evvq/",
)
ECVQ_EVVQ = _source(
    "ecvq-evvq",
    "ECVQ (CIF) and EVVQ (VGA), references",
    _ECVQ | _EVVQ,
    lambda key: RawGeometry(352, 288, fps=25) if key.startswith("ecvq/") else RawGeometry(640, 480, fps=25),
    owners="the authors (University of Osijek), on request",
    cite="Vranjes, Rimac-Drlje and Vranjes, ECVQ and EVVQ video quality databases, ELMAR 2012",
    identity=_by_scene(
        _ECVQ | _EVVQ, folders={"ecvq": "ecvq/", "cif": "ecvq/", "evvq": "evvq/", "vga": "evvq/"}
    ),
)
