"""Teaching over HTTP: each step, what it refuses, and who may do it. Worker and training are fakes."""

import json
import shutil
import sys
from dataclasses import replace

import httpx
import pytest

from sslvqa.errors import ConfigError, DataError
from sslvqa.hub import load_card
from sslvqa.rate import StudySettings
from sslvqa.train import TrainConfig, read_config
from sslvqa.web import ServeSettings
from sslvqa.web.app import create_app
from sslvqa.web.teach.folder import TeachFolder

TOKEN = "a-long-random-token-for-tests"


def test_a_study_is_chosen_rated_and_becomes_ratings(loop, home):
    server = loop()
    (home / "videos" / "bad.mp4").write_bytes(b"no video")
    assert set(server.videos()) == {"bad.mp4", *(f"{index}.mp4" for index in range(7))}
    assert server.post("/choose", count=4, strategy="both").status_code == 202
    active = server.wait()["activity"]
    assert active["error"] is None
    assert active["failed"] == {"bad.mp4": "bad.mp4: not a video that can be read"}
    ranked = {item["rank"]: item["name"] for item in server.videos().values() if item["rank"]}
    assert set(ranked) == {1, 2, 3, 4}
    assert server.post("/ratings").status_code == 400  # no votes yet
    assert server.client.get("/api/teach/ratings.csv").status_code == 404
    made = server.post("/studies", videos=list(ranked.values()), title="Which is better?").json()
    assert (made["videos"], made["votes"], made["persons"]) == (4, 0, 0)
    assert {item["rank"] for item in server.videos().values()} == {None}  # the choice is used up
    page = server.client.get(made["invitation"])
    assert 'src="/rate/study-01/static/rating.js"' in page.text
    assert server.client.get("/rate/study-01/static/rating.js").status_code == 200
    server.answer_all(made["invitation"], lambda data: 1 + len(data) % 5, name="Ann")
    assert server.post("/ratings").json()["method"] == "mean"
    server.answer_all(made["invitation"], lambda data: 1 + len(data) % 4, name="Bob")
    study = server.state()["studies"][0]
    assert (study["votes"], study["fewest"], study["persons"]) == (8, 2, 2)
    report = server.post("/ratings").json()
    assert (report["videos"], report["scale"], report["method"]) == (4, [1, 5], "recovery")
    assert server.state()["ratings"] == report
    found = server.videos()
    assert {name for name, item in found.items() if item["rating"] is not None} == set(ranked.values())
    assert {item["votes"] for item in found.values() if item["study"] == "study-01"} == {2}


@pytest.mark.parametrize("method", ["acr5", "pair"])
def test_a_study_of_flagged_persons_only_is_left_out_without_them(home, method):
    folder = TeachFolder(home / "teach", home / "videos")
    settings = StudySettings(method=method, training=0, repeats=0)

    def answer(name, *, seconds):
        study = folder.study(name)
        token = study.join("Ann")
        while question := study.state(token).question:
            vote = question.position % 2  # of pairs the second or the first; of single videos 1 or 2
            study.answer(token, question.position, vote + (method == "acr5"), seconds=seconds)

    first = folder.create_study(["0.mp4", "1.mp4", "2.mp4"], settings)
    answer(first, seconds=0.1)
    with pytest.raises(DataError, match="all persons are flagged; rate with them, or collect more"):
        folder.rate(leave_out_flagged=True)
    second = folder.create_study(["3.mp4", "4.mp4", "5.mp4"], settings)
    answer(second, seconds=2)
    rated = folder.rate(leave_out_flagged=True)
    assert rated["votes"] < folder.rate()["votes"]


