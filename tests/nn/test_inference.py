"""The inference form gives the eager numbers, sees changed weights, and keeps no large tensor."""

import pytest
import torch

from sslvqa.bench import eager_model
from sslvqa.hub import Architecture, build_model
from sslvqa.nn import SwinConfig
from sslvqa.nn import inference as module
from sslvqa.nn.inference import PackedLinear, bf16_supported, inference_model
from sslvqa.nn.swin3d.window import plan_windows, window_order


def build(**options):
    options = {"embed_dim": 16, "depths": (2, 2), "heads": (1, 2), "window": (2, 3, 3), **options}
    architecture = Architecture("test", backbone=SwinConfig(fragments=3, gated_stages=(0,), **options))
    torch.manual_seed(1)
    model = build_model(architecture).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.distance.corpus_tokens.fill_(100)
    return model


@pytest.fixture(params=["distance", "binary", "none"])
def model(request):
    return build(gate=request.param)


def test_a_model_of_moments_and_bands_scores_as_the_eager_one():
    options = {"embed_dim": 16, "depths": (2, 2), "heads": (1, 2), "window": (2, 3, 3), "bands": 5}
    backbone = SwinConfig(fragments=3, gated_stages=(0,), **options)
    architecture = Architecture("test", backbone=backbone).with_moments()
    torch.manual_seed(1)
    model = build_model(architecture).eval()
    model.distance.corpus_tokens.fill_(100)
    views = torch.randn(2, 3, 8, 40, 28)
    with torch.inference_mode():
        expected, found = eager_model(model)(views), inference_model(model)(views)
    assert architecture.backbone.skip
    assert architecture.head_moments
    torch.testing.assert_close(found.q_r, expected.q_r, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.q_d, expected.q_d, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", [(8, 40, 28), (8, 24, 24), (2, 12, 12)], ids=["padded", "whole", "small"])
@pytest.mark.parametrize("floats", [1, 10_000_000], ids=["window-by-window", "all-windows"])
def test_scores_equal_the_eager_ones(model, shape, floats, monkeypatch):
    monkeypatch.setattr(module, "_BIAS_FLOATS", floats)
    monkeypatch.setattr(module, "_ROWS", 50)
    views = torch.randn(2, 3, *shape)
    with torch.inference_mode():
        expected, found = eager_model(model)(views), inference_model(model)(views)
    torch.testing.assert_close(found.q_r, expected.q_r, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.q_d, expected.q_d, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("floats", [1, 10_000_000], ids=["window-by-window", "all-windows"])
def test_windows_that_follow_each_other_in_time_only_share_one_gate(model, floats, monkeypatch):
    monkeypatch.setattr(module, "_BIAS_FLOATS", floats)
    views = torch.randn(1, 3, 12, 12, 12)  # one window in space
    backbone = model.regressor.backbone
    plan, _ = backbone.layers[0].config.stage_plans(0, (6, 3, 3))
    assert (plan.counts, plan.distinct) == ((3, 1, 1), 1)
    with torch.inference_mode():
        found = module._Backbone(backbone, torch.float32)(views)
        torch.testing.assert_close(found, backbone(views), atol=1e-5, rtol=1e-5)


def test_the_band_embedding_and_an_ungated_last_stage_run_too():
    model = build(bands=8, gate="none")
    views = torch.randn(1, 3, 8, 24, 24)
    with torch.inference_mode():
        torch.testing.assert_close(inference_model(model)(views), eager_model(model)(views))


def test_without_onednn_the_numbers_stay(model, monkeypatch):
    views = torch.randn(1, 3, 4, 24, 24)
    with torch.inference_mode():
        expected = inference_model(model)(views)
        monkeypatch.setattr(module, "_onednn_present", lambda: False)
        torch.testing.assert_close(inference_model(model)(views), expected)


def test_changed_weights_are_seen_and_the_model_itself_stays_as_it_was(model):
    views, fast = torch.randn(1, 3, 4, 24, 24), inference_model(model)
    names = set(model.state_dict())
    with torch.inference_mode():
        before = fast(views)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)
    with torch.inference_mode():
        after, expected = fast(views), model(views)
    assert not torch.equal(before.q_r, after.q_r)
    torch.testing.assert_close(after, expected, atol=1e-5, rtol=1e-5)
    assert set(model.state_dict()) == names
    model.load_state_dict(build(gate=model.regressor.backbone.config.gate).state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(fast(views), before)


def test_weights_are_packed_once():
    linear = torch.nn.Linear(8, 4)
    layer = PackedLinear(linear, torch.float32, "gelu")
    rows = torch.randn(5, 8)
    with torch.inference_mode():
        first = layer(rows)
        kept = layer._weight
        assert layer(rows) is not first
    assert layer._weight is kept
    torch.testing.assert_close(first, torch.nn.functional.gelu(linear(rows)).detach())


@pytest.mark.skipif(not bf16_supported(), reason="this processor has no bfloat16 products")
def test_bfloat16_scores_are_near(model):
    views = torch.randn(2, 3, 8, 24, 24)
    with torch.inference_mode():
        exact, near = inference_model(model)(views), inference_model(model, dtype=torch.bfloat16)(views)
    assert near.q_r.dtype == near.q_d.dtype == torch.float32
    assert (near.q_r - exact.q_r).abs().max() < 0.01
    assert (near.q_d - exact.q_d).abs().max() < 0.03


@pytest.mark.parametrize("shifted", [False, True])
def test_window_order_holds_every_place_once(shifted):
    plan = plan_windows((3, 5, 4), window=(2, 3, 2), shifted=shifted, fragments=2, gate="none")
    order = window_order(plan)
    t, h, w = plan.padded
    assert order.shape == (t * h * w // plan.tokens, plan.tokens)
    assert sorted(order.ravel()) == list(range(t * h * w))
