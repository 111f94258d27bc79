"""Training items: views read from videos, random only in (seed, part, epoch, position)."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch.utils.data import Dataset

from sslvqa.data.levels import known_order
from sslvqa.data.resident import view_places
from sslvqa.errors import ConfigError, DataError, SslvqaError, VideoError
from sslvqa.sampling import plan_view_pair, plan_views, read_views
from sslvqa.sampling.turns import draw_turns, turn_view
from sslvqa.video.cache import open_frames
from sslvqa.video.reader import open_video

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from sslvqa.data.manifest import Manifest, ManifestRow
    from sslvqa.data.resident import HeldVideo
    from sslvqa.distort import GroupInfo
    from sslvqa.sampling import PairPreset, ViewGeometry, ViewPlan
    from sslvqa.video.cache import FrameCache
    from sslvqa.video.frames import VideoInfo

__all__ = [
    "GroupDataset",
    "Item",
    "ItemKey",
    "JointDataset",
    "SceneVersions",
    "VideoDataset",
    "derive_seed",
    "probe_videos",
    "read_centre_views",
    "usable_rows",
]

_SEED_BITS = 63


class ItemKey(NamedTuple):
    """Names one item; the same key is the same item in every run with the same seed."""

    part: str
    """Which dataset, e.g. ``labelled``."""
    epoch: int
    """How many times the part has been gone through before."""
    position: int
    """Place in the part."""


class Item(NamedTuple):
    """What a dataset returns."""

    views: Tensor
    """uint8: video ``(2, 3, T, S, S)``, one view of it ``(3, T, S, S)``, group ``(K, 2, 3, T, S, S)``; of
    videos whose frames a device holds their places instead, see :func:`sslvqa.data.resident.view_places`."""
    score: Tensor
    """float32: of a video ``()``, NaN when there is none; of a group its levels ``(K, K)``, see
    :func:`sslvqa.data.levels.known_order`, NaN when they are not known."""
    position: int
    """Place in the part."""


def derive_seed(*parts: int | str) -> int:
    """Mix numbers and words to one seed in [0, 2**63), the same on every machine."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> (64 - _SEED_BITS)


class VideoDataset(Dataset[Item]):
    """Views of the videos of a manifest, as ``Item``.

    Args:
        rows: The videos.
        geometry: Shape of a view.
        views: 2 for the pair T', T'' of one clip, 1 for T' alone.
        preset: How the two views differ, see :func:`sslvqa.sampling.plan_view_pair`.
        turned: Whether each view is turned as drawn, see :mod:`sslvqa.sampling.turns`.
        seed: Of the run.
        cache: Keeps decoded frames; the views do not depend on it.
        held: The videos whose frames a device holds: items then have places for views.

    Raises:
        VideoError: From an item whose video cannot be read.
    """

    def __init__(
        self,
        rows: Sequence[ManifestRow],
        geometry: ViewGeometry,
        *,
        views: Literal[1, 2] = 2,
        preset: PairPreset = "paper",
        turned: bool = False,
        seed: int = 0,
        cache: FrameCache | None = None,
        held: Mapping[Path, HeldVideo] | None = None,
    ) -> None:
        self.rows = tuple(rows)
        self.geometry = geometry
        self.views = views
        self.preset = preset
        self.turned = turned
        self.seed = seed
        self.cache = cache
        self.held = held

    def __len__(self) -> int:
        """Count the videos."""
        return len(self.rows)

    def __getitem__(self, key: ItemKey) -> Item:
        """Read the views of video ``key.position`` as drawn for ``key.epoch``."""
        row = self.rows[key.position]
        generator = torch.Generator().manual_seed(derive_seed(self.seed, *key))
        if self.held is not None:
            video = self.held[row.path]
            views = view_places(video, *self._plan(video, generator))
        else:
            with open_frames(row.path, self.cache, geometry=row.geometry) as opened:
                plans, turns = self._plan(opened.info, generator)
                views = read_views(opened, plans)
            if any(turns):
                views = torch.stack([turn_view(view, turn) for view, turn in zip(views, turns, strict=True)])
        score = math.nan if row.score is None else row.score
        return Item(views if self.views == 2 else views[0], torch.tensor(score), key.position)

    def _plan(
        self, video: VideoInfo | HeldVideo, generator: torch.Generator
    ) -> tuple[tuple[ViewPlan, ...], list[int]]:
        """Which pixels the views show, and how they are turned."""
        plans = _plan_pair(self, video, video.frame_count, generator)[: self.views]
        turns = draw_turns(len(plans), generator=generator) if self.turned else [0] * len(plans)
        return plans, turns


@dataclass(frozen=True)
class SceneVersions:
    """Aligned versions of one scene, the undistorted one first."""

    scene: str
    paths: tuple[Path, ...]
    frame_count: int
    """Frames that every version has."""
    kinds: tuple[tuple[str, int], ...] = ()
    """Kind and level of each version, see :func:`sslvqa.data.levels.known_order`; empty if not known."""

    @classmethod
    def of(cls, group: GroupInfo) -> SceneVersions:
        """The versions that ``sslvqa distort`` made."""
        kinds = tuple((version.family, version.level) for version in group.versions)
        return cls(group.scene, group.paths, group.frames, kinds)


