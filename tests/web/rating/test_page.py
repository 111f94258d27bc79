"""The page in a real headless browser: a whole session by keyboard, left and resumed by its link."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import pytest

from sslvqa.rate import Study, StudySettings

pytest.importorskip("uvicorn")

PHONE = {"viewport": {"width": 390, "height": 740}}


@pytest.fixture
def serve(make_video, tmp_path):
    """Start a study of two short videos: ``study, address = serve(method="pair")``."""

    @contextlib.contextmanager
    def running(study):
        import uvicorn

        from sslvqa.web.rating.app import create_app

        server = uvicorn.Server(
            uvicorn.Config(create_app(study), port=0, log_level="error", log_config=None, ws="none")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        thread.join(10)

    with contextlib.ExitStack() as stack:

        def start(**settings):
            paths = [make_video(f"v{i}.mp4", width=96, height=64, frames=4, seed=i) for i in range(2)]
            study = Study.create(tmp_path / "study.sqlite", StudySettings(repeats=0, **settings), paths)
            return study, stack.enter_context(running(study))

        yield start


@pytest.mark.slow
def test_a_session_goes_from_the_invitation_to_thanks_by_keyboard(visit, serve):
    study, address = serve(training=1, break_every=1)
    page = visit(address, **PHONE)
    page.fill("input[name=name]", "Ann")
    page.keyboard.press("Enter")
    page.wait_for_selector(".link")
    link = page.input_value(".link input")
    page.click(".next")
    page.select_option("select[name=dark]", "3")
    page.select_option("select[name=light]", "4")
    page.click("form button")
    page.wait_for_selector(".choices button:enabled")
    assert page.is_visible(".badge")
    page.keyboard.press("2")
    page.click(".next")  # the training is over
    page.wait_for_selector(".choices button:enabled")
    assert not page.is_visible(".badge")
    page.keyboard.press("5")
    page.wait_for_selector("h2:text('A break')")
    page.goto("about:blank")
    page.goto(link)  # another day
    page.click(".next")
    page.click(".next")
    page.click(".choices button:enabled:has-text('Good')")
    page.wait_for_selector("h2:text('Thank you')")
    assert [answer.vote for answer in study.answers()] == [2, 5, 4]
    assert page.inner_text("#count") == "3 of 3"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def personal(study, address):
    """The page of somebody who has passed the screen check."""
    token = study.join("Ann")
    study.store_screen(token, {"dark_seen": 4})
    return f"{address}/s/{token}"


@pytest.mark.slow
def test_a_slider_that_nobody_touched_is_no_answer(visit, serve):
    study, address = serve(method="acr100", training=0)
    page = visit(personal(study, address), **PHONE)
    page.click(".next")
    page.wait_for_selector(".slider input:enabled")
    page.keyboard.press("Enter")
    assert page.is_disabled(".send")
    page.keyboard.press("ArrowRight")  # the slider has the focus
    assert page.inner_text("output") == "51"
    page.keyboard.press("Enter")
    page.locator("#count", has_text="1 of 2").wait_for()
    page.wait_for_selector(".slider input:enabled")
    page.keyboard.press("End")
    page.click(".send")
    page.wait_for_selector("h2:text('Thank you')")
    assert [answer.vote for answer in study.answers()] == [51, 100]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.slow
@pytest.mark.parametrize(("key", "vote"), [("1", 1.0), ("2", 0.5), ("3", 0.0)])
def test_of_two_videos_the_better_one_is_named(visit, serve, key, vote):
    study, address = serve(method="pair", training=0)
    page = visit(personal(study, address), **PHONE)
    page.click(".next")
    page.locator(".status", has_text="First video").wait_for()
    page.locator(".status", has_text="Second video").wait_for()
    page.wait_for_selector(".choices button:enabled")
    page.keyboard.press(key)
    page.wait_for_selector("h2:text('Thank you')")
    (answer,) = study.answers()
    assert (answer.vote, answer.left == answer.right) == (vote, False)


@pytest.mark.slow
def test_a_video_that_cannot_be_fetched_for_a_while_does_not_end_the_session(visit, serve):
    study, address = serve(training=0)
    page = visit(personal(study, address), **PHONE)
    page.route("**/media/**", lambda route: route.abort())
    page.click(".next")
    page.locator("#error", has_text="trying again").wait_for()
    page.unroute("**/media/**")
    page.wait_for_selector(".choices button:enabled")
    assert not page.is_visible("#error")


@pytest.mark.slow
def test_a_video_that_is_gone_ends_the_session_in_words(visit, serve):
    study, address = serve(training=0)
    page = visit(personal(study, address), **PHONE)
    for path in study.paths:
        Path(path).unlink()
    page.click(".next")
    page.locator("#error", has_text="is gone; tell the organiser").wait_for()
    assert "trying again" not in page.inner_text("#error")


@pytest.mark.slow
def test_a_video_that_breaks_off_can_be_seen_again(visit, serve):
    study, address = serve(training=0)
    page = visit(personal(study, address), **PHONE)
    page.evaluate("""() => {
        const play = HTMLMediaElement.prototype.play;
        HTMLMediaElement.prototype.play = function () {
            HTMLMediaElement.prototype.play = play;
            setTimeout(() => this.dispatchEvent(new Event('error')));
            return Promise.resolve();
        };
    }""")
    page.click(".next")
    page.locator(".status", has_text="The video broke off").wait_for()
    page.keyboard.press("Shift")
    page.wait_for_selector(".choices button:enabled")
    page.keyboard.press("4")
    page.locator("#count", has_text="1 of 2").wait_for()
    assert [answer.vote for answer in study.answers()] == [4]
