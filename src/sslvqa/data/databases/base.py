"""What is said of a database, once; the loader and the check do the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sslvqa.data.manifest import VIDEO_SUFFIXES
from sslvqa.video.raw import RawGeometry

__all__ = ["VIDEO_ENDINGS", "Database", "Label", "LabelFile", "bare_name", "stem"]

VIDEO_ENDINGS = VIDEO_SUFFIXES | {".yuv"}
"""File name endings of videos in databases."""


@dataclass(frozen=True, slots=True)
class Label:
    """One video as a label file gives it."""

    name: str
    """Name or path of the video as the file gives it."""
    score: float | None = None
    """On the database's own scale; None for a pristine video, or where the file has no number."""


@dataclass(frozen=True, slots=True)
class LabelFile:
    """An official label file: how it is called and read."""

    pattern: str
    """File name, with ``*`` and ``?``, compared without case."""
    read: Callable[[Path], list[Label]]


@dataclass(frozen=True)
class Database:
    """A published set of videos.

    ``identity`` maps any name of a video (in official files, label lists, on disk) to one key that says
    which video it is, or to ``""`` for a file that is none of the database's.
    """

    name: str
    """For the command line."""
    title: str
    videos: int
    """How many its owners publish."""
    identity: Callable[[str], str]
    scale: str
    """Range of the scores, empty for pristine videos."""
    licence: str
    owners: str
    """Where its owners publish it."""
    cite: str
    label_files: tuple[LabelFile, ...] = ()
    """Official label files, the preferred one first."""
    other_counts: Mapping[int, str] = field(default_factory=dict)
    """Numbers of videos that other sources list, and which."""
    content: Callable[[str], str] | None = None
    """Content of a video from its name; None where every video is its own content."""
    geometry: Callable[[str], RawGeometry | None] = lambda _: None
    """What a headerless file of that name holds."""
    split: str | None = None
    """Official part that the videos belong to."""
    references: tuple[str, ...] = ()
    """Keys of the videos of a pristine source, which needs no label file."""

    def content_of(self, name: str) -> str:
        """What a video shows: never on two sides of a split."""
        return self.identity(name) if self.content is None else self.content(name)


def bare_name(name: str) -> str:
    """A relative path with ``/`` and without a video's ending (other dots belong to the name)."""
    text = name.strip().replace("\\", "/").removeprefix("./")
    ending = PurePosixPath(text).suffix
    return text[: -len(ending)] if ending.lower() in VIDEO_ENDINGS else text


def stem(name: str) -> str:
    """The last part of a path without its ending, in lower case."""
    return bare_name(name).rsplit("/", 1)[-1].lower()
