"""Which GPU a process of torchrun takes; what they compute together is in test_runs.py."""

from __future__ import annotations

import pytest
import torch

from sslvqa.errors import ConfigError
from sslvqa.train.distributed import local_device


@pytest.fixture
def second_of_two(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_each_process_has_a_gpu_of_its_own(second_of_two):
    assert local_device(torch.device("cuda")) == torch.device("cuda", 1)
    assert local_device(torch.device("cpu")) == torch.device("cpu")


def test_one_gpu_for_all_or_too_few_are_refused(second_of_two, monkeypatch):
    with pytest.raises(ConfigError, match="one GPU for all processes"):
        local_device(torch.device("cuda:0"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match=r"more processes here than there are GPUs \(1\)"):
        local_device(torch.device("cuda"))


def test_a_process_alone_takes_the_device_that_is_asked(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert local_device(torch.device("cuda:3")) == torch.device("cuda:3")