class GroupDataset(Dataset[Item]):
    """Content-aligned pairs of views of the versions of a scene: all versions share frames and offsets.

    Args:
        groups: The scenes.
        geometry: Shape of a view.
        versions: K, how many versions an item has: the first one and K - 1 distinct others.
        views: 2 for the pair of views, 1 for the first alone.
        preset: How the two views differ.
        seed: Of the run.
        cache: Keeps decoded frames; the views do not depend on it.
        held: The videos whose frames a device holds: items then have places for views.

    Raises:
        ConfigError: If a scene has fewer than ``versions`` versions.
    """

    def __init__(
        self,
        groups: Sequence[SceneVersions],
        geometry: ViewGeometry,
        *,
        versions: int = 10,
        views: Literal[1, 2] = 2,
        preset: PairPreset = "paper",
        seed: int = 0,
        cache: FrameCache | None = None,
        held: Mapping[Path, HeldVideo] | None = None,
    ) -> None:
        short = [group.scene for group in groups if len(group.paths) < versions]
        if versions < 2 or short:
            raise ConfigError(
                f"versions is {versions}; expected from 2 to the number of versions of every scene"
                + (f" (too few in {', '.join(short[:5])})" if short else "")
            )
        self.groups = tuple(groups)
        self.geometry = geometry
        self.versions = versions
        self.views = views
        self.preset = preset
        self.seed = seed
        self.cache = cache
        self.held = held

    def __len__(self) -> int:
        """Count the scenes."""
        return len(self.groups)

    def __getitem__(self, key: ItemKey) -> Item:
        """Read the views of scene ``key.position`` as drawn for ``key.epoch``."""
        group = self.groups[key.position]
        generator = torch.Generator().manual_seed(derive_seed(self.seed, *key))
        others = torch.randperm(len(group.paths) - 1, generator=generator)[: self.versions - 1] + 1
        plans: tuple[ViewPlan, ...] = ()
        views = []
        chosen = (0, *others.sort().values.tolist())
        for path in (group.paths[version] for version in chosen):
            if self.held is not None:
                video = self.held[path]
                plans = plans or _plan_pair(self, video, group.frame_count, generator)[: self.views]
                views.append(view_places(video, plans, [0] * len(plans)))
                continue
            with open_frames(path, self.cache) as opened:
                info = opened.info
                plans = plans or _plan_pair(self, info, group.frame_count, generator)[: self.views]
                views.append(read_views(opened, plans))
        levels = (
            known_order([group.kinds[version] for version in chosen])
            if group.kinds
            else torch.full((self.versions, self.versions), math.nan)
        )
        return Item(torch.stack(views), levels, key.position)


class JointDataset(Dataset[tuple[str, Item]]):
    """Several named datasets behind one loader; an item comes with the name of its part."""

    def __init__(self, parts: Mapping[str, VideoDataset | GroupDataset]) -> None:
        self.parts = dict(parts)

    def __len__(self) -> int:
        """Count the items of all parts."""
        return sum(len(part) for part in self.parts.values())

    def __getitem__(self, key: ItemKey) -> tuple[str, Item]:
        """Read one item of one part."""
        return key.part, self.parts[key.part][key]


def _plan_pair(
    dataset: VideoDataset | GroupDataset,
    video: VideoInfo | HeldVideo,
    frame_count: int,
    generator: torch.Generator,
) -> tuple[ViewPlan, ViewPlan]:
    return plan_view_pair(
        video.height_px,
        video.width_px,
        frame_count,
        geometry=dataset.geometry,
        preset=dataset.preset,
        generator=generator,
    )


def read_centre_views(row: ManifestRow, geometry: ViewGeometry, *, clips: int, seed: int) -> Tensor:
    """Views for prediction, uint8 ``(clips, 3, T, S, S)``: centred clips, offsets fixed by ``seed``."""
    generator = torch.Generator().manual_seed(seed)
    with open_video(row.path, geometry=row.geometry, threads=1) as video:
        info = video.info
        plans = plan_views(
            info.height_px,
            info.width_px,
            info.frame_count,
            geometry=geometry,
            clips=clips,
            generator=generator,
        )
        return read_views(video, plans)


def probe_videos(rows: Sequence[ManifestRow]) -> list[tuple[ManifestRow, str]]:
    """Decode the first and the last frame of every video.

    Returns:
        The rows that cannot be used, each with the reason.
    """
    problems = []
    for row in rows:
        try:
            with open_video(row.path, geometry=row.geometry, threads=1) as video:
                wanted = sorted({0, video.info.frame_count - 1})
                got = [planes.source_index for planes in video.frames(wanted)]
            if got != wanted:
                raise VideoError(f"{row.path}: the first or the last frame does not decode; repair the file")
        except SslvqaError as error:
            problems.append((row, str(error)))
    return problems


def usable_rows(manifest: Manifest, *, skip_bad: bool) -> tuple[Manifest, tuple[str, ...]]:
    """Drop the videos that cannot be read.

    Args:
        manifest: Videos to probe.
        skip_bad: Return the reasons instead of raising.

    Returns:
        The usable rows, and one message for each dropped one.

    Raises:
        DataError: With every bad video when ``skip_bad`` is False, or when no video is usable.
    """
    problems = probe_videos(manifest.rows)
    messages = tuple(message for _, message in problems)
    bad = {row.path for row, _ in problems}
    listing = "\n".join(f"  {message}" for message in messages)
    if len(bad) == len(manifest):
        raise DataError(f"{manifest.source}: none of {len(bad)} videos can be read:\n{listing}")
    if bad and not skip_bad:
        raise DataError(
            f"{manifest.source}: {len(bad)} of {len(manifest)} videos cannot be read; "
            f"repair or remove them, or pass --skip-bad:\n{listing}"
        )
    return manifest.select(row for row in manifest.rows if row.path not in bad), messages
