"""The page in a real browser: what a person does with it."""

import csv
import json
import shutil
import time

import pytest

from sslvqa.data.synthetic import write_synthetic_video
from sslvqa.maps import PALETTES

TOKEN = "a-long-random-token-for-tests"


@pytest.fixture
def clip(tmp_path):
    return write_synthetic_video(tmp_path / "clip.mp4", width=96, height=80, frames=75)


def until(page, expression, seconds=60):
    """Wait for JavaScript to be true; Playwright's own way needs eval, which the page's policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def choose(page, *files):
    page.locator("#model:not(:empty)").wait_for()
    page.set_input_files("#files", [str(file) for file in files])


def row(page, name):
    return page.locator("#jobs tbody tr", has=page.locator(f'button.open[title="{name}"]'))


def open_video(page, name):
    row(page, name).locator("button.open:not([disabled])").click()
    page.locator("article.view h2", has_text=name).wait_for()


def test_upload_play_seek_and_map(visit, service, clip):
    page = visit(service().address)
    choose(page, clip)
    page.locator("article.view").wait_for()  # the only video opens by itself
    assert page.locator(".value b").inner_text() == "52.5"
    assert "Fair: in the middle fifth" in page.locator(".words").inner_text()
    assert "between 45.0 and 60.0" in page.locator(".words").inner_text()
    assert page.locator("#status").inner_text() == "clip.mp4: score 52.5."
    assert page.locator(".numbers").inner_text().split()[-6:] != []
    until(page, "document.querySelector('video').readyState >= 2")
    page.locator("button.play").click()
    until(page, "document.querySelector('video').currentTime > 0.2")
    page.keyboard.press("k")
    assert page.evaluate("document.querySelector('video').paused")
    chart = page.locator(".chart")
    box = chart.bounding_box()
    chart.click(position={"x": 38 + 0.5 * (box["width"] - 46), "y": 60})
    assert page.evaluate("document.querySelector('video').currentTime") == pytest.approx(1.5, abs=0.05)
    assert "0:01.0–0:02.0" in page.locator(".timeline .note").inner_text()
    chart.press("ArrowRight")
    assert page.evaluate("document.querySelector('video').currentTime") == pytest.approx(2.0, abs=0.01)
    assert chart.get_attribute("aria-valuetext") == "0:02.0, score 57.5 (50.0–65.0)"
    assert chart.locator("path.band").get_attribute("d").count("L") == 11  # two corners of each stretch
    page.locator(".worst button").click()
    assert page.evaluate("document.querySelector('video').currentTime") == pytest.approx(1.0, abs=0.01)
    page.locator(".show-map").check()
    page.locator(".view.with-map").wait_for()
    assert colour(page) == [158, 14, 30]
    page.locator(".palette").select_option("viridis")
    assert colour(page) == [68, 1, 84]
    assert page.locator(".legend .low").inner_text() == "1.0"
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Map MP4").click()
    assert waiting.value.suggested_filename == "clip.map.mp4"
    page.keyboard.press("m")
    page.locator(".map").wait_for(state="hidden")


def colour(page):
    """Of the map's lowest cell, rounded as a canvas with alpha keeps it."""
    found = page.evaluate(
        "[...document.querySelector('.map').getContext('2d').getImageData(0, 0, 1, 1).data]"
    )
    exact = {stops[0] for stops in PALETTES.values()}
    return list(min(exact, key=lambda item: sum(abs(a - b) for a, b in zip(item, found[:3], strict=True))))


def test_progress_cancel_and_error_are_shown(visit, service, tmp_path):
    for name in ("hang.mp4", "bad.mp4", "crash.mp4", "good.mp4"):
        (tmp_path / name).write_bytes(b"some bytes")
    page = visit(service().address)
    choose(page, tmp_path / "hang.mp4")
    assert row(page, "hang.mp4").locator("progress").evaluate("bar => bar.value") >= 0
    row(page, "hang.mp4").locator("span", has_text="reading").wait_for()
    assert row(page, "hang.mp4").locator("progress").evaluate("bar => bar.value") == 0.25
    choose(page, *(tmp_path / name for name in ("bad.mp4", "crash.mp4", "good.mp4")))
    row(page, "hang.mp4").get_by_role("button", name="Cancel hang.mp4").click()
    row(page, "hang.mp4").locator("td.state", has_text="cancelled").wait_for()
    row(page, "bad.mp4").locator("td.state", has_text="failed: not a video that can be read").wait_for()
    row(page, "crash.mp4").locator("td.state", has_text="ended without a result").wait_for()
    row(page, "good.mp4").locator("td.score").filter(has_text="52.5").wait_for()
    row(page, "bad.mp4").get_by_role("button", name="Remove bad.mp4").click()
    row(page, "bad.mp4").wait_for(state="detached")


