"""The page in a real headless browser: a whole session by keyboard, left and resumed by its link."""

from __future__ import annotations

import shutil
import threading
import time

import pytest

from sslvqa.rate import Study, StudySettings

pytest.importorskip("uvicorn")
playwright = pytest.importorskip("playwright.sync_api")

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@pytest.fixture
def study(make_video, tmp_path):
    paths = [make_video(f"v{i}.mp4", width=96, height=64, frames=4, seed=i) for i in range(2)]
    return Study.create(tmp_path / "study.sqlite", StudySettings(training=1, repeats=0, break_every=1), paths)


@pytest.fixture
def address(study):
    import uvicorn

    from sslvqa.web.rating.app import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(study), port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def page():
    if BROWSER is None:
        pytest.skip("NO BROWSER: install chromium to test the page")
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 740})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


@pytest.mark.slow
def test_a_session_goes_from_the_invitation_to_thanks_by_keyboard(page, address, study):
    errors, hosts = [], set()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(address)
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
    assert errors == []
    assert {host for host in hosts if host} == {address.removeprefix("http://")}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
