"""Who may come in, and how far: tokens, foreign pages, paths."""

import os

import httpx
import pytest

TOKEN = "a-long-random-token-for-tests"


@pytest.fixture
def folder(tmp_path):
    """A folder with a video, a link that leaves it, and a secret beside it."""
    root = tmp_path / "videos"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.mp4").write_bytes(b"inside")
    (root / "notes.txt").write_text("no video")
    (tmp_path / "secret.mp4").write_bytes(b"outside")
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (root / "up").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    (root / ".hidden.mp4").write_bytes(b"hidden")
    return root


def test_without_the_token_nothing_is_told(service):
    found = service(token=TOKEN)
    for path in ("/api/info", "/api/jobs", "/api/events", "/openapi.json", "/metrics", "/api/jobs/x/media"):
        answer = found.client.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert found.upload().status_code == 401
    assert found.client.get("/").status_code == 200  # the page asks for the token


@pytest.mark.parametrize(
    "given", ["Bearer wrong", "Bearer", "Basic x", TOKEN, f"Bearer {TOKEN}x", "Bearer é"]
)
def test_a_wrong_token_is_refused(service, given):
    found = service(token=TOKEN)
    assert found.client.get("/api/info", headers={"Authorization": given.encode()}).status_code == 401


def test_the_token_opens_the_service_and_can_become_a_cookie(service):
    found = service(token=TOKEN)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert found.client.get("/api/info", headers=bearer).json()["needs_token"] is True
    assert found.client.post("/api/session", json={"token": "wrong"}).status_code == 401
    answer = found.client.post("/api/session", json={"token": TOKEN})
    assert answer.status_code == 204
    assert "httponly; path=/; samesite=strict" in answer.headers["set-cookie"].lower()
    assert found.client.get("/api/info").status_code == 200
    assert found.scored()["state"] == "done"