def test_an_upload_has_one_row_when_its_answer_comes_after_its_events(visit, service, tmp_path):
    (tmp_path / "hang.mp4").write_bytes(b"some bytes")
    page = visit(service().address)
    page.evaluate("""() => {
        const send = XMLHttpRequest.prototype.send;
        XMLHttpRequest.prototype.send = function (body) {
            const answered = this.onload;
            this.onload = () => { window.answer = () => answered(); };
            send.call(this, body);
        };
    }""")
    choose(page, tmp_path / "hang.mp4")
    row(page, "hang.mp4").locator("span", has_text="reading").wait_for()
    until(page, "Boolean(window.answer)")
    assert page.locator("#jobs tbody tr").count() == 1
    page.evaluate("window.answer()")
    page.wait_for_timeout(300)
    assert page.locator("#jobs tbody tr").count() == 1
    assert row(page, "hang.mp4").locator("span", has_text="reading").is_visible()


def test_200_files_are_scored_sorted_filtered_and_exported(visit, service, tmp_path):
    files = [tmp_path / f"clip {number}.mp4" for number in range(200)]
    for file in files:
        file.write_bytes(b"some bytes")
    page = visit(service().address)
    choose(page, *files)
    until(page, "document.querySelectorAll('#jobs tbody tr[data-state=done]').length === 200", seconds=120)
    page.get_by_role("button", name="Video", exact=True).click()
    names = page.locator("#jobs tbody button.open")
    until(page, "document.querySelector('#jobs tbody button.open').textContent === 'clip 0.mp4'")
    assert names.nth(10).inner_text() == "clip 10.mp4"
    page.get_by_label("Filter by name").fill("clip 19")
    until(page, "document.querySelectorAll('#jobs tbody tr').length === 11")
    assert page.locator("#count").inner_text() == "11 of 200 videos"
    with page.expect_download() as waiting:
        page.locator("#csv").click()
    rows = list(csv.DictReader(waiting.value.path().read_text().splitlines()))
    assert [item["path"] for item in rows][:2] == ["clip 19.mp4", "clip 190.mp4"]
    page.get_by_label("Score at most").fill("50")
    until(page, "document.querySelectorAll('#jobs tbody tr').length === 0")


def test_a_video_that_the_browser_cannot_play_still_has_everything(visit, real):
    page = visit(real.address)
    real.client.post("/api/paths", json={"paths": ["old.avi"]})
    open_video(page, "old.avi")
    page.locator(".cover p", has_text="cannot play mpeg4 in avi").wait_for()
    page.locator(".chart").press("ArrowRight")
    assert page.locator(".clock").inner_text() == "0:00.5"
    page.locator(".show-map").check()
    page.locator(".view.with-map").wait_for()
    page.get_by_role("button", name="Make a preview").click()
    page.locator(".cover").wait_for(state="hidden")
    assert page.evaluate("document.querySelector('video').videoWidth") == 96
    assert page.evaluate("document.querySelector('video').currentTime") == pytest.approx(0.5, abs=0.05)


def test_two_videos_are_compared_side_by_side(visit, service, clip, tmp_path):
    other = write_synthetic_video(tmp_path / "other.mp4", width=96, height=80, frames=75, seed=1)
    page = visit(service().address)
    choose(page, clip, other)
    for name in ("clip.mp4", "other.mp4"):
        row(page, name).locator("input:not([disabled])").check()
    page.get_by_role("button", name="Compare 2").click()
    assert page.locator(".verdict-words").inner_text() == "Both videos have the same score."
    until(page, "[...document.querySelectorAll('video')].every(v => v.readyState >= 2)")
    page.locator(".chart").first.press("End")
    until(page, "[...document.querySelectorAll('video')].every(v => Math.abs(v.currentTime - 2) < 0.05)")


def test_exports_of_one_video(visit, service, clip):
    page = visit(service().address)
    choose(page, clip)
    until(page, "document.querySelector('video')?.readyState >= 2")
    found = {}
    for kind in ("json", "csv", "png", "html"):
        with page.expect_download() as waiting:
            page.locator(f"[data-export={kind}]").click()
        found[kind] = waiting.value.path().read_bytes()
    assert json.loads(found["json"])["score"] == 52.5
    assert len(found["csv"].decode().splitlines()) == 4
    assert found["png"].startswith(b"\x89PNG")
    assert b"<h1>clip.mp4: 52.5</h1>" in found["html"]
    assert b"http://" not in found["html"].replace(b"http-equiv", b"")


def test_a_reload_and_the_back_button_keep_what_is_open(visit, service, clip, tmp_path):
    shutil.copy(clip, tmp_path / "second.mp4")
    page = visit(service().address)
    choose(page, clip, tmp_path / "second.mp4")
    open_video(page, "clip.mp4")
    open_video(page, "second.mp4")
    page.go_back()
    page.locator("article.view h2", has_text="clip.mp4").wait_for()
    page.reload()
    page.locator("article.view h2", has_text="clip.mp4").wait_for()
    until(page, "document.querySelector('video').readyState >= 2")  # now from the server
    page.keyboard.press("Escape")
    page.locator("article.view").wait_for(state="detached")


def test_names_are_text_wherever_they_are_shown(visit, service):
    found = service()
    job = found.scored("<img src=x onerror=document.title='hacked'>.mp4")
    page = visit(f"{found.address}/#video={job['id']}")
    page.locator("article.view h2", has_text="onerror").wait_for()
    with page.expect_download() as waiting:
        page.locator("[data-export=html]").click()
    assert "<img src=x" not in waiting.value.path().read_text()
    assert page.title() != "hacked"


