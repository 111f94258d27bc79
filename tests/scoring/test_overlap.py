"""The networks begin before a file is read to its end."""

import threading

import pytest
import torch

from sslvqa.errors import UnreadableVideoError
from sslvqa.nn.quality import QualityScores
from sslvqa.scoring import Scorer
from sslvqa.scoring.overlap import read_and_run


class Sums:
    """Stands for a model: the sum of a view is its score."""

    def __init__(self):
        self.sizes, self.ran = [], threading.Event()

    def __call__(self, views):
        self.sizes.append(len(views))
        self.ran.set()
        return QualityScores(views.flatten(1).sum(dim=1).float())


def test_a_batch_runs_while_the_rest_is_read_and_scores_keep_their_order():
    runtime, views = Sums(), torch.arange(5, dtype=torch.uint8).view(5, 1, 1, 1, 1)

    def read(arrived):
        for number in (3, 2):
            arrived(views, number)
        assert runtime.ran.wait(timeout=30), "nothing ran before the last view"
        for number in (4, 0, 1):
            arrived(views, number)
        return "all that was read"

    seen = []
    reading, scores = read_and_run(read, runtime, batch=2, progress=lambda *done: seen.append(done))
    assert reading == "all that was read"
    assert scores.q_r.tolist() == [0, 1, 2, 3, 4]
    assert runtime.sizes == [2, 1, 2]
    assert seen == [(2, 5), (3, 5), (5, 5)]


def test_what_stops_the_reading_is_raised():
    def read(arrived):
        arrived(torch.zeros(2, 1, 1, 1, 1), 0)
        raise UnreadableVideoError("a.mp4: broken")

    with pytest.raises(UnreadableVideoError, match="broken"):
        read_and_run(read, Sums(), batch=1)


@pytest.mark.parametrize("timeline_seconds", [None, 0.2])
def test_a_score_is_that_of_reading_first(model_dir, make_video, timeline_seconds):
    clip = make_video("a.mp4", width=96, height=80, frames=30)
    scorer = Scorer(model_dir, clips=3)
    reading = scorer.read(clip, timeline_seconds=timeline_seconds)
    assert scorer.score(clip, timeline_seconds=timeline_seconds) == scorer.finish(reading)
