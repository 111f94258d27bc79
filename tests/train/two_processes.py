"""Run by test_runs.py in each of two processes: gradients of a shared-out batch against the joined one."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import torch

from sslvqa.data.levels import known_order
from sslvqa.hub.names import Architecture, build_model, build_single
from sslvqa.methods import Batch, Distil, FixMatch, MeanTeacher, MetaPseudoLabels, SslVqa, StVqrl, Supervised
from sslvqa.nn.heads import Projection
from sslvqa.nn.quality import QualityScores
from sslvqa.nn.swin3d.model import SwinBackbone, SwinConfig
from sslvqa.train.distributed import gather_rows, join_world, share_weights, sum_gradients

TINY = SwinConfig(
    embed_dim=8,
    depths=(1, 1),
    heads=(2, 2),
    window=(2, 4, 4),
    gate="none",
    gated_stages=(),
    fragments=2,
    drop_path=0.0,
)


def views(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, (*shape, 3, 4, 32, 32), dtype=torch.uint8)


def ssl_vqa(**options) -> SslVqa:
    torch.manual_seed(0)
    model = build_model(Architecture("tiny", backbone=TINY, head_channels=8))
    model.regressor.head.dropout = 0.0
    return SslVqa(model, **options)


def stvqrl(**options) -> StVqrl:
    torch.manual_seed(0)
    backbone = SwinBackbone(TINY)
    return StVqrl(backbone, Projection(backbone.channels, out_channels=6), cross_scene=True, **options)


def distil(**options) -> Distil:
    torch.manual_seed(0)
    model = build_single(
        Architecture("tiny", backbone=TINY, kind="student", head_channels=8, head_dropout=0.0)
    )

    def teacher(clips: torch.Tensor) -> QualityScores:
        flat = clips.float().flatten(1)
        return QualityScores(flat.std(dim=1), flat.mean(dim=1))

    return Distil(model, teacher, **options)


def one_regressor(kind: type[Supervised]):
    return lambda **options: kind(ssl_vqa().model.regressor, **options)


def agree(build, batch: Batch, world) -> bool:
    joined, shared = build(), build(gather=gather_rows)
    joined.step(batch).total.backward()

    def part(tensor):
        return None if tensor is None else tensor.chunk(world.size)[world.rank]

    mine = {
        name: part(getattr(batch, name)) for name in ("groups", "levels", "labelled", "scores", "unlabelled")
    }
    shared.step(replace(batch, **mine)).total.backward()
    sum_gradients(shared.parameters())
    return all(
        torch.allclose(
            a.grad, b.grad, rtol=1e-2, atol=1e-5
        )  # sums of several float32 products in another order
        for a, b in zip(joined.parameters(), shared.parameters(), strict=True)
        if a.grad is not None
    )


if __name__ == "__main__":
    torch.manual_seed(1)
    quality = Batch(
        labelled=views(4, 2),
        scores=torch.rand(4),
        unlabelled=views(8, 2),
        corpus=views(2),
        refresh_corpus=True,
        progress=0.5,
    )
    groups = Batch(groups=views(2, 3, 2))
    levels = known_order([("reference", 0), ("blur", 1), ("blur", 2)]).expand(2, -1, -1)
    ranked = replace(quality, groups=views(2, 3, 1), levels=levels)
    with join_world(torch.device("cpu")) as joined_world:
        result = {
            "ssl_vqa": agree(ssl_vqa, quality, joined_world),
            "ranked": agree(ssl_vqa, ranked, joined_world),
            "ranked_regressor": agree(one_regressor(Supervised), ranked, joined_world),
            "stvqrl": agree(stvqrl, groups, joined_world),
            "distil": agree(distil, quality, joined_world),
        }
        torch.manual_seed(joined_world.rank)
        layer = torch.nn.Linear(3, 2)
        share_weights(layer, joined_world)
        torch.manual_seed(0)
        result["shared"] = torch.equal(layer.weight, torch.nn.Linear(3, 2).weight)
        for kind in (Supervised, MeanTeacher, FixMatch, MetaPseudoLabels):  # MixMatch mixes within a process
            result[kind.__name__] = agree(one_regressor(kind), quality, joined_world)
    sys.stdout.write(json.dumps(result))