def test_pairs_become_ratings_and_a_later_study_is_linked_to_them(loop, rated, trainer):
    (rated / "teach" / "study-01.sqlite").unlink()
    server = loop()
    made = server.post(
        "/studies", videos=["0.mp4", "1.mp4", "2.mp4"], method="pair", high=["5.mp4"], low=["6.mp4"]
    )
    study = made.json()
    assert (study["method"], study["videos"], study["questions"]) == ("pair", 3, 3)
    sizes = {(rated / "videos" / f"{index}.mp4").stat().st_size: index for index in range(7)}
    for person in ("Ann", "Bob"):  # the better one has the smaller number
        server.answer_all(
            study["invitation"],
            lambda first, second: 1.0 if sizes[len(first)] < sizes[len(second)] else 0.0,
            name=person,
        )
    study = server.state()["studies"][0]
    assert (study["votes"], study["fewest"], study["persons"], study["flagged"]) == (6, 4, 2, {})
    report = server.post("/ratings").json()
    assert (report["method"], report["videos"], report["votes"], report["warnings"]) == (
        "bradley_terry",
        3,
        8,
        [],
    )
    found = {name: item["rating"] for name, item in server.videos().items() if item["rating"] is not None}
    assert sorted(found, key=found.get, reverse=True) == ["0.mp4", "1.mp4", "2.mp4"]
    table = server.client.get("/api/teach/studies/study-01/votes.csv").text
    assert (table.splitlines()[0][:32], len(table.splitlines())) == ("rater,left,right,preferred,kind,", 9)
    assert server.client.get("/api/teach/ratings.csv").text.startswith(
        "path,score,std_error,low,high,comparisons"
    )
    assert server.client.get("/api/teach/studies/study-02/votes.csv").status_code == 400
    assert "on another scale" in server.post("/studies", videos=["3.mp4"]).json()["detail"]
    later = server.post("/studies", videos=["3.mp4", "4.mp4"], method="pair").json()
    assert later["videos"] == 5  # the three of the first one again, so that the scales meet
    server.post("/runs")
    settings = read_config(rated / "teach" / "run-01" / "settings.toml", TrainConfig)
    low, high = report["scale"]
    assert (settings.output.label, settings.output.minimum, settings.output.maximum) == (
        "preference",
        low,
        high,
    )
    assert low == -high < min(found.values())


def test_crashes_and_tasks_of_choosing_and_training_are_in_the_metrics(loop, rated, trainer):
    (rated / "videos" / "crash.mp4").write_bytes(b"no video")
    server = loop()
    server.post("/choose", strategy="both")
    server.wait()
    server.post("/runs")
    server.wait()
    lines = server.client.get("/metrics").text.splitlines()
    assert "sslvqa_worker_crashes_total 1.0" in lines
    assert 'sslvqa_tasks_total{kind="describe",outcome="failed"} 1.0' in lines
    assert 'sslvqa_tasks_total{kind="describe",outcome="done"} 7.0' in lines
    assert any(line.startswith('sslvqa_tasks_total{kind="train"') for line in lines)


def test_descriptions_by_the_same_weights_are_kept_for_the_next_choice(loop, home, model_dir):
    server, store = loop(), home / "teach" / "records.ndjson"
    server.post("/choose", strategy="diverse")
    server.wait()
    lines = store.read_text().splitlines()
    assert len(lines) == 7
    fake = json.loads(lines[0])["provenance"]["weights_sha256"]
    own = "\n".join(lines[:4]).replace(fake, load_card(model_dir).weights_sha256)
    store.write_text(own + "\n" + lines[4] + "\n")
    server.post("/choose", strategy="doubt", count=2)
    server.wait()
    names = [json.loads(line)["path"] for line in store.read_text().splitlines()[5:]]
    assert names == ["4.mp4", "5.mp4", "6.mp4"]


def test_a_model_that_cannot_be_loaded_is_the_error_of_the_choice_and_not_of_each_video(loop):
    broken = (
        "import json; print(json.dumps({'error': 'tiny.random: weights do not fit'}), flush=True); input()"
    )
    server = loop(command=(sys.executable, "-c", broken))
    server.post("/choose", strategy="both")
    active = server.wait()["activity"]
    assert (active["error"], active["failed"]) == ("tiny.random: weights do not fit", {})


