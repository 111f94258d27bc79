"""The form of the networks for a GPU, on the CPU: the same numbers, each bias made once."""

import itertools

import pytest
import torch

from sslvqa.nn import DistanceModel, DualQualityModel, QualityHead, RegressorModel, SwinBackbone, SwinConfig
from sslvqa.nn.prepared import prepared_model, refresh_biases
from sslvqa.nn.swin3d.attention import WindowAttention


@pytest.fixture(params=["distance", "none"])
def model(request):
    torch.manual_seed(0)
    config = SwinConfig(
        embed_dim=8,
        depths=(2, 1),
        heads=(1, 2),
        window=(2, 2, 2),
        fragments=2,
        gate=request.param,
        gated_stages=(0,),
    )
    regressor = RegressorModel(SwinBackbone(config), QualityHead(16, hidden=4))
    return DualQualityModel(regressor, DistanceModel(SwinBackbone(config), shrinkage=0.5)).eval()


@pytest.fixture
def encode(model):
    twin = prepared_model(model)
    views = torch.randn(2, 3, 4, 32, 32)

    def run():
        with torch.inference_mode():
            refresh_biases(twin)
            return twin.encode(views), model.encode(views)

    return run


def test_the_numbers_are_those_of_the_model_and_biases_are_made_once(encode, monkeypatch):
    real, calls, counts = WindowAttention.look_up, [], []
    monkeypatch.setattr(WindowAttention, "look_up", lambda *args: (calls.append(1), real(*args))[1])
    for _ in range(3):
        torch.testing.assert_close(*encode(), rtol=0, atol=0)
        counts.append(len(calls))
    first, *others = [after - before for before, after in itertools.pairwise([0, *counts])]
    assert others == [first // 2] * 2, "both look their tables up at first, then only the model itself"


def test_later_changes_of_the_weights_are_seen(encode, model):
    before, _ = encode()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias_table"):
                parameter.normal_()
    after, expected = encode()
    assert not torch.equal(before[0], after[0])
    torch.testing.assert_close(after, expected, rtol=0, atol=0)


def test_the_model_stays_as_it_was(model):
    names = set(model.state_dict())
    twin = prepared_model(model, dtype=torch.bfloat16)
    assert set(model.state_dict()) == set(twin.state_dict()) == names
    assert {type(m) for m in model.modules() if isinstance(m, WindowAttention)} == {WindowAttention}
    shared = zip(model.parameters(), twin.parameters(), strict=True)
    assert all(a is b for a, b in shared)
    model.train()
    assert not twin.training
