"""``sslvqa rate``."""

import json
import re
import socket

import pytest

from sslvqa.data.manifest import read_manifest
from sslvqa.rate import Study


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for index in range(6):
        (folder / f"v{index}.mp4").write_bytes(b"x")
    return folder


def answer_all(study, vote):
    token = study.join("Ann")
    while question := study.state(token).question:
        study.answer(token, question.position, vote(study.video_path(token, question.position).stem))


def test_from_a_folder_to_a_manifest(run, videos, tmp_path):
    text = tmp_path / "more.txt"
    text.write_text("Sit still.\n")
    path = tmp_path / "study.sqlite"
    made = run("rate", "init", path, "--videos", videos, "--instructions", text, "--per-person", 4)
    assert made.code == 0
    assert "6 videos, acr5" in made.err
    study = Study(path)
    assert (study.settings.instructions, study.settings.per_person) == ("Sit still.", 4)
    for _ in range(3):
        answer_all(study, lambda name: 1 + int(name[1:]) % 5)
    found = run("rate", "export", path, "--out", tmp_path / "votes.csv")
    assert found.code == 0
    report = json.loads(found.out)
    assert [rater["rater"] for rater in report["raters"]] == ["1 Ann", "2 Ann", "3 Ann"]
    assert "flags" in run("rate", "export", path, "--out", tmp_path / "votes.csv", "-f", "table").out
    assert run("votes", tmp_path / "votes.csv", "--out", tmp_path / "ratings.csv").code == 0
    rows = {row.name: row.score for row in read_manifest(tmp_path / "ratings.csv").rows}
    assert rows["videos/v4.mp4"] > rows["videos/v0.mp4"]


def test_a_table_of_videos_with_contents_and_anchors(run, videos, tmp_path):
    table = tmp_path / "list.csv"
    table.write_text("path,content\nvideos/v0.mp4,a\nvideos/v1.mp4,b\nvideos/v2.mp4,a\n")
    path = tmp_path / "study.sqlite"
    options = ("--method", "pair", "--anchor-high", videos / "v3.mp4", "--anchor-low", videos / "v4.mp4")
    assert run("rate", "init", path, "--videos", table, *options).code == 0
    found = {video.role: video.content for video in Study(path).videos}
    assert found["test"] == "a"
    assert set(found) == {"test", "high", "low"}


@pytest.mark.parametrize(("host", "name"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", socket.gethostname())])
def test_the_invitation_is_a_link_that_can_be_opened(run, videos, tmp_path, monkeypatch, host, name):
    pytest.importorskip("uvicorn", reason="the web extra is not installed")
    served = {}
    monkeypatch.setattr(
        "uvicorn.Server.run", lambda self, sockets: served.update(port=sockets[0].getsockname()[1])
    )
    path = tmp_path / "study.sqlite"
    run("rate", "init", path, "--videos", videos)
    found = run("rate", "serve", path, "--host", host, "--port", 0)
    assert found.code == 0
    (link,) = re.findall(r"invitation: (\S+)", found.err)
    assert link.split("?")[0] == f"http://{name}:{served['port']}/"
    assert ("?key=" in link) == ("put this machine's address" in found.err) == (host != "127.0.0.1")


def test_nobody_is_invited_to_a_port_that_is_taken(run, videos, tmp_path):
    pytest.importorskip("uvicorn", reason="the web extra is not installed")
    path = tmp_path / "study.sqlite"
    run("rate", "init", path, "--videos", videos)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = run("rate", "serve", path, "--port", taken.getsockname()[1])
    assert (found.code, "cannot listen on" in found.err) == (2, True)
    assert "invitation" not in found.err


def test_what_cannot_be_done_is_one_line(run, videos, tmp_path):
    path = tmp_path / "study.sqlite"
    assert "no folder" in run("rate", "export", path, "--out", tmp_path / "no" / "v.csv").err
    assert "no study" in run("rate", "export", path, "--out", tmp_path / "v.csv").err
    assert "no such file" in run("rate", "init", path, "--videos", videos, "--instructions", path).err
    assert "no study" in run("rate", "serve", path).err
    assert "use 16 or more" in run("rate", "serve", path, "--key", "short").err
    (videos / "old.avi").write_bytes(b"x")
    assert "may not play old.avi" in run("rate", "init", path, "--videos", videos).err
    assert run("rate", "init", path, "--videos", videos).code == 2
