"""The report on paper, printed by a real browser."""

import re

import pytest

from sslvqa.report import write_report
from sslvqa.scoring import FailedScore, Scorer

A4_WITHOUT_MARGINS = {"width": 680, "height": 1009}  # px of 1/96 inch; margins of 15 mm
CUT = """[...document.querySelectorAll('body *')].filter((item) => {
    const box = item.getBoundingClientRect();
    return box.width && (box.right > document.documentElement.clientWidth + 1 || box.left < -1);
}).map((item) => item.outerHTML.slice(0, 200))"""
SCROLLED = """[...document.querySelectorAll('.wide, td, th, figcaption')].filter(
    (item) => item.scrollWidth > item.clientWidth + 1 && getComputedStyle(item).overflowX !== 'visible'
).map((item) => item.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def report(model_dir, tmp_path_factory):
    """A report on 40 videos, some with long names, one of which failed."""
    from sslvqa.data.synthetic import write_synthetic_video

    folder = tmp_path_factory.mktemp("report")
    scorer = Scorer(model_dir, clips=1, device="cpu")
    source = write_synthetic_video(folder / "one.mp4", width=96, height=64, frames=12)
    result = scorer.score(source, timeline_seconds=0.1)
    names = [f"folder/{'a_very_long_name_without_a_break_' * (1 + n % 4)}{n}.mp4" for n in range(39)]
    many = [replaced(result, name, float(n)) for n, name in enumerate(names)]
    failure = FailedScore("folder/" + "x" * 150 + ".mp4", "holds only audio", "UnreadableVideoError")
    return write_report(folder / "report.html", [result, *many, failure], scorer_of=lambda _: scorer)


def replaced(result, path, score):
    from dataclasses import replace

    return replace(result, path=path, score=score)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_print_has_pages_black_on_white_and_nothing_is_cut_off(browser, report, theme):
    page = browser.new_page(viewport=A4_WITHOUT_MARGINS, color_scheme=theme)
    page.goto(report.as_uri())
    page.emulate_media(media="print", color_scheme=theme)
    assert page.evaluate(CUT) == []
    assert page.evaluate(SCROLLED) == []
    style = "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
    assert page.evaluate(style) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    page.close()
    assert pdf.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 12


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_on_a_screen_only_tables_scroll_sideways(browser, report, theme, width):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    page.close()
    assert dark == (theme == "dark")
