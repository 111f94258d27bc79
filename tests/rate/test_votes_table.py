"""Reading raw votes, long and wide, and merging repeats."""

from __future__ import annotations

import numpy as np
import pytest

from sslvqa.errors import ConfigError, DataError, ManifestError
from sslvqa.rate import Votes, merge_repeats, read_votes


def as_dict(votes: Votes) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for rater, video, value in zip(votes.rater, votes.video, votes.value, strict=True):
        found.setdefault((votes.raters[rater], votes.videos[video]), []).append(float(value))
    return found


@pytest.fixture
def write(tmp_path):
    def make(text: str):
        path = tmp_path / "votes.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return make


LONG = "rater,video,vote\nann,a.mp4,5\nbob,a.mp4,4\nann,b.mp4,2\n"
WIDE = "video,ann,bob\na.mp4,5,4\nb.mp4,2,\n"


def test_long_and_wide_tables_hold_the_same_votes(write):
    long = read_votes(write(LONG))
    wide = read_votes(write(WIDE))
    assert as_dict(long.votes) == as_dict(wide.votes) == {
        ("ann", "a.mp4"): [5],
        ("bob", "a.mp4"): [4],
        ("ann", "b.mp4"): [2],
    }  # fmt: skip
    assert (long.missing, wide.missing) == (0, 1)


def test_a_spreadsheet_with_semicolons_decimal_commas_and_a_byte_order_mark(write):
    found = read_votes(write("\ufeffVideo;Ann;Bob\na.mp4;3,5;4\n"))
    assert as_dict(found.votes)[("Ann", "a.mp4")] == [3.5]


@pytest.mark.parametrize("word", ["", "NA", "n/a", "NaN", "-"])
def test_missing_votes_are_counted_not_refused(write, word):
    found = read_votes(write(LONG + f"bob,b.mp4,{word}\n"))
    assert (len(found.votes), found.missing) == (3, 1)


def test_every_bad_vote_is_reported_by_line(write):
    text = LONG + "bob,b.mp4,good\n,b.mp4,3\nbob,,3\ncat,a.mp4,9\n"
    with pytest.raises(ManifestError) as error:
        read_votes(write(text), scale=(1, 5))
    lines = str(error.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"votes.csv:{n}" for n in (5, 6, 7, 8)]
    assert "vote is 'good'" in lines[0]
    assert "expected 1 to 5" in lines[3]
    kept = read_votes(write(text), scale=(1, 5), skip_bad=True)
    assert len(kept.votes) == 3
    assert list(kept.bad) == lines


def test_a_bad_vote_of_a_wide_table_names_its_column(write):
    with pytest.raises(ManifestError, match=r"votes.csv:2, column 'bob': vote is 'x'"):
        read_votes(write("video,ann,bob\na.mp4,5,x\n"))


def test_columns_by_name_and_a_video_of_two_columns(write):
    text = "model,prompt,who,sharpness,part\nm1,p1,1,3,a\nm1,p2,1,4,a\nm1,p1,1,5,b\n"
    found = read_votes(
        write(text),
        rater_column="who",
        video_column="model,prompt",
        vote_column="sharpness",
        where={"part": "a"},
    )
    assert as_dict(found.votes) == {("1", "m1/p1"): [3], ("1", "m1/p2"): [4]}


def test_contents_are_carried_and_are_no_rater(write):
    found = read_votes(write("video,content,ann\na.mp4,beach,5\nb.mp4,,4\n"))
    assert found.votes.raters == ("ann",)
    assert found.contents == {"a.mp4": "beach"}


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("rater,video,vote\n", {}, "holds no vote"),
        ("rater,vote\na,1\n", {}, "no video column"),
        ("rater,video\na,b\n", {}, "no vote column"),
        ("video,vote\na,1\n", {}, "no rater column"),
        ("video\na\n", {}, "no column of votes"),
        ("rater,video,vote,vote\na,b,1,2\n", {}, "appears twice"),
        (LONG, {"vote_column": "mark"}, "no column 'mark'"),
        (LONG, {"where": {"day": "1"}}, "no column 'day'"),
        (LONG, {"where": {"rater": "zed"}}, "holds no vote"),
        ("", {}, "empty"),
    ],
)
def test_tables_that_cannot_serve_say_why(write, text, options, words):
    with pytest.raises((ManifestError, DataError), match=words):
        read_votes(write(text), **options)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ManifestError, match=r"no table .*none\.csv"):
        read_votes(tmp_path / "none.csv")


def test_repeats_become_their_mean_the_latest_or_the_first():
    votes = Votes.from_rows([("ann", "a", 1), ("bob", "a", 3), ("ann", "a", 2), ("ann", "a", 6)])
    for rule, expected in (("mean", 3), ("latest", 6), ("first", 1)):
        merged, count = merge_repeats(votes, repeats=rule)
        assert count == 2
        assert as_dict(merged) == {("ann", "a"): [expected], ("bob", "a"): [3]}
    with pytest.raises(ConfigError, match="mean, latest or first"):
        merge_repeats(votes, repeats="median")


def test_votes_are_chosen_without_renaming_anybody():
    votes = Votes.from_rows([("ann", "a", 1), ("bob", "b", 3)])
    kept = votes.only(np.array([False, True]))
    assert (kept.raters, kept.videos, len(kept)) == (votes.raters, votes.videos, 1)
