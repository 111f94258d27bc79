"""The whole loop over HTTP, with real worker and training processes and a tiny model."""

import pytest

from sslvqa.data.manifest import read_manifest


@pytest.mark.slow
def test_choose_rate_train_and_score_with_what_was_learned(loop, home):
    server = loop(command=None)
    assert set(server.videos()) == {f"{index}.mp4" for index in range(7)}
    (home / "videos" / "broken.mp4").write_bytes(b"no video")
    assert server.post("/choose", count=4, strategy="both").status_code == 202
    active = server.wait()["activity"]
    assert (active["error"], list(active["failed"])) == (None, ["broken.mp4"])
    ranked = {item["rank"]: item for item in server.videos().values() if item["rank"]}
    assert set(ranked) == {1, 2, 3, 4}
    assert all(0 < item["doubt"] <= 1 and item["predicted"] is not None for item in ranked.values())
    chosen = [ranked[rank]["name"] for rank in (1, 2, 3, 4)]
    assert [row.name.rsplit("/", 1)[-1] for row in read_manifest(home / "teach" / "list.csv").rows] == chosen

    made = server.post("/studies", videos=chosen, title="Which is better?").json()
    assert (made["videos"], made["votes"], made["persons"]) == (4, 0, 0)
    page = server.client.get(made["invitation"])
    assert f'src="/rate/{made["name"]}/static/rating.js"' in page.text
    assert server.client.get(f"/rate/{made['name']}/static/rating.js").status_code == 200
    assert server.post("/ratings").status_code == 400  # no votes yet
    sizes = {(home / "videos" / name).stat().st_size: name for name in chosen}
    best = sorted(sizes, reverse=True)
    for person in ("Ann", "Bob"):
        server.answer_all(made["invitation"], lambda data: 5 - best.index(len(data)), name=person)
    study = server.state()["studies"][0]
    assert (study["votes"], study["fewest"], study["persons"]) == (8, 2, 2)

    report = server.post("/ratings").json()
    assert (report["videos"], report["scale"], report["method"]) == (4, [1, 5], "recovery")
    ratings = {name: item["rating"] for name, item in server.videos().items() if item["rating"] is not None}
    assert sorted(ratings, key=ratings.get) == [sizes[size] for size in sorted(sizes)]

    run = server.post("/runs").json()
    assert (run["name"], run["state"], run["model"]) == ("run-01", "running", None)
    assert server.post("/choose").json()["detail"].startswith("the server is training at the moment")
    done = server.wait()["runs"][0]
    assert (done["state"], done["step"], done["steps"], done["error"]) == ("done", 3, 3, None)
    assert len(done["losses"]) == 3
    info = server.client.get("/api/info").json()
    assert info["models"]["served"]["scale_maximum"] == 100
    taught = info["models"]["run-01"]
    assert (taught["model"], taught["scale_minimum"], taught["scale_maximum"]) == ("tiny.taught1", 1, 5)

    answer = server.client.post("/api/paths", json={"paths": ["0.mp4"], "model": "run-01"})
    job = server.service.wait(answer.json()["jobs"][0]["id"], "done", seconds=120)
    assert job["model"] == "run-01"
    assert job["result"]["provenance"]["model"] == "tiny.taught1"
    assert 1 <= job["score"] <= 5
    assert server.post("/runs/run-01/resume").json()["detail"].startswith("run-01 is done")
