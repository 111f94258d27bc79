from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sslvqa.hub.names import build_model
from sslvqa.train import OptimConfig
from sslvqa.train.optim import build_optimizer, lr_factor, set_lr


@settings(max_examples=25, deadline=None)
@given(total=st.integers(1, 300), share=st.floats(0, 0.5), ratio=st.floats(0, 1))
def test_the_rate_rises_then_falls_and_stays_in_bounds(total, share, ratio):
    warmup = int(total * share)
    factors = [lr_factor(step, total=total, warmup=warmup, final_ratio=ratio) for step in range(total)]
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[:warmup] == sorted(factors[:warmup])
    assert factors[warmup:] == sorted(factors[warmup:], reverse=True)
    assert factors[warmup] == 1
    assert lr_factor(total, total=total, warmup=warmup, final_ratio=ratio) == pytest.approx(ratio)


def test_biases_norms_and_position_tables_are_not_decayed(tiny):
    model = build_model(tiny)
    parts = {"backbone": model.regressor.backbone, "head": model.regressor.head}
    optimizer = build_optimizer(parts, OptimConfig(lr=1e-4, head_lr=1e-2, weight_decay=0.05))
    names = {id(p): name for name, p in model.named_parameters()}
    found = {
        names[id(p)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for p in group["params"]
    }
    assert len(found) == sum(1 for part in parts.values() for _ in part.parameters())
    for name, (lr, decay) in found.items():
        plain = "bias" in name or "norm" in name
        assert decay == (0.0 if plain else 0.05), name
        assert lr == (1e-2 if "head" in name else 1e-4), name


def test_the_update_is_one_kernel_where_all_weights_are_on_a_gpu(monkeypatch):
    parts = {"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 2)}
    assert build_optimizer(parts, OptimConfig()).defaults["fused"] is None
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    monkeypatch.setattr(torch.optim, "AdamW", lambda groups, *, fused: fused)
    assert build_optimizer(parts, OptimConfig()) is True


def test_a_factor_scales_every_peak_rate():
    parts = {"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 2)}
    optimizer = build_optimizer(parts, OptimConfig(lr=1.0, head_lr=4.0))
    set_lr(optimizer, 0.5)
    set_lr(optimizer, 0.25)
    assert {group["lr"] for group in optimizer.param_groups} == {0.25, 1.0}
    assert torch.optim.AdamW is type(optimizer)
