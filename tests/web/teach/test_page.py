"""The loop in a real browser: every step from the page; worker and training are fakes."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from sslvqa.rate import Study

NAMELESS = """[...document.querySelectorAll('button, input, select, textarea, [role=img]')].filter((item) =>
    item.checkVisibility() && !(item.textContent.trim() || item.ariaLabel || item.labels?.length)
    ).map((item) => item.outerHTML)"""


@pytest.mark.slow
def test_the_loop_from_the_page(visit, loop, home, trainer, model_dir):
    (home / "teach" / "result").write_text(str(model_dir))
    server = loop()
    page = visit(f"{server.service.address}/#teach", viewport={"width": 390, "height": 844})
    page.get_by_label("Take").fill("3")
    page.locator("[name=strategy]").select_option("both")
    page.get_by_role("button", name="Choose", exact=True).click()
    page.locator("#make-study", has_text="Make a study of 3").wait_for()
    assert not page.is_visible("#banner")
    page.locator("#teach-videos tbody tr").nth(4).get_by_role("checkbox").check()
    page.get_by_label("Title").fill("<b>Which</b>?")
    page.get_by_text("More: instructions").click()
    page.get_by_label("Instructions").fill("Sit still.")
    page.get_by_label("Hidden repeats").fill("1")
    unpicked = "[...document.querySelectorAll('#teach-videos input:not(:checked)')].map((box) => box.name)"
    good, bad = page.evaluate(unpicked)[:2]
    page.get_by_label("Plainly good anchor").select_option(good)
    page.get_by_label("Plainly bad anchor").select_option(bad)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(NAMELESS) == []
    page.get_by_role("button", name="Make a study of 4").click()
    link = page.get_by_label("Invitation to <b>Which</b>?").input_value()
    assert link == f"{server.service.address}/rate/study-01/"
    study = Study(home / "teach" / "study-01.sqlite")
    assert (study.settings.instructions, study.settings.repeats) == ("Sit still.", 1)
    with contextlib.closing(sqlite3.connect(study.path)) as base:
        roles = dict(base.execute("SELECT role, path FROM video").fetchall())
    assert (Path(roles["high"]).name, Path(roles["low"]).name) == (good, bad)
    server.answer_all("/rate/study-01/", lambda data: 1 + len(data) % 5)
    page.locator(".votes", has_text="4 votes by 1 person on 4 videos").wait_for()
    page.get_by_role("button", name="Turn the votes into ratings").click()
    page.locator("#ratings-words", has_text="4 videos rated from 4 votes, on 1 to 5.").wait_for()
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator("#runs li", has_text="done, 50 steps").wait_for()
    assert not page.is_visible("#banner")
    assert page.locator("#runs polyline").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(NAMELESS) == []
    page.get_by_role("button", name="Score with this model").click()
    assert page.locator("#model-choice").input_value() == "run-01"
    page.set_input_files("#files", str(home / "videos" / "0.mp4"))
    page.locator("article.view").wait_for()
    assert server.client.get("/api/jobs").json()["jobs"][0]["model"] == "run-01"


@pytest.mark.slow
def test_what_goes_wrong_is_said_on_the_page_and_a_training_is_stopped_and_resumed(
    visit, loop, rated, trainer
):
    trainer(0.3)
    (rated / "teach" / "train.toml").write_text("epoch = 3")
    page = visit(f"{loop().service.address}/#teach")
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator("#banner", has_text="unknown key 'epoch'").wait_for()
    (rated / "teach" / "train.toml").unlink()
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator("#runs .run-state", has_text="of 50").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator("#runs .run-state", has_text="stopped at step").wait_for()
    assert not page.is_visible("#banner")
    page.get_by_role("button", name="Resume").click()
    page.locator("#runs .run-state", has_text="of 50").wait_for()
    page.locator("#runs button", has_text="Stop").wait_for()


@pytest.mark.slow
def test_the_page_says_why_videos_were_left_out(visit, loop, home):
    (home / "videos" / "bad.mp4").write_bytes(b"no video")
    page = visit(f"{loop().service.address}/#teach")
    page.locator("[name=strategy]").select_option("both")
    page.get_by_role("button", name="Choose", exact=True).click()
    words = "left out: bad.mp4. bad.mp4: not a video that can be read."
    page.locator("#choose-state", has_text=words).wait_for()
