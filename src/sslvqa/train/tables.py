"""Which videos of a semi-supervised run are labelled, held out, unlabelled and pristine."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.data.datasets import derive_seed, usable_rows
from sslvqa.data.manifest import Manifest, read_manifest, scan_videos
from sslvqa.data.splits import hold_out
from sslvqa.errors import DataError
from sslvqa.train.groups import find_groups, hash_groups
from sslvqa.train.train_config import WITH_DISTANCE, WITHOUT_UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sslvqa.data.datasets import SceneVersions
    from sslvqa.data.manifest import ManifestRow
    from sslvqa.train.train_config import LabelsConfig, TrainConfig

__all__ = ["CALIBRATION", "Tables", "divide_videos", "limit_rows", "read_tables", "read_videos"]

CALIBRATION = "calibration"
"""Rows with this split are held out for the interval; of the others, ``train`` and unmarked ones are used."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tables:
    """The videos of a run."""

    labelled: Manifest
    calibration: Manifest
    """Held out: disjoint in content from the labelled ones; may be empty."""
    unlabelled: Manifest | None
    pristine: Manifest | None
    """None for methods without Q_D."""
    groups: tuple[SceneVersions, ...] = ()
    """Versions whose order is learned, if any."""

    @property
    def hashes(self) -> tuple[str, ...]:
        """Hashes of the tables."""
        tables = (self.labelled, self.calibration, self.unlabelled, self.pristine)
        hashes = tuple("" if table is None else table.sha256 for table in tables)
        return (*hashes, hash_groups(self.groups)) if self.groups else hashes


def read_tables(config: TrainConfig, *, probe: bool = True) -> Tables:
    """Read, divide and probe all videos of a run.

    Unreadable unlabelled and pristine videos are left out with a warning that lists them; labelled ones are
    an error unless ``skip_bad``.

    Args:
        config: The settings.
        probe: Decode the first and the last frame of every video. That takes minutes for thousands of files,
            and is not needed for files that were just made.

    Raises:
        ManifestError: A table is malformed.
        DataError: Too few videos, labels that do not vary, or unreadable labelled videos.
    """
    options = config.labels_table
    table = read_manifest(
        config.labels,
        root=options.root,
        path_column=options.path_column,
        score_column=options.score_column,
    )
    train, calibration = _divide_labelled(_usable(table.labelled), options, seed=config.runtime.seed)
    train = _readable(train, skip_bad=options.skip_bad, probe=probe)
    calibration = _readable(calibration, skip_bad=options.skip_bad, probe=probe)
    if len(set(train.scores)) < 2:
        raise DataError(
            f"{config.labels}: {len(train)} labelled videos with {len(set(train.scores))} distinct "
            "scores; a correlation needs two different ones, and useful training some dozens. Rows are used "
            f"whose split is train or empty; {CALIBRATION} is held out"
        )
    unlabelled = None
    if config.method not in WITHOUT_UNLABELLED and config.unlabelled is not None:
        found = read_videos(config.unlabelled)
        fresh = _unseen(found, train, hidden=[*calibration.rows, *_kept_out(table), *_kept_out(found)])
        limited = limit_rows(fresh, options.unlabelled_limit, config.runtime.seed)
        if not limited.rows:
            raise DataError(
                f"{config.unlabelled}: all {len(found)} videos are among the labelled ones or kept out of "
                "training; give others"
            )
        unlabelled = _readable(limited, skip_bad=True, probe=probe)
    pristine = None
    if config.method in WITH_DISTANCE and config.pristine is not None:
        pristine = _readable(read_videos(config.pristine), skip_bad=True, probe=probe)
    groups: tuple[SceneVersions, ...] = ()
    if config.groups is not None:
        groups = find_groups(Path(config.groups))
    return Tables(train, calibration, unlabelled, pristine, groups)


def _divide_labelled(usable: Manifest, options: LabelsConfig, *, seed: int) -> tuple[Manifest, Manifest]:
    """(training, calibration): what is marked is held out beside the limit, what is drawn comes out of it."""
    if any(row.split == CALIBRATION for row in usable.rows):
        train, calibration = _divide(usable, fraction=0, seed=seed)
        return limit_rows(train, options.limit, seed), calibration
    limited = limit_rows(usable, options.limit, seed)
    few = len(limited) < options.calibration_minimum or len(limited.contents) < 10
    return _divide(limited, fraction=0 if few else options.calibration_fraction, seed=seed)