def test_the_token_is_taken_from_the_address_or_asked_for(visit, service):
    found = service(token=TOKEN)
    page = visit(f"{found.address}/#token={TOKEN}")
    page.locator("#model", has_text="tiny.random").wait_for()
    assert TOKEN not in page.url
    page.context.clear_cookies()
    page.reload()
    page.get_by_label("Token", exact=True).fill("wrong")
    page.get_by_role("button", name="Continue").click()
    page.locator("#ask-token .error", has_text="wrong token").wait_for()
    page.get_by_label("Token", exact=True).fill(TOKEN)
    page.get_by_role("button", name="Continue").click()
    page.locator("#model", has_text="tiny.random").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_phone_and_everything_has_a_name(visit, service, clip, scheme):
    page = visit(service().address, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    choose(page, clip)
    page.locator("article.view").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, input, select, [role=img], [role=slider], dialog')].filter(
        (item) => item.checkVisibility() && !(item.textContent.trim() || item.ariaLabel || item.title
        || item.labels?.length)).map((item) => item.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate("getComputedStyle(document.body).color") == (
        "rgb(22, 32, 42)" if scheme == "light" else "rgb(228, 234, 240)"
    )


def test_the_page_says_so_when_the_server_is_gone(visit, service):
    found = service()
    page = visit(found.address)
    page.locator("#none").wait_for()
    page.locator("#banner").wait_for(state="hidden")
    found.stop()
    page.locator("#banner", has_text="The server does not answer").wait_for()


def bad_gateway(route):
    route.fulfill(status=502, body="bad gateway")


def test_the_page_listens_again_when_its_events_were_refused(visit, service):
    found = service()
    page = visit(found.address)
    page.locator("#none").wait_for()
    page.route("**/api/events", bad_gateway)
    page.reload()
    page.locator("#banner", has_text="The server does not answer").wait_for()
    found.scored("late.mp4")
    page.unroute("**/api/events")
    row(page, "late.mp4").wait_for()
    page.locator("#banner").wait_for(state="hidden")


def test_what_changed_while_the_connection_was_lost_is_shown_in_the_open_result(visit, service):
    found = service()
    job_id = found.scored()["id"]
    job = found.client.get("/api/jobs").json()["jobs"][0]
    page = visit(found.address)
    stories = [{"state": "running", "progress": 0.5, "error": None}] * 9
    stories.append({"state": "failed", "progress": 0.5, "error": "no disk"})

    def tell(route):
        preview = stories.pop(0) if len(stories) > 1 else stories[0]
        first = json.dumps({"jobs": [{**job, "preview": preview}]})
        route.fulfill(content_type="text/event-stream", body=f"retry: 100\ndata: {first}\n\n")

    page.route("**/api/events", tell)
    page.goto(f"{found.address}/#video={job_id}")
    page.reload()
    page.locator(".cover p", has_text="Making the preview: 50").wait_for()
    page.locator(".cover p", has_text="No preview: no disk").wait_for()


def test_a_result_that_cannot_be_fetched_leaves_no_empty_panel(visit, service):
    found = service()
    job_id = found.scored()["id"]
    page = visit(found.address)
    page.route(f"**/api/jobs/{job_id}", bad_gateway)
    row(page, "clip.mp4").locator("button.open:not([disabled])").click()
    page.locator("#banner", has_text="status 502").wait_for()
    page.locator("#detail").wait_for(state="hidden")
    page.unroute(f"**/api/jobs/{job_id}")
    open_video(page, "clip.mp4")
    assert not page.is_visible("#banner")


def test_what_the_user_was_told_stays_when_other_things_happen(visit, service, tmp_path):
    found = service(max_upload_bytes=100)
    (tmp_path / "large.mp4").write_bytes(bytes(101))
    (tmp_path / "small.mp4").write_bytes(bytes(10))
    page = visit(found.address)
    choose(page, tmp_path / "large.mp4")
    page.locator("#banner", has_text="large.mp4 has").wait_for()
    found.scored("other.mp4")
    page.locator("article.view h2", has_text="other.mp4").wait_for()  # opened by itself
    assert "large.mp4 has" in page.locator("#banner").inner_text()
    choose(page, tmp_path / "small.mp4")
    page.locator("#banner").wait_for(state="hidden")


def test_the_link_to_the_list_leaves_the_result_open(visit, service):
    found = service()
    found.scored()
    page = visit(found.address)
    open_video(page, "clip.mp4")
    page.locator(".skip").press("Enter")
    until(page, "document.activeElement.id === 'jobs'")
    assert "#video=" in page.url
    assert page.locator("article.view").is_visible()


def test_an_export_that_fails_is_said(visit, service):
    found = service()
    found.scored()
    page = visit(found.address)
    row(page, "clip.mp4").wait_for()
    page.route("**/api/export", bad_gateway)
    page.locator("#csv").click()
    page.locator("#banner", has_text="status 502").wait_for()
