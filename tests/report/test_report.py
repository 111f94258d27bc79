"""The report page: what is on it, what cannot get out of it, and that it stays small."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest

from sslvqa.errors import ConfigError, DataError
from sslvqa.report import choose_moments, read_results, report_page, write_report
from sslvqa.scoring import FailedScore, Scorer

EVIL = '<script>alert(1)</script> & "quoted" $x_1$.mp4'


class Page(HTMLParser):
    """The tags, the addresses and the text of a page."""

    void = frozenset({"meta", "img", "path", "use", "rect", "br"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.words, self.ids, self.open = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], "a tag is not closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open += [] if tag in self.void else [tag]
        self.addresses += [value for name, value in attrs if name in {"src", "href", "xlink:href"}]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.void:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def scorer(model_dir):
    return Scorer(model_dir, clips=1)


@pytest.fixture
def result(scorer, make_video):
    return scorer.score(make_video("one.mp4", width=64, height=64, frames=12), timeline_seconds=0.1)


def renamed(result, path, score):
    shift = score - result.score
    timeline = tuple(dataclasses.replace(item, score=item.score + shift) for item in result.timeline)
    video = dataclasses.replace(result.video, path=path)
    return dataclasses.replace(result, path=path, score=score, timeline=timeline, video=video)


def test_one_video_has_its_moments_as_pictures_with_maps(result, scorer):
    text = report_page([result], scorer_of=lambda _: scorer)
    page = Page(text)
    assert page.tags.count("img") == 2 * (3 + 2)
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in page.addresses)
    assert f"{result.score:.2f}" in text
    assert result.provenance.weights_sha256 in text
    assert page.tags.count("svg") == 1
    assert text == report_page([result], scorer_of=lambda _: scorer)


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(result, scorer):
    text = report_page([result, renamed(result, "b.mp4", 3.0)], scorer_of=lambda _: scorer)
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    assert "default-src 'none'" in text
    loads = re.findall(r"(?:src|href)=\"(?!data:|#)|url\((?!#)|@import", text)
    assert not loads
    assert len(page.ids) == len(set(page.ids))


def test_hostile_names_and_messages_are_text(result):
    hostile = renamed(result, EVIL, 12.0)
    hostile = dataclasses.replace(hostile, warnings=("<img src=x onerror=alert(1)>",), scale=f"{EVIL}: x")
    text = report_page([hostile, result, FailedScore("<b>.mp4", "<script>", "<i>")], title="<script>t")
    page = Page(text)
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert "img" in page.tags  # of the file that is there
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert any("<script>alert(1)</script>" in word for word in page.words)


def test_failures_are_listed_with_their_reasons(result):
    words = " ".join(Page(report_page([FailedScore("x/bad.mp4", "holds only audio", "E"), result])).words)
    assert "holds only audio" in words
    assert "1 video scored, 1 failed" in " ".join(words.split())
    assert "bad.mp4" in " ".join(Page(report_page([FailedScore("bad.mp4", "empty", "E")])).words)


def test_files_that_are_gone_or_changed_leave_a_note(result, make_video):
    gone = renamed(result, "gone.mp4", 5.0)
    text = report_page([gone])
    assert "img" not in Page(text).tags
    assert "no picture" in text
    make_video("one.mp4", width=64, height=64, frames=9)
    assert "has changed since it was scored" in report_page([result])


def test_without_the_model_there_are_pictures_but_no_maps(result):
    text = report_page([result])
    assert Page(text).tags.count("img") == 5
    assert "the model that gave the score is not at hand" in text


def test_five_hundred_videos_make_a_bounded_page(result):
    many = [renamed(result, f"folder/video_{n:03d}.mp4", n / 10) for n in range(500)]
    text = report_page(many)
    assert len(text) < 1_500_000
    page = Page(text)
    assert page.tags.count("svg") == 2 + 12
    assert page.words.index("video_000.mp4") < page.words.index("video_499.mp4")


def test_scores_of_two_models_carry_a_warning(result):
    source = dataclasses.replace(result.provenance, model="other", weights_sha256="0" * 64)
    other = dataclasses.replace(renamed(result, "b.mp4", 2.0), provenance=source)
    assert "cannot be compared" in report_page([result, other])
    assert "cannot be compared" not in report_page([result])


def test_moments_are_disjoint_and_at_most_two_of_a_video(result):
    many = [renamed(result, f"{n}.mp4", float(n)) for n in range(4)]
    worst, best = choose_moments(many, count=5)
    assert not {(m.result.path, m.clip) for m in worst} & {(m.result.path, m.clip) for m in best}
    assert [m.clip.score for m in worst] == sorted(m.clip.score for m in worst)
    assert max(sum(m.result.path == item.path for m in worst) for item in many) == 2
    assert choose_moments([], count=3) == ((), ())


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_results_are_read_as_they_were_written(result, tmp_path, kind):
    items = [result, FailedScore("bad.mp4", "empty", "UnreadableVideoError")]
    path = tmp_path / f"results.{kind}"
    records = [item.to_dict() for item in items]
    path.write_text(json.dumps(records) if kind == "json" else "\n".join(map(json.dumps, records)))
    assert list(read_results(path)) == items


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"schema": 9}', '{"schema": 1, "path": "a"}'])
def test_a_file_that_holds_no_results_is_refused_by_name(tmp_path, text):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"r\.json"):
        read_results(path)


def test_wrong_use_is_named(result, tmp_path):
    with pytest.raises(ConfigError, match="no folder"):
        write_report(tmp_path / "absent" / "r.html", [result])
    with pytest.raises(ConfigError, match="moments is -1"):
        report_page([result], moments=-1)
    with pytest.raises(DataError, match="no results"):
        report_page([])
