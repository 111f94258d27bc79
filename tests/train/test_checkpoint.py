from __future__ import annotations

import pytest
import torch
from torch import nn

from sslvqa.errors import ConfigError
from sslvqa.train.checkpoint import Progress, find_checkpoint, load_checkpoint, save_checkpoint


def stepped(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def test_weights_and_optimizer_come_back_exactly(tmp_path):
    model, optimizer = stepped(0)
    save_checkpoint(tmp_path, model, optimizer, Progress(4, "x"))
    other, other_optimizer = stepped(1)
    assert load_checkpoint(find_checkpoint(tmp_path), other, other_optimizer, fingerprint="x").step == 4
    for run, opt in ((model, optimizer), (other, other_optimizer)):
        opt.zero_grad()
        run(torch.ones(1, 3)).sum().backward()
        opt.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_the_kind_of_update_is_that_of_the_device_that_goes_on(tmp_path):
    save_checkpoint(tmp_path, *stepped(0), Progress(4, "x"))
    model, _ = stepped(1)
    fused = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
    load_checkpoint(find_checkpoint(tmp_path), model, fused, fingerprint="x")
    assert [group["fused"] for group in fused.param_groups] == [True]
    model(torch.ones(1, 3)).sum().backward()
    fused.step()


def test_only_the_newest_complete_checkpoint_counts(tmp_path):
    model, optimizer = stepped(0)
    assert find_checkpoint(tmp_path) is None
    for step in (9, 10):
        save_checkpoint(tmp_path, model, optimizer, Progress(step, "x"))
    (tmp_path / ".checkpoint-00000011.part").mkdir()
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-00000010"]
    assert find_checkpoint(tmp_path).name == "checkpoint-00000010"


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    model, optimizer = stepped(0)
    path = save_checkpoint(tmp_path, model, optimizer, Progress(1, "x"))
    with pytest.raises(ConfigError, match="other settings or data"):
        load_checkpoint(path, model, optimizer, fingerprint="y")
