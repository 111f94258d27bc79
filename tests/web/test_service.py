"""The HTTP service: jobs, limits, errors. The workers are fakes that need no model."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from sslvqa.errors import ConfigError, UnknownModelError
from sslvqa.scoring import VideoScore
from sslvqa.web import ServeSettings
from sslvqa.web.app import create_app

TOKEN = "a-long-random-token-for-tests"


def test_an_upload_becomes_a_score_in_the_json_of_the_command(service):
    found = service()
    answer = found.upload("clip.mp4")
    assert answer.status_code == 201
    assert answer.json()["ticket"] == ""
    assert found.upload(ticket="mine").json()["ticket"] == "mine"
    job = found.wait(answer.json()["id"], "done")
    assert (job["score"], job["low"], job["high"], job["warnings"]) == (52.5, 45.0, 60.0, 1)
    assert job["worst"] == {"start_seconds": 1.0, "end_seconds": 2.0, "score": 40.0}
    record = found.client.get(f"/api/jobs/{job['id']}/result")
    assert next(iter(record.json())) == "schema"
    score = VideoScore.from_json(record.text)
    assert (score.path, score.to_dict()["timeline"][1]["q_d"]) == ("clip.mp4", 35.0)
    assert json.loads(score.to_json()) == job["result"] == record.json()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bad.mp4", "not a video that can be read"),
        ("crash.mp4", "ended without a result"),
        ("nonsense.mp4", "sent nonsense"),
        ("nan.mp4", "sent nonsense"),
        ("wrong.mp4", "makes no sense"),
    ],
)
def test_a_failure_of_the_worker_is_the_record_of_that_job_only(service, name, words):
    found = service()
    failed, good = (found.upload(item).json()["id"] for item in (name, "good.mp4"))
    job = found.wait(failed, "failed")
    assert words in job["error"]
    assert job["error_type"] == "UnreadableVideoError"
    assert not job["media"]
    assert found.wait(good, "done")["score"] == 52.5
    assert found.client.get(f"/api/jobs/{failed}/result").status_code == 409


def test_a_task_that_takes_too_long_is_stopped(service):
    found = service(task_seconds=0.5)
    job = found.scored("hang.mp4")
    assert (job["state"], job["error_type"]) == ("failed", "VideoLimitError")
    assert found.scored("good.mp4")["state"] == "done"


def test_cancel_kills_the_worker_and_the_next_job_runs(service):
    found = service()
    first, second = (found.upload(name).json()["id"] for name in ("hang.mp4", "good.mp4"))
    assert found.wait(first, "running")["state"] == "running"
    assert found.client.post(f"/api/jobs/{first}/cancel").json()["state"] == "cancelled"
    assert found.wait(second, "done")
    job = found.job(first)
    assert (job["state"], job["error"], job["media"]) == ("cancelled", None, False)


def test_a_waiting_job_is_cancelled_without_being_run(service):
    found = service()
    found.upload("hang.mp4")
    second = found.upload("second.mp4").json()["id"]
    found.client.post(f"/api/jobs/{second}/cancel")
    assert found.job(second)["state"] == "cancelled"


def test_one_score_at_a_time_per_worker(service):
    found = service(workers=2)
    ids = [found.upload(f"hang{n}.mp4").json()["id"] for n in range(3)]
    found.wait(ids[0], "running")
    found.wait(ids[1], "running")
    time.sleep(0.2)
    assert found.job(ids[2])["state"] == "queued"


def test_a_worker_is_replaced_after_its_tasks(service):
    found = service(tasks_per_worker=1)
    assert [found.scored(f"{n}.mp4")["state"] for n in range(2)] == ["done", "done"]


def test_a_worker_may_load_its_model_as_long_as_a_task_may_take(service, monkeypatch):
    monkeypatch.setattr("sslvqa.web.process._START_SECONDS", 0.1)
    fake = str(Path(__file__).with_name("fake_worker.py"))
    program = "import runpy, sys, time; time.sleep(1); runpy.run_path(sys.argv[1], run_name='__main__')"
    slow = (sys.executable, "-c", program, fake)
    assert service(command=slow, task_seconds=30).scored()["state"] == "done"
    job = service(command=slow, task_seconds=0.2).scored()
    assert (job["state"], job["error_type"]) == ("failed", "ModelError")
    assert "larger --task-seconds" in job["error"]


def test_a_worker_that_cannot_start_is_an_error_of_the_job(service):
    job = service(command=("false",)).scored()
    assert (job["state"], job["error_type"]) == ("failed", "UnreadableVideoError")


def test_removing_a_job_deletes_its_files(service):
    found = service()
    job = found.scored()
    assert found.client.get(f"/api/jobs/{job['id']}/media").content == b"some bytes"
    assert found.client.delete(f"/api/jobs/{job['id']}").status_code == 204
    for path in ("", "/media", "/result"):
        assert found.client.get(f"/api/jobs/{job['id']}{path}").status_code == 404
    assert found.client.get("/api/jobs").json() == {"jobs": []}


def test_uploads_are_deleted_after_their_time_and_scores_stay(service, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = service(keep_seconds=0)
    job = found.scored()
    deadline = time.monotonic() + 10
    while found.job(job["id"])["media"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found.client.get(f"/api/jobs/{job['id']}/media").status_code == 404
    assert found.job(job["id"])["score"] == 52.5
    assert list(tmp_path.rglob("upload")) == []
    assert found.client.post(f"/api/jobs/{job['id']}/map").status_code == 409


def test_the_end_of_the_server_leaves_no_file_and_no_process(service, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = service()
    pid = int(Path(tmp_path, found.scored("pid.mp4")["result"]["provenance"]["device"]).name)
    assert list(tmp_path.rglob("upload"))
    found.stop()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_folders_of_killed_services_are_deleted_and_those_of_living_ones_are_not(
    service, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = (
        "import os, signal; from sslvqa.web.storage import Storage\n"
        "with Storage(1).opened():\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    (stale,) = tmp_path.iterdir()
    (tmp_path / "sslvqa-serve-without-a-lock").mkdir()
    (tmp_path / "sslvqa-serve-link").symlink_to(stale)
    first = service()
    first.scored()
    living = {path for path in tmp_path.iterdir() if list(path.rglob("upload"))}
    assert len(living) == 1
    assert not stale.exists()
    assert service().scored()["state"] == "done"
    assert all(path.exists() for path in living)
    assert (tmp_path / "sslvqa-serve-without-a-lock").exists()


@pytest.mark.parametrize("announce", [True, False])
def test_a_file_that_is_too_large_is_refused_and_not_kept(service, tmp_path, monkeypatch, announce):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = service(max_upload_bytes=1000)
    data = bytes(1001) if announce else iter([bytes(600), bytes(600)])
    answer = found.upload(data=data)
    assert answer.status_code == 413
    assert "allowed are 1000" in answer.json()["detail"]
    assert list(tmp_path.rglob("upload")) == []
    assert found.upload(data=bytes(1000)).status_code == 201


def test_a_full_queue_asks_to_come_back(service):
    found = service(max_waiting=1)
    found.wait(found.upload("hang.mp4").json()["id"], "running")
    assert found.upload("hang.mp4").status_code == 201
    answer = found.upload("third.mp4")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def test_a_full_disk_asks_to_come_back_until_something_is_removed(service):
    found = service(max_disk_bytes=1500)
    job = found.scored(data=bytes(1000))
    assert found.upload(data=bytes(1000)).status_code == 503
    found.client.delete(f"/api/jobs/{job['id']}")
    assert found.upload(data=bytes(1000)).status_code == 201


def test_the_oldest_finished_jobs_give_way(service):
    found = service(max_jobs=2)
    ids = [found.scored(f"{n}.mp4")["id"] for n in range(3)]
    assert [job["id"] for job in found.client.get("/api/jobs").json()["jobs"]] == ids[1:]


def test_a_small_body_is_enough_for_everything_but_uploads(service):
    found = service()
    assert found.client.post("/api/paths", content=bytes(2 << 20)).status_code == 413


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd.mp4", "passwd.mp4"),
        (r"C:\videos\a.mp4", "a.mp4"),
        ("a\nb\u202e.mp4", "ab.mp4"),
        ("..", "video"),
        ("x" * 500 + ".mp4", "x" * 196 + ".mp4"),
        ("<img src=x onerror=alert(1)>.mp4", "<img src=x onerror=alert(1)>.mp4"),
    ],
)
def test_names_of_uploads_are_only_names(service, given, shown):
    assert service().upload(given).json()["name"] == shown


def test_headerless_files_need_their_geometry(service):
    found = service()
    answer = found.upload("a.yuv")
    assert answer.status_code == 422
    assert "headerless" in answer.json()["detail"]
    assert found.upload("a.yuv", width=0, height=4).status_code == 422
    assert found.scored("a.yuv", width=64, height=48)["state"] == "done"


def test_media_is_served_in_ranges(service):
    found = service()
    job = found.scored(data=bytes(range(100)))
    url = f"/api/jobs/{job['id']}/media"
    part = found.client.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["content-range"] == "bytes 10-19/100"
    assert found.client.get(url, headers={"Range": "bytes=200-"}).status_code == 416
    assert found.client.get(url).headers["content-type"] == "video/mp4"


def test_media_is_never_served_as_a_page(service):
    found = service()
    for name in ("a.html", "a.svg", "a.js"):
        job = found.scored(name)
        answer = found.client.get(f"/api/jobs/{job['id']}/media")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_maps_and_previews_are_made_when_asked_for(service):
    found = service()
    url = f"/api/jobs/{found.scored()['id']}"
    job_id = url.rsplit("/", 1)[1]
    for kind in ("map", "preview"):
        assert found.client.get(f"{url}/{kind}").status_code == 409
        assert found.client.post(f"{url}/{kind}").status_code == 202
        assert found.wait(job_id, "ready", of=kind)
        assert found.client.post(f"{url}/{kind}").json()[kind]["state"] == "ready"
    assert found.client.get(f"{url}/map").json()["levels"] == ["AP8="]
    assert found.client.get(f"{url}/map.png").headers["content-type"] == "image/png"
    part = found.client.get(f"{url}/preview", headers={"Range": "bytes=1-2"})
    assert (part.content, part.headers["content-type"]) == (b"\x01\x02", "video/mp4")


def test_a_map_video_is_drawn_as_asked_for_and_again_when_asked_otherwise(service):
    found = service()
    job_id = found.scored()["id"]
    url = f"/api/jobs/{job_id}"
    for style in ({}, {}, {"strength": 0.5, "palette": "viridis", "range": "scale"}):
        assert found.client.post(f"{url}/map/video", json=style).status_code == 202
        found.wait(job_id, "ready", of="map_video")
        assert len(found.client.get(f"{url}/map.mp4").content) == 300
    counts = found.client.get("/metrics").text
    assert 'sslvqa_tasks_total{kind="map_video",outcome="done"} 2.0' in counts
    assert f"sslvqa_disk_bytes {300.0 + len(b'some bytes')}" in counts
    for wrong in ({"strength": 2}, {"palette": "jet"}, {"range": "video"}, {"more": 1}):
        assert found.client.post(f"{url}/map/video", json=wrong).status_code == 422


def disk_bytes(found):
    (line,) = re.findall(r"^sslvqa_disk_bytes (.*)$", found.client.get("/metrics").text, re.M)
    return float(line)


def half_drawn(found, folder):
    """A job whose map video is being drawn, and the part of it that is on the disk."""
    job_id = found.scored("half.mp4", data=bytes(1000))["id"]
    assert found.client.post(f"/api/jobs/{job_id}/map/video", json={}).status_code == 202
    deadline = time.monotonic() + 30
    while not (parts := list(folder.rglob("map.mp4"))) or parts[0].stat().st_size < 300:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return job_id, parts[0]


def gone(path):
    deadline = time.monotonic() + 30
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not path.exists()


def test_a_map_video_that_is_stopped_halfway_leaves_no_file_and_the_disk_account_whole(
    service, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = service()
    job_id, part = half_drawn(found, tmp_path)
    found.client.post(f"/api/jobs/{job_id}/cancel")
    assert gone(part)
    assert disk_bytes(found) == 1000
    found.client.delete(f"/api/jobs/{job_id}")
    assert disk_bytes(found) == 0
    job_id, part = half_drawn(found, tmp_path)
    found.client.delete(f"/api/jobs/{job_id}")  # while it is drawn
    assert gone(part)
    assert disk_bytes(found) == 0


def test_a_map_video_that_fails_leaves_no_file(service, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = service()
    job_id = found.scored("burst.mp4", data=bytes(1000))["id"]
    found.client.post(f"/api/jobs/{job_id}/map/video", json={})
    assert "ended without a result" in found.wait(job_id, "failed", of="map_video")["map_video"]["error"]
    assert list(tmp_path.rglob("map.mp4")) == []
    found.client.delete(f"/api/jobs/{job_id}")
    assert disk_bytes(found) == 0


def test_a_job_does_not_give_way_while_its_map_is_made(service, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = service(max_jobs=1)
    job_id, _ = half_drawn(found, tmp_path)
    answer = found.upload("next.mp4")
    assert (answer.status_code, found.job(job_id)["state"]) == (503, "done")


def test_a_map_needs_a_score_first(service):
    found = service()
    job_id = found.upload("hang.mp4").json()["id"]
    assert found.client.post(f"/api/jobs/{job_id}/map").status_code == 409


def test_exports_hold_scores_and_failures(service):
    found = service()
    ids = [found.scored(name)["id"] for name in ("good.mp4", "bad.mp4", "other.mp4")]
    records = found.client.get("/api/export", params={"format": "json"}).json()
    assert [(item["path"], "error" in item) for item in records] == [
        ("good.mp4", False), ("bad.mp4", True), ("other.mp4", False),
    ]  # fmt: skip
    text = found.client.get("/api/export", params={"format": "csv", "ids": ",".join(ids[:2])}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["score"] for row in rows] == ["52.5", ""]
    text = found.client.get("/api/export?format=csv&windows=true").text
    assert len(list(csv.DictReader(io.StringIO(text)))) == 7


def test_an_export_of_many_jobs_is_asked_for_in_a_body(service):
    found = service()
    ids = [found.scored(name)["id"] for name in ("good.mp4", "bad.mp4", "other.mp4")]
    many = [*ids[:2], *(f"{number:016x}" for number in range(2000))]
    answer = found.client.post("/api/export", json={"format": "csv", "ids": many})
    assert answer.headers["content-disposition"] == 'attachment; filename="sslvqa-scores.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["path"] for row in rows] == ["good.mp4", "bad.mp4"]
    body = {"format": "csv", "windows": True, "ids": ids[:1]}
    text = found.client.post("/api/export", json=body).text
    assert text == found.client.get(f"/api/export?format=csv&windows=true&ids={ids[0]}").text
    everything = found.client.post("/api/export", json={})
    assert everything.json() == found.client.get("/api/export").json()
    foreign = {"Origin": "https://evil.example"}
    assert found.client.post("/api/export", json={}, headers=foreign).status_code == 403
    assert found.client.post("/api/export", json={"more": 1}).status_code == 422


def test_events_tell_everything_once_and_then_every_change(service):
    found = service()
    first = found.scored("first.mp4")["id"]
    seen = []
    with httpx.stream("GET", f"{found.address}/api/events", timeout=30) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        second = None
        for line in stream.iter_lines():
            if not line.startswith("data: "):
                continue
            seen.append(json.loads(line[6:]))
            if second is None:
                second = found.upload("second.mp4").json()["id"]
            if seen[-1].get("job", {}).get("state") == "done":
                found.client.delete(f"/api/jobs/{first}")
            if "removed" in seen[-1]:
                break
    assert [job["id"] for job in seen[0]["jobs"]] == [first]
    states = [item["job"]["state"] for item in seen if item.get("job", {}).get("id") == second]
    assert states[0] == "queued"
    assert states[-1] == "done"
    assert any(item.get("job", {}).get("progress") == 0.5 for item in seen)
    assert seen[-1] == {"removed": first}


def test_metrics_tell_what_happened(service):
    found = service()
    assert "sslvqa_score_seconds_count 0.0" in found.client.get("/metrics").text
    for name in ("good.mp4", "bad.mp4", "crash.mp4"):
        found.scored(name)
    running, waiting = (found.upload(name).json()["id"] for name in ("hang.mp4", "later.mp4"))
    found.wait(running, "running")
    answer = found.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    values = dict(
        line.rsplit(" ", 1)
        for line in answer.text.splitlines()
        if line.startswith("sslvqa") and "{le" not in line
    )
    expected = {
        'sslvqa_tasks_total{kind="score",outcome="done"}': 1,
        'sslvqa_tasks_total{kind="score",outcome="failed"}': 2,
        "sslvqa_score_seconds_count": 1,
        "sslvqa_video_seconds_total": 3,
        "sslvqa_worker_crashes_total": 1,
        "sslvqa_uploaded_bytes_total": 5 * len(b"some bytes"),
        "sslvqa_disk_bytes": 3 * len(b"some bytes"),
        "sslvqa_tasks_waiting": 1,
        "sslvqa_tasks_running": 1,
        'sslvqa_jobs{state="failed"}': 2,
        'sslvqa_jobs{state="cancelled"}': 0,
    }
    assert {name: float(values[name]) for name in expected} == expected
    found.client.post(f"/api/jobs/{running}/cancel")  # kills the worker, which is no crash
    found.wait(waiting, "done")
    text = found.client.get("/metrics").text
    assert "sslvqa_worker_crashes_total 1.0" in text
    assert 'sslvqa_tasks_total{kind="score",outcome="cancelled"} 1.0' in text


def test_openapi_describes_the_routes_and_the_record(service):
    document = service().client.get("/openapi.json").json()
    assert "/api/uploads" in document["paths"]
    assert set(document["components"]["schemas"]["ScoreRecord"]["properties"]) == {
        "schema", "worst", *VideoScore.__slots__,
    }  # fmt: skip
    assert "http" not in json.dumps(document["paths"])


def test_info_says_what_the_score_is_and_what_is_allowed(service):
    found = service(max_upload_bytes=77)
    values = found.client.get("/api/info").json()
    assert (values["model"], values["scale_label"], values["scale_maximum"]) == ("tiny.random", "TEST", 100.0)
    assert (values["max_upload_bytes"], values["folder"], values["needs_token"]) == (77, False, False)
    assert values["palettes"]["red_blue"][0] == [158, 14, 30]


def test_an_unknown_model_stops_the_start():
    with pytest.raises(UnknownModelError, match="no model named"):
        create_app(ServeSettings(model="nano.nothing"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_waiting": 0}, "max_waiting is 0"),
        ({"token": "short"}, "shorter than 16"),
        ({"hosts": ()}, "needs a token|pass a token"),
        ({"hosts": ("example.org",)}, "needs a token"),
        ({"folder": Path("/nowhere/at/all")}, "no such folder"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        ServeSettings(**options)
