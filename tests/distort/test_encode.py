"""Encoding leaves the process as it was."""

import os
from fractions import Fraction

import numpy as np
import pytest

from sslvqa.distort.bank import Encoder
from sslvqa.distort.encode import encode_frames
from sslvqa.distort.planes import Yuv


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="Linux has this system call alone")
def test_av1_leaves_the_scheduling_of_the_thread_alone(tmp_path):
    """SVT-AV1 gives the calling thread real-time priority 99, if it is root's."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    grey = Yuv(*(np.full(shape, 128, np.uint8) for shape in ((64, 64), (32, 32), (32, 32))))
    encoder = Encoder("libsvtav1", (("crf", "40"), ("preset", "10")))
    assert encode_frames(tmp_path / "a.mp4", [grey] * 3, fps=Fraction(25), encoder=encoder) == 3
    assert (os.sched_getscheduler(0), os.sched_getparam(0)) == before
