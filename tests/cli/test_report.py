"""``sslvqa report``."""

from sslvqa.scoring import Scorer


def test_results_are_not_scored_again_and_maps_come_from_the_same_model(
    run, model_dir, make_video, tmp_path, monkeypatch
):
    make_video("a.mp4", width=64, height=64, frames=12)
    results, out = tmp_path / "r.json", tmp_path / "r.html"
    run("score", tmp_path / "a.mp4", tmp_path / "bad.mp4", "-m", model_dir, "--clips", 2, "-o", results)
    monkeypatch.setattr(Scorer, "finish", lambda *_, **__: 1 / 0)
    found = run("report", results, "--model", model_dir, "--out", out, "--title", "Ours")
    assert (found.code, found.out) == (1, "")
    assert "bad.mp4" in out.read_text()
    assert out.read_text().count("data:image/jpeg") == 4
    assert run("report", results, "--out", out).code == 1
    assert out.read_text().count("data:image/jpeg") == 2


def test_videos_are_scored_for_the_report(run, model_dir, make_video, tmp_path):
    path, out = make_video("a.mp4", width=64, height=64, frames=12), tmp_path / "r.html"
    found = run("report", path, "-m", model_dir, "-o", out, "--timeline-seconds", 0.2, "--moments", 0)
    assert (found.code, found.err) == (0, f"report: {out}\n")
    assert "<svg" in out.read_text()


def test_a_missing_extra_is_noticed_before_anything_is_scored(run, make_video, tmp_path, monkeypatch):
    monkeypatch.setattr("sslvqa.scoring.Scorer.__init__", lambda *_, **__: 1 / 0)
    monkeypatch.setattr("sslvqa.cli.checks.find_spec", lambda name: None if name == "jinja2" else name)
    found = run("report", make_video("a.mp4", frames=4), "-o", tmp_path / "r.html")
    assert found.code == 2
    assert "pip install 'sslvqa[report]'" in found.err


def test_wrong_use_exits_with_2(run, tmp_path):
    (tmp_path / "r.json").write_text("{}")
    for args in ((tmp_path / "r.json",), (tmp_path / "r.json", "-o", tmp_path / "no" / "r.html")):
        found = run("report", *args)
        assert found.code == 2
        assert "Traceback" not in found.err