def test_a_choice_that_no_video_allows_says_why_each_one_failed(loop, home):
    for path in (home / "videos").glob("*.mp4"):
        path.rename(path.with_name(f"bad {path.name}"))
    server = loop()
    server.post("/choose", strategy="both")
    active = server.wait()["activity"]
    assert "none of the videos could be scored" in active["error"]
    assert len(active["failed"]) == 7
    assert active["failed"]["bad 0.mp4"] == "bad 0.mp4: not a video that can be read"


def test_a_choice_can_be_cancelled(loop, home):
    shutil.copy(home / "videos" / "0.mp4", home / "videos" / "hang.mp4")
    server = loop()
    server.post("/choose", strategy="both")
    server.wait(lambda state: state["activity"]["done"] == 7)
    server.post("/cancel")
    assert server.wait()["activity"]["error"] is None
    assert not any(item["rank"] for item in server.videos().values())
    assert server.post("/choose").status_code == 202


def test_a_run_learns_from_the_ratings_of_that_moment(loop, rated, trainer):
    server = loop()
    run = server.post("/runs", epochs=7).json()
    assert (run["name"], run["state"], run["model"]) == ("run-01", "running", None)
    assert server.wait()["runs"][0]["step"] == 50
    config = read_config(rated / "teach" / "run-01" / "settings.toml", TrainConfig)
    assert (config.epochs, config.method, config.max_steps) == (7, "ssl_vqa", 3)
    assert (config.output.minimum, config.output.maximum, config.output.tag) == (1, 5, "taught1")
    unlabelled = (rated / "teach" / "run-01" / "unlabelled.csv").read_text()
    assert [name in unlabelled for name in ("3.mp4", "4.mp4", "6.mp4")] == [False, True, True]
    assert config.labels_table.root == str((rated / "teach").resolve())


def test_a_training_is_stopped_resumed_and_known_after_a_restart(loop, rated, trainer, model_dir):
    trainer(0.2)
    server = loop()
    server.post("/runs")
    server.wait(lambda state: state["runs"][0]["step"] > 0)
    assert server.post("/choose").json()["detail"].startswith("the server is training at the moment")
    server.post("/cancel")
    state = server.wait()
    run = state["runs"][0]
    assert (run["state"], run["model"], state["activity"]["error"]) == ("stopped", None, None)
    assert 0 < run["step"] < 50
    server.post("/runs/run-01/resume")
    server.wait(lambda state: state["runs"][0]["step"] > run["step"])
    server.service.stop()  # stops the training too
    assert (rated / "teach" / "run-01" / "log.txt").read_text() == "stopped\nstopped\n"
    shutil.copytree(model_dir, rated / "teach" / "run-01" / "out" / "model")
    again = loop()
    assert again.state()["runs"][0]["model"] == "run-01"
    info = again.client.get("/api/info").json()
    assert info["models"]["run-01"]["model"] == "tiny.random"
    assert again.post("/runs/run-01/resume").json()["detail"].startswith("run-01 is done")
    again.client.post("/api/paths", json={"paths": ["0.mp4"], "model": "run-01"})
    (job,) = again.client.get("/api/jobs").json()["jobs"]
    assert job["model"] == "run-01"


def test_a_training_that_fails_says_why(loop, rated, trainer):
    (rated / "teach" / "fail").touch()
    server = loop()
    server.post("/runs")
    state = server.wait()
    assert state["runs"][0]["state"] == "failed"
    assert state["activity"]["error"] == state["runs"][0]["error"]
    assert state["runs"][0]["error"].startswith("numbers of step 3 are not finite")


def test_settings_that_training_does_not_know_are_refused_before_it_starts(loop, rated, trainer):
    (rated / "teach" / "train.toml").write_text("epoch = 3")
    answer = loop().post("/runs")
    assert (answer.status_code, list((rated / "teach").glob("run-*"))) == (422, [])
    assert "unknown key 'epoch'; did you mean 'epochs'" in answer.json()["detail"]


