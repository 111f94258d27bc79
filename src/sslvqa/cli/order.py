"""``sslvqa order``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sslvqa.cli.options import Clips, Device, Draws, Seed, TableOrJson
from sslvqa.cli.output import as_table, note, print_json, print_table, track

if TYPE_CHECKING:
    from sslvqa.evaluate import LevelOrder
    from sslvqa.scoring import Scorer

__all__ = ["order"]


def order(
    model: Annotated[str, typer.Argument(help="Shipped name, default, or model directory.")],
    groups: Annotated[Path, typer.Argument(help="Folder of groups made by sslvqa distort.")],
    *,
    clips: Clips = None,
    draws: Draws = None,
    seed: Seed = None,
    device: Device = "auto",
    format_: TableOrJson = None,
) -> None:
    """Test without labels whether scores fall as distortions of your videos rise, kind by kind.

    Pairs are levels of one distortion of one scene, the undistorted video among them; a tie counts one half.
    Exit code 0: all scored; 1: some failed and are left out; 2: wrong use.
    """
    from sslvqa.evaluate import level_order
    from sslvqa.scoring import Scorer, score_rated
    from sslvqa.train.groups import find_groups

    versions = [
        (str(path), group.scene, float(max(level, 1) if place else 0), kind)
        for group in find_groups(groups)
        for place, (path, (kind, level)) in enumerate(zip(group.paths, group.kinds, strict=True))
    ]  # the first is undistorted; mixtures have level 0 too
    scorer = Scorer(model, clips=clips, draws=draws, seed=seed, device=device)
    rated = list(track(score_rated(versions, scorer=scorer), total=len(versions)))
    scored = [(item, item.result.score) for item in rated if item.result is not None]
    found = level_order(
        [score for _, score in scored],
        scenes=[item.content for item, _ in scored],
        kinds=[item.group for item, _ in scored],
        levels=[round(item.label) for item, _ in scored],
    )
    failed = [item for item in rated if item.error is not None]
    if as_table(format_):
        _print_table(scorer, found)
    else:
        print_json(
            {
                "schema": 1,
                "model": scorer.card.name,
                "weights_sha256": scorer.card.weights_sha256,
                "scale": scorer.scale,
                "groups": str(groups),
                "kinds": {
                    name: {
                        "scenes": part.scenes,
                        "pairs": part.order.pairs,
                        "in_order": part.order.accuracy if part.order.pairs else None,
                        "means": {str(level): mean for level, mean in part.means.items()},
                    }
                    for name, part in found.items()
                },
                "failed": [{"path": item.path, "error": item.error} for item in failed],
            }
        )
    for item in failed:
        note(f"{item.path}: {item.error}")
    if failed:
        raise typer.Exit(1)


def _print_table(scorer: Scorer, found: dict[str, LevelOrder]) -> None:
    most = max((max(part.means) for part in found.values()), default=0)
    columns = ("kind", "scenes", "pairs in order", *(f"level {level}" for level in range(most + 1)))
    rows = [
        [name, str(part.scenes), f"{part.order.accuracy:.3f} of {part.order.pairs}"]
        + [f"{part.means[level]:.1f}" if level in part.means else "" for level in range(most + 1)]
        for name, part in found.items()
    ]
    print_table(columns, rows)
    note(f"model {scorer.card.name}, mean score by level, 0 is undistorted: {scorer.scale}")
