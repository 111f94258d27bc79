"""The study's HTTP side, in process."""

from __future__ import annotations

import asyncio

import pytest

from sslvqa.rate import Study, StudySettings

pytest.importorskip("starlette")
httpx = pytest.importorskip("httpx")

from sslvqa.web.rating.app import create_app  # noqa: E402 - after the skip


class Client:
    """Calls the application in this process."""

    def __init__(self, app, *, base_url="http://127.0.0.1"):
        self._app, self._base = app, base_url

    def get(self, path, **options):
        return self._call("GET", path, **options)

    def post(self, path, **options):
        return self._call("POST", path, **options)

    def _call(self, *args, **options):
        async def call():
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url=self._base) as client:
                return await client.request(*args, **options)

        return asyncio.run(call())


@pytest.fixture
def study(tmp_path):
    paths = [tmp_path / f"secret_{i}.mp4" for i in range(4)]
    for index, path in enumerate(paths):
        path.write_bytes(bytes([index]) * 1000)
    settings = StudySettings(training=1, repeats=1, title="Kitten <b>", instructions="Sit still.")
    return Study.create(tmp_path / "study.sqlite", settings, paths)


@pytest.fixture
def client(study):
    return Client(create_app(study), base_url="http://127.0.0.1")


def test_a_person_joins_answers_and_is_done(client, study):
    assert client.get("/api/study").json() == {
        "title": "Kitten <b>", "method": "acr5", "instructions": "Sit still.",
        "training": True, "breaks": True, "needs_key": False,
    }  # fmt: skip
    joined = client.post("/api/join", json={"name": "Ann"})
    assert joined.status_code == 201
    here = f"/api/session/{joined.json()['token']}"
    assert client.post(f"{here}/screen", json={"dark_seen": 4}).status_code == 204
    state = client.get(here).json()
    assert (state["screened"], state["done"], state["total"]) == (True, 0, 6)
    while state["question"]:
        at = state["question"]["position"]
        state = client.post(f"{here}/answer", json={"position": at, "vote": 4, "seconds": 1.5}).json()
    assert state["done"] == 6
    assert {answer.name for answer in study.answers()} == {"Ann"}


def test_videos_come_in_ranges_and_without_their_names(client, study):
    token = study.join()
    whole = client.get(f"/media/{token}/0/0")
    assert (whole.status_code, len(whole.content), whole.headers["content-type"]) == (200, 1000, "video/mp4")
    part = client.get(f"/media/{token}/0/0", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == "bytes 10-19/1000"
    assert client.get(f"/media/{token}/0/0", headers={"Range": "bytes=5000-"}).status_code == 416
    assert "secret" not in str(whole.headers) + client.get(f"/api/session/{token}").text


@pytest.mark.parametrize(
    "path",
    ["/media/guess/0/0", "/media/{}/99/0", "/media/{}/0/1", "/api/session/guess", "/media/{}/../x", "/etc"],
)
def test_only_videos_of_ones_own_questions_are_served(client, study, path):
    assert client.get(path.format(study.join())).status_code == 404


def test_a_video_that_went_away_is_said(client, study, tmp_path):
    token = study.join()
    for path in tmp_path.glob("*.mp4"):
        path.unlink()
    assert client.get(f"/media/{token}/0/0").status_code == 410


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"position": 0, "vote": 9}', "acr5 takes 1 to 5"),
        (b'{"position": 3, "vote": 4}', "is not due"),
        (b'{"position": 0, "vote": 4, "more": 1}', "malformed"),
        (b"[", "malformed"),
        (b'{"position": 0, "vote": 4, "seconds": NaN}', "malformed"),
        (b" " * 9000, "more than 8192 bytes"),
    ],
)
def test_bad_answers_are_refused_with_one_sentence(client, study, body, words):
    found = client.post(f"/api/session/{study.join()}/answer", content=body)
    assert found.status_code == 400
    assert words in found.json()["detail"]
    assert study.answers() == []


def test_screen_facts_are_an_object(client, study):
    assert client.post(f"/api/session/{study.join()}/screen", content=b"[1]").status_code == 400


def test_a_key_is_needed_where_one_is_set(study):
    client = Client(create_app(study, key="0123456789abcdef"), base_url="http://127.0.0.1")
    assert client.get("/api/study").json()["needs_key"]
    for body in ({}, {"key": "wrong"}, {"key": "é"}):
        assert client.post("/api/join", json=body).status_code == 403
    assert client.post("/api/join", json={"key": "0123456789abcdef"}).status_code == 201


@pytest.mark.parametrize("host", ["127.0.0.1:8001", "localhost:8001", "[::1]:8001"])
def test_every_name_of_this_machine_is_let_in(study, host):
    assert Client(create_app(study), base_url=f"http://{host}").get("/api/study").status_code == 200


def test_other_host_names_are_refused_on_loopback(study):
    client = Client(create_app(study), base_url="http://evil.example")
    assert client.get("/api/study").status_code == 421


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_pages_of_other_sites_cannot_vote(client, study, headers):
    token = study.join()
    body = {"position": 0, "vote": 1}
    assert client.post("/api/join", json={}, headers=headers).status_code == 403
    assert client.post(f"/api/session/{token}/answer", json=body, headers=headers).status_code == 403
    assert study.answers() == []
    own = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert client.post(f"/api/session/{token}/answer", json=body, headers=own).status_code == 200


def test_the_page_asks_no_other_server_and_says_so(client):
    for path in ("/", "/s/anything", "/static/rating.js", "/static/rating.css"):
        found = client.get(path)
        assert found.status_code == 200
        assert "http://" not in found.text.replace("http://www.w3.org", "")
        assert "https://" not in found.text
        assert "default-src 'none'" in found.headers["content-security-policy"]
        assert found.headers["referrer-policy"] == "no-referrer"
        assert found.headers["cache-control"] == "no-store"