def test_choosing_at_random_needs_no_model_and_leaves_out_what_was_asked(loop, rated):
    server = loop()
    server.post("/choose", count=99)
    assert server.wait()["activity"]["error"] is None
    assert {name for name, item in server.videos().items() if item["rank"]} == {f"{i}.mp4" for i in (4, 5, 6)}
    server.post("/studies", videos=["4.mp4", "5.mp4", "6.mp4"])
    server.post("/choose")
    assert "no video is left" in server.wait()["activity"]["error"]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/studies", {"videos": ["../secret.mp4"]}, 400, "is no video of the folder"),
        ("/studies", {"videos": ["old.avi"]}, 400, "that a browser plays"),
        ("/studies", {"videos": ["6.mp4"], "method": "acr100"}, 400, "on another scale"),
        ("/studies", {"videos": []}, 422, ""),
        ("/studies", {"videos": ["5.mp4", "6.mp4"], "low": ["6.mp4"]}, 400, "6.mp4 is listed twice"),
        ("/studies", {"videos": ["5.mp4"], "high": ["../secret.mp4"]}, 400, "is no video of the folder"),
        ("/runs", {"model": "run-77"}, 400, "no model 'run-77'"),
        ("/runs/run-77/resume", {}, 400, "no training run"),
        ("/choose", {"strategy": "both", "model": "none"}, 400, "no model 'none'"),
        ("/choose", {"count": 0}, 422, ""),
    ],
)
def test_what_cannot_be_is_refused_in_words(loop, rated, path, body, status, words):
    answer = loop().post(path, **body)
    assert answer.status_code == status
    assert words in str(answer.json()["detail"])


def test_training_needs_ratings_and_pristine_videos(loop, home):
    assert "there are no ratings yet" in loop().post("/runs").json()["detail"]


def test_training_without_pristine_videos_says_what_is_missing(loop, rated):
    server = loop(pristine=None)
    assert server.state()["can_train"] is False
    assert "--pristine FOLDER" in server.post("/runs").json()["detail"]


def test_raters_need_the_invitation_and_nothing_else(loop, rated):
    server = loop(token=TOKEN)
    assert server.client.get("/api/teach").status_code == 401
    server.client.headers["Authorization"] = f"Bearer {TOKEN}"
    link = server.state()["studies"][0]["invitation"]
    assert TOKEN not in link
    key = link.split("key=")[1]
    with httpx.Client(base_url=f"{server.service.address}/rate/study-01/") as rater:
        assert rater.get("").status_code == 200
        assert rater.post("api/join", json={"key": "guess"}).status_code == 403
        assert rater.post("api/join", json={"key": key}, headers={"Origin": "http://evil"}).status_code == 403
        assert rater.get("../study-02/").status_code == 404
        assert rater.get("../study-01.sqlite").status_code == 404
    server.answer_all(link, lambda _data: 4, key=key)
    assert server.state()["studies"][0]["votes"] == 8


def test_a_server_without_teaching_says_how_to_start_one(service):
    found = service()
    answer = found.client.get("/api/teach")
    assert (answer.status_code, found.client.get("/api/info").json()["teach"]) == (404, False)
    assert "--teach DIR" in answer.json()["detail"]


def test_settings_of_teaching_are_checked(home, model_dir):
    with pytest.raises(ConfigError, match="teaching needs a folder of videos"):
        ServeSettings(teach=home)
    with pytest.raises(ConfigError, match="pristine is"):
        replace(ServeSettings(), pristine=home / "absent")
    lock = TeachFolder(home / "teach", home / "videos").claim()
    with pytest.raises(ConfigError, match="in use by another sslvqa serve; stop that one"):
        create_app(ServeSettings(model=model_dir, folder=home / "videos", teach=home / "teach"))
    lock.release()