def _unseen(found: Manifest, train: Manifest, *, hidden: Sequence[ManifestRow]) -> Manifest:
    """Videos to learn from without labels: no labelled one, and none of a content that is kept out."""
    known = {row.path.resolve() for row in (*train.rows, *hidden)}
    contents = {row.content for row in hidden}
    return found.select(
        row for row in found.rows if row.path.resolve() not in known and row.content not in contents
    )


def divide_videos(source: str, *, limit: int | None, fraction: float, seed: int) -> tuple[Manifest, Manifest]:
    """(learned from, held out): readable videos of a folder or table, no content in both.

    Args:
        source: See :func:`read_videos`. Rows of the split ``calibration`` are the ones held out, if there are
            any; rows of other splits than ``train`` are left out.
        limit: Use this many videos, drawn by the seed; None for all.
        fraction: Share of the contents to hold out where no row is marked.
        seed: Of the run.

    Raises:
        ManifestError: The table is malformed.
        DataError: Fewer than two contents, or no readable video on one side.
    """
    found = limit_rows(_usable(read_videos(source)), limit, seed)
    learned, held = _divide(found, fraction=fraction, seed=seed)
    if not learned.rows or not held.rows:
        raise DataError(
            f"{source}: {len(learned)} videos to learn from, {len(held)} held out; both need some"
        )
    return _readable(learned, skip_bad=True), _readable(held, skip_bad=True)


def read_held_out_labels(source: str, learned: Manifest) -> Manifest:
    """Readable labelled videos of a table that were kept for calibration: those marked so, or all.

    Raises:
        ManifestError: The table is malformed.
        DataError: No labelled video is readable, or one of a learned content is among them.
    """
    usable = _usable(read_manifest(source).labelled)
    kept = _divide(usable, fraction=0, seed=0)[1]
    labelled = kept if kept.rows else usable
    if not labelled.rows:
        raise DataError(f"{source}: no video has a score; give one with labels, or none")
    known = {row.path.resolve() for row in learned.rows} | set(learned.contents)
    both = [row for row in labelled.rows if row.path.resolve() in known or row.content in known]
    if both:
        raise DataError(
            f"{source}: {len(both)} videos are of contents that were learned from, e.g. {both[0].path}; "
            "leave them out"
        )
    return _readable(labelled, skip_bad=True)


def read_videos(source: str) -> Manifest:
    """Videos of a folder (with its subfolders) or of a table, whose scores are ignored."""
    return scan_videos(source) if Path(source).is_dir() else read_manifest(source)


def _usable(table: Manifest) -> Manifest:
    """The rows that a run may look at."""
    return table.select(row for row in table.rows if row.split in {None, "train", CALIBRATION})


def _kept_out(table: Manifest) -> list[ManifestRow]:
    """The rows that no training may look at."""
    return [row for row in table.rows if row.split not in {None, "train"}]


def _divide(usable: Manifest, *, fraction: float, seed: int) -> tuple[Manifest, Manifest]:
    """(training, calibration): as the table says, else by content at random; none for a fraction of 0."""
    marked = {row.content for row in usable.rows if row.split == CALIBRATION}
    if marked:
        leaks = {row.content for row in usable.rows if row.split != CALIBRATION} & marked
        if leaks:
            raise DataError(
                f"{usable.source}: content {sorted(leaks)[0]!r} has rows in calibration and in training "
                f"({len(leaks)} such contents); give each content one split"
            )
        return (
            usable.select(row for row in usable.rows if row.content not in marked),
            usable.select(row for row in usable.rows if row.content in marked),
        )
    if fraction == 0:
        return usable, usable.select(())
    return hold_out(usable, fraction=fraction, seed=derive_seed(seed, CALIBRATION))


def limit_rows(manifest: Manifest, limit: int | None, seed: int) -> Manifest:
    """``limit`` rows drawn by the seed, in table order; a smaller limit gives a subset of a larger one."""
    if limit is None or len(manifest) <= limit:
        return manifest
    order = np.random.default_rng(derive_seed(seed, "limit")).permutation(len(manifest))
    return manifest.select(manifest.rows[index] for index in sorted(order[:limit].tolist()))


def _readable(manifest: Manifest, *, skip_bad: bool, probe: bool = True) -> Manifest:
    if not manifest.rows or not probe:
        return manifest
    usable, problems = usable_rows(manifest, skip_bad=skip_bad)
    if problems:
        listing = "\n  ".join(problems)
        _logger.warning("left out %d of %d videos:\n  %s", len(problems), len(manifest), listing)
    return usable
