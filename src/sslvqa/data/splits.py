"""Splits that never show one content on two sides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sslvqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sslvqa.data.manifest import Manifest

__all__ = ["ContentSplit", "hold_out", "split_by_content"]


@dataclass(frozen=True)
class ContentSplit:
    """Named parts of a manifest with disjoint contents."""

    parts: Mapping[str, Manifest]
    seed: int

    @property
    def sha256(self) -> str:
        """Hash of the names in each part, whatever their order: two equal hashes are the same split."""
        digest = hashlib.sha256()
        for part in sorted(self.parts):
            names = sorted(row.name for row in self.parts[part].rows)
            digest.update("\x1f".join((part, *names)).encode() + b"\n")
        return digest.hexdigest()


def split_by_content(manifest: Manifest, *, fractions: Mapping[str, float], seed: int) -> ContentSplit:
    """Divide the contents of a manifest at random.

    Args:
        manifest: What to divide.
        fractions: Share of the contents for each part; they sum to 1. A non-zero share gets at least one.
        seed: Same manifest and seed, same split.

    Raises:
        DataError: If the shares are not shares, or there are fewer contents than parts.
    """
    if any(share < 0 for share in fractions.values()) or abs(sum(fractions.values()) - 1) > 1e-6:
        raise DataError(f"fractions are {dict(fractions)}; expected shares in [0, 1] that sum to 1")
    contents = sorted(manifest.contents)
    wanted = [name for name, share in fractions.items() if share > 0]
    if len(contents) < len(wanted):
        raise DataError(
            f"{manifest.source} has {len(contents)} contents for {len(wanted)} parts; "
            "give more contents, or a content column that tells them apart"
        )
    counts = _shares(len(contents), [fractions[name] for name in wanted])
    order = np.random.default_rng(seed).permutation(len(contents))
    borders = np.cumsum([0, *counts])
    part_of = {
        contents[index]: name
        for name, start, stop in zip(wanted, borders[:-1], borders[1:], strict=True)
        for index in order[start:stop]
    }
    parts = {
        name: manifest.select(row for row in manifest.rows if part_of[row.content] == name)
        for name in fractions
    }
    return ContentSplit(parts=parts, seed=seed)


def hold_out(manifest: Manifest, *, fraction: float, seed: int) -> tuple[Manifest, Manifest]:
    """Return (kept, held out), with about ``fraction`` of the contents held out."""
    parts = split_by_content(manifest, fractions={"kept": 1 - fraction, "held": fraction}, seed=seed).parts
    return parts["kept"], parts["held"]


def _shares(total: int, fractions: list[float]) -> list[int]:
    """Whole numbers near ``total * fraction``, each at least 1, that sum to ``total``."""
    counts = [max(1, int(total * share)) for share in fractions]
    while sum(counts) != total:
        step = 1 if sum(counts) < total else -1
        lack = [total * share - count for share, count in zip(fractions, counts, strict=True)]
        allowed = [index for index, count in enumerate(counts) if count + step >= 1]
        counts[max(allowed, key=lambda index: step * lack[index])] += step
    return counts