def test_other_names_of_the_host_are_refused_without_a_token(service):
    found = service()
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[::1"):
        assert found.client.get("/api/info", headers={"Host": host}).status_code in (400, 421), host
    for host in ("localhost:1234", "[::1]:80", "127.0.0.1"):
        assert found.client.get("/api/info", headers={"Host": host}).status_code == 200, host


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_cannot_change_anything(service, headers):
    found = service()
    job = found.scored()
    for method, path in (("POST", "/api/uploads?name=a.mp4"), ("DELETE", f"/api/jobs/{job['id']}")):
        assert found.client.request(method, path, headers=headers, content=b"x").status_code == 403
    assert len(found.client.get("/api/jobs").json()["jobs"]) == 1


def test_the_page_itself_may(service):
    found = service()
    headers = {"Origin": found.address, "Sec-Fetch-Site": "same-origin"}
    assert found.client.post("/api/uploads?name=a.mp4", headers=headers, content=b"x").status_code == 201


def test_every_answer_forbids_what_the_page_does_not_need(service):
    found = service(token=TOKEN)
    for path in ("/", "/static/app.js", "/api/info", "/nothing"):
        headers = found.client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_videos_of_the_folder_are_scored_where_they_are(service, folder):
    found = service(folder=folder)
    jobs = found.client.post("/api/paths", json={"paths": ["sub", "sub/a.mp4"]}).json()["jobs"]
    assert [job["name"] for job in jobs] == ["sub/a.mp4"]
    job = found.wait(jobs[0]["id"], "done")
    assert found.client.get(f"/api/jobs/{job['id']}/media").content == b"inside"
    found.client.delete(f"/api/jobs/{job['id']}")
    assert (folder / "sub" / "a.mp4").exists()


@pytest.mark.parametrize(
    "path",
    [
        "../secret.mp4",
        "sub/../../secret.mp4",
        "link.mp4",
        "up/secret.mp4",
        "up",
        "loop",
        "/etc/hostname",
        "absent.mp4",
        "a\0b.mp4",
        "~/a.mp4",
        "x" * 4000,
    ],
)
def test_no_path_leaves_the_folder(service, folder, path):
    answer = service(folder=folder).client.post("/api/paths", json={"paths": [path]})
    assert answer.status_code == 404
    assert "no such file below the server's folder" in answer.json()["detail"]


def test_an_absolute_path_outside_is_refused_like_one_that_is_absent(service, folder):
    found = service(folder=folder)
    for path in (folder.parent / "secret.mp4", folder.parent / "absent.mp4"):
        answer = found.client.post("/api/paths", json={"paths": [str(path)]})
        assert answer.status_code == 404
        assert "no such file below" in answer.json()["detail"]


def test_a_folder_gives_its_videos_but_none_through_links_outwards(service, folder):
    found = service(folder=folder)
    jobs = found.client.post("/api/paths", json={"paths": [""]}).json()["jobs"]
    assert sorted(job["name"] for job in jobs) == [".hidden.mp4", "sub/a.mp4"]
    assert found.client.post("/api/paths", json={"paths": ["notes.txt"]}).status_code == 422


def test_of_videos_that_are_refused_none_is_added(service, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (folder / "raw").mkdir()
    for name in ("a.mp4", "b.yuv"):
        (folder / "raw" / name).write_bytes(b"inside")
    (folder / "many").mkdir()
    for index in range(4):
        (folder / "many" / f"hang{index}.mp4").write_bytes(b"inside")
    found = service(folder=folder, max_waiting=3)

    def add(*paths):
        return found.client.post("/api/paths", json={"paths": list(paths)})

    answer = add("raw")
    assert (answer.status_code, "headerless" in answer.json()["detail"]) == (422, True)
    answer = add("many")
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "4 videos; at most 3 may wait; name subfolders, or start the server with a larger --max-queue"
    )
    assert found.client.get("/api/jobs").json() == {"jobs": []}
    (running,) = add("many/hang0.mp4").json()["jobs"]
    found.wait(running["id"], "running")
    assert len(add("many/hang1.mp4", "many/hang2.mp4").json()["jobs"]) == 2
    answer = add("many/hang3.mp4", "raw/a.mp4")
    assert (answer.status_code, "2 tasks wait already" in answer.json()["detail"]) == (503, True)
    assert len(found.client.get("/api/jobs").json()["jobs"]) == 3
    (server,) = (tmp_path / "temporary").iterdir()
    assert [path.name for path in server.iterdir() if path.is_dir()] == [running["id"]]


def test_more_videos_than_the_server_keeps_are_refused(service, folder):
    for index in range(3):
        (folder / "sub" / f"hang{index}.mp4").write_bytes(b"inside")
    found = service(folder=folder, max_jobs=3)
    answer = found.client.post("/api/paths", json={"paths": ["sub"]})
    assert (answer.status_code, found.client.get("/api/jobs").json()["jobs"]) == (422, [])
    assert "4 videos; the server holds at most 3; name subfolders" in answer.json()["detail"]


def test_the_folder_can_be_looked_into(service, folder):
    found = service(folder=folder)
    assert found.client.get("/api/folder").json() == {"path": "", "folders": ["sub"], "videos": []}
    assert found.client.get("/api/folder?path=sub").json()["videos"] == ["a.mp4"]
    for path in ("..", "up", "absent", "sub/a.mp4"):
        assert found.client.get("/api/folder", params={"path": path}).status_code == 404


def test_a_file_that_becomes_a_link_outwards_is_no_longer_served(service, folder):
    found = service(folder=folder)
    job = found.client.post("/api/paths", json={"paths": ["sub/a.mp4"]}).json()["jobs"][0]
    found.wait(job["id"], "done")
    (folder / "sub" / "a.mp4").unlink()
    (folder / "sub" / "a.mp4").symlink_to(folder.parent / "secret.mp4")
    assert found.client.get(f"/api/jobs/{job['id']}/media").status_code == 404


def test_without_a_folder_no_path_is_taken(service):
    found = service()
    assert found.client.post("/api/paths", json={"paths": [os.devnull]}).status_code == 404
    assert found.client.get("/api/folder").status_code == 404


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/app.py"]
)
def test_only_the_pages_files_are_served(service, path):
    with httpx.Client(base_url=service().address) as client:
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"paths": []}', b'{"paths": [1]}', b'{"paths": ["a"], "more": 1}', b"\xff"]
)
def test_malformed_requests_are_told_what_is_wrong(service, folder, body):
    answer = service(folder=folder).client.post(
        "/api/paths", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]
