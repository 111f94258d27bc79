"""What one person is shown, in which order: pure functions of settings and a generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from sslvqa.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

__all__ = [
    "BROWSER_SUFFIXES",
    "Kind",
    "Role",
    "StudyMethod",
    "StudySettings",
    "StudyVideo",
    "Trial",
    "plan_session",
]

BROWSER_SUFFIXES = frozenset({".mp4", ".m4v", ".webm", ".ogv", ".mov"})
"""Endings of videos that browsers usually play."""

StudyMethod = Literal["acr5", "acr100", "pair"]
Kind = Literal["training", "test", "repeat", "anchor"]
Role = Literal["test", "training", "high", "low"]


class StudyVideo(NamedTuple):
    """One video of a study."""

    number: int
    content: str
    role: Role
    """``high`` and ``low`` are anchors: plainly good and plainly bad videos."""


class Trial(NamedTuple):
    """One question to one person."""

    kind: Kind
    left: int
    """Number of the video; of the first one of a pair."""
    right: int | None
    break_before: bool


@dataclass(frozen=True, slots=True)
class StudySettings:
    """How a study is run."""

    method: StudyMethod = "acr5"
    """``acr5``: bad, poor, fair, good, excellent (1..5); ``acr100``: a slider 0..100; ``pair``: two."""
    title: str = "Video quality"
    instructions: str = ""
    """Added to the page's own, which explain the method."""
    per_person: int | None = None
    """Questions besides training, repeats and anchors; default all videos, or for pairs as many as videos."""
    training: int = 3
    """Training questions, whose votes do not count."""
    repeats: int = 3
    """Questions that are asked a second time, unannounced."""
    break_every: int = 25
    """Questions between two breaks; P.910 and BT.500 let no session exceed about 30 minutes. 0: no breaks."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.method not in {"acr5", "acr100", "pair"}:
            raise ConfigError(f"method is {self.method!r}; it must be acr5, acr100 or pair")
        if self.per_person is not None and self.per_person < 1:
            raise ConfigError(f"per_person is {self.per_person}; it must be at least 1")
        for name in ("training", "repeats", "break_every"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it cannot be negative")

    @property
    def scale(self) -> tuple[int, int]:
        """Lowest and highest vote."""
        return {"acr5": (1, 5), "acr100": (0, 100), "pair": (0, 1)}[self.method]


def plan_session(
    videos: Sequence[StudyVideo],
    settings: StudySettings,
    *,
    asked: Mapping[int, int],
    generator: np.random.Generator,
) -> tuple[Trial, ...]:
    """Draw the questions for one person: training first, then a random order of the rest.

    - Of more videos than a person gets, those asked least so far (over all persons) come first.
    - Two questions in a row never show one content, where the contents allow it.
    - Repeats come in the second half, at least a third of the session after the first time.
    - Anchors are spread evenly; in pairs a good one meets a bad one.

    Args:
        videos: Those of the study.
        settings: Of the study.
        asked: How often each video number has been given to persons before.
        generator: The only source of randomness.

    Raises:
        DataError: Too few videos for the method.
    """
    test = [video for video in videos if video.role == "test"]
    if len(test) < (2 if settings.method == "pair" else 1):
        raise DataError(f"the study has {len(test)} videos; {settings.method} needs more")
    practice = [video for video in videos if video.role == "training"] or test
    if settings.method == "pair":
        questions = _pairs(test, settings.per_person or len(test), asked, generator)
        training = _pairs(practice if len(practice) > 1 else test, settings.training, {}, generator)
        training = training[: settings.training]
    else:
        questions = [(video.number, None) for video in _fewest(test, settings.per_person, asked, generator)]
        training = [(video.number, None) for video in _fewest(practice, settings.training, {}, generator)]
    content = {video.number: video.content for video in videos}
    order = _apart(questions, content, generator)
    entries: list[tuple[Kind, int, int | None]] = [("test", *pair) for pair in order]
    _insert_repeats(entries, settings.repeats, generator)
    _insert_anchors(entries, videos, settings, generator)
    trials = [Trial("training", *pair, break_before=False) for pair in training]
    for index, entry in enumerate(entries):
        rest = settings.break_every > 0 and index > 0 and index % settings.break_every == 0
        trials.append(Trial(*entry, break_before=rest))
    return tuple(trials)


def _fewest(
    videos: Sequence[StudyVideo], count: int | None, asked: Mapping[int, int], generator: np.random.Generator
) -> list[StudyVideo]:
    """Return the videos asked least, ties at random."""
    shuffled = [videos[index] for index in generator.permutation(len(videos))]
    shuffled.sort(key=lambda video: asked.get(video.number, 0))
    return shuffled[:count]


def _pairs(
    videos: Sequence[StudyVideo], count: int, asked: Mapping[int, int], generator: np.random.Generator
) -> list[tuple[int, int | None]]:
    """Pair neighbours on random rings, so that the comparisons of many persons connect all videos."""
    pairs: dict[frozenset[int], tuple[int, int | None]] = {}
    possible = len(videos) * (len(videos) - 1) // 2
    while len(pairs) < min(count, possible):
        ring = _fewest(videos, None, asked if not pairs else {}, generator)
        for first, second in zip(ring, [*ring[1:], ring[0]], strict=True):
            pair = (
                (first.number, second.number) if generator.random() < 0.5 else (second.number, first.number)
            )
            pairs.setdefault(frozenset(pair), pair)
    return list(pairs.values())[:count]


def _apart(
    questions: list[tuple[int, int | None]], content: Mapping[int, str], generator: np.random.Generator
) -> list[tuple[int, int | None]]:
    """Shuffle so that neighbours share no content, as far as that can be had by a greedy choice.

    A content is drawn by the number of its questions left; one that has more than half of them comes at once.
    """
    waiting = [questions[index] for index in generator.permutation(len(questions))]
    if all(right is not None for _, right in questions):
        return waiting
    groups: dict[str, list[tuple[int, int | None]]] = {}
    for question in waiting:
        groups.setdefault(content[question[0]], []).append(question)
    names = list(groups)
    found: list[tuple[int, int | None]] = []
    last = None
    while len(found) < len(questions):
        left = [name for name in names if groups[name]]
        free = [name for name in left if name != last] or left
        total = sum(len(groups[name]) for name in left)
        urgent = [name for name in free if 2 * len(groups[name]) > total]
        weights = [len(groups[name]) for name in free]
        pick = urgent[0] if urgent else free[_draw(weights, generator)]
        found.append(groups[pick].pop())
        last = pick
    return found


def _draw(weights: Sequence[int], generator: np.random.Generator) -> int:
    place = float(generator.random()) * sum(weights)
    for index, weight in enumerate(weights):
        place -= weight
        if place < 0:
            return index
    return len(weights) - 1


def _insert_repeats(
    entries: list[tuple[Kind, int, int | None]], count: int, generator: np.random.Generator
) -> None:
    """Ask some questions of the first third again in the last third; pairs with the sides exchanged."""
    size = len(entries)
    early = generator.permutation(max(size // 3, 1) if size > 2 else 0)[:count]
    again = [entries[index] for index in early]
    for _, left, right in again:
        place = int(generator.integers(2 * size // 3, len(entries) + 1))
        entry: tuple[Kind, int, int | None] = (
            ("repeat", left, None) if right is None else ("repeat", right, left)
        )
        entries.insert(max(place, 1), entry)


def _insert_anchors(
    entries: list[tuple[Kind, int, int | None]],
    videos: Sequence[StudyVideo],
    settings: StudySettings,
    generator: np.random.Generator,
) -> None:
    high = [video.number for video in videos if video.role == "high"]
    low = [video.number for video in videos if video.role == "low"]
    anchors: list[tuple[int, int | None]] = [(number, None) for number in high + low]
    if settings.method == "pair":
        anchors = [(good, bad) if generator.random() < 0.5 else (bad, good) for good in high for bad in low]
    step = (len(entries) + 1) / (len(anchors) + 1)
    for index, at in enumerate(generator.permutation(len(anchors)), start=1):
        entries.insert(min(round(index * step) + index - 1, len(entries)), ("anchor", *anchors[at]))
