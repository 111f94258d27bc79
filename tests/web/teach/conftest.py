"""A teaching server, the folders it works on, and what tests do with it."""

import sys
import time
from pathlib import Path

import httpx
import pytest

from sslvqa.data.synthetic import write_synthetic_video
from sslvqa.rate import Study, StudySettings
from sslvqa.web.teach.folder import TeachFolder

RECIPE = """
labelled_batch = 3
unlabelled_batch = 2
max_steps = 3
validate_epochs = 0
[corpus]
clips = 2
final_clips = 1
[runtime]
workers = 1
[output]
clips = 1
"""


@pytest.fixture
def home(tmp_path):
    """Seven videos of falling quality, one that no browser plays, two pristine ones, a short recipe."""
    for index in range(7):
        name = tmp_path / "videos" / f"{index}.mp4"
        name.parent.mkdir(exist_ok=True)
        options = {"options": {"crf": str(10 + 6 * index)}}
        write_synthetic_video(name, width=72, height=64, frames=10, seed=index, **options)
    write_synthetic_video(tmp_path / "videos" / "old.avi", width=72, height=64, frames=10, codec="mpeg4")
    (tmp_path / "pristine").mkdir()
    for index in range(2):
        write_synthetic_video(
            tmp_path / "pristine" / f"{index}.mp4", width=72, height=64, frames=10, seed=9 + index
        )
    (tmp_path / "teach").mkdir()
    (tmp_path / "teach" / "train.toml").write_text(RECIPE)
    return tmp_path


class Loop:
    """What tests do with a teaching server."""

    def __init__(self, service):
        self.service, self.client = service, service.client

    def post(self, path, **body):
        return self.client.post(f"/api/teach{path}", json=body)

    def state(self):
        return self.client.get("/api/teach").json()

    def videos(self):
        return {item["name"]: item for item in self.client.get("/api/teach/videos").json()["videos"]}

    def wait(self, ready=lambda state: state["activity"]["ended"], seconds=240):
        deadline = time.monotonic() + seconds
        while not ready(state := self.state()):
            assert time.monotonic() < deadline, state
            time.sleep(0.1)
        return state

    def answer_all(self, invitation, vote_of, name="Ann", key=""):
        """Go through a study as its page does; ``vote_of`` gets the bytes of the video or of both."""
        with httpx.Client(base_url=f"{self.service.address}{invitation.split('?')[0]}", timeout=30) as rater:
            joined = rater.post("api/join", json={"name": name, "key": key})
            assert joined.status_code == 201, joined.text
            here = joined.json()["token"]
            state = rater.get(f"api/session/{here}").json()
            while state["question"]:
                at = state["question"]["position"]
                sides = (0, 1) if state["question"]["pair"] else (0,)
                vote = vote_of(*(rater.get(f"media/{here}/{at}/{side}").content for side in sides))
                answer = {"position": at, "vote": vote, "seconds": 1.0}
                state = rater.post(f"api/session/{here}/answer", json=answer).json()


@pytest.fixture
def loop(service, home):
    def start(**options):
        settings = {"folder": home / "videos", "teach": home / "teach", "pristine": home / "pristine"}
        return Loop(service(threads=1, device="cpu", **{**settings, **options}))

    return start


@pytest.fixture
def rated(home):
    """A folder in which one person has rated four of the videos."""
    videos = [home / "videos" / f"{index}.mp4" for index in range(4)]
    study = Study.create(home / "teach" / "study-01.sqlite", StudySettings(training=0, repeats=0), videos)
    token = study.join("Ann")
    while question := study.state(token).question:
        study.answer(token, question.position, 5 - int(study.video_path(token, question.position).stem))
    TeachFolder(home / "teach", home / "videos").rate()
    return home


@pytest.fixture
def trainer(monkeypatch, home):
    """Training that takes so many seconds a step."""
    fake = (sys.executable, str(Path(__file__).with_name("fake_training.py")))
    monkeypatch.setattr("sslvqa.web.teach.process.COMMAND", fake)

    def pace(seconds):
        (home / "teach" / "pace").write_text(str(seconds))

    pace(0.001)
    return pace
