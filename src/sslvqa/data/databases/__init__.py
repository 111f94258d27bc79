"""The field's databases: from their owners' files to a manifest. No labels and no media are shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sslvqa.data.databases.cvd2014 import CVD2014
from sslvqa.data.databases.konvid import KONVID_1K
from sslvqa.data.databases.live_qualcomm import LIVE_QUALCOMM
from sslvqa.data.databases.live_vqc import LIVE_VQC
from sslvqa.data.databases.lsvq import LSVQ_1080P, LSVQ_TEST, LSVQ_TRAIN
from sslvqa.data.databases.pristine import CSIQ_VQD, ECVQ_EVVQ, EPFL_POLIMI, LIVE_MOBILE, LIVE_VQA
from sslvqa.data.databases.youtube_ugc import YOUTUBE_UGC
from sslvqa.errors import ConfigError

if TYPE_CHECKING:
    from sslvqa.data.databases.base import Database

__all__ = ["DATABASES", "find_database"]

DATABASES: dict[str, Database] = {
    database.name: database
    for database in (
        LSVQ_TRAIN,
        LSVQ_TEST,
        LSVQ_1080P,
        KONVID_1K,
        LIVE_VQC,
        YOUTUBE_UGC,
        LIVE_QUALCOMM,
        CVD2014,
        LIVE_VQA,
        EPFL_POLIMI,
        LIVE_MOBILE,
        CSIQ_VQD,
        ECVQ_EVVQ,
    )
}
"""By name, the rated ones first; the last five are the paper's sources of pristine videos."""


def find_database(name: str) -> Database:
    """Look a database up.

    Raises:
        ConfigError: There is none of that name.
    """
    database = DATABASES.get(name.lower().replace("_", "-"))
    if database is None:
        raise ConfigError(f"no database named {name!r}; known are {', '.join(DATABASES)}")
    return database
