"""The form of the networks that is exported: the same numbers from patch tokens and the windows' geometry."""

import pytest
import torch
import torch.nn.functional as F

from sslvqa.nn import (
    DistanceModel,
    DualQualityModel,
    QualityHead,
    RegressorModel,
    SwinBackbone,
    SwinConfig,
    exported,
)
from sslvqa.nn.exported import ExportedEncoder, WindowInputs, backbones

VIEW = (8, 40, 32)


@pytest.fixture(params=["distance", "binary", "none"])
def model(request):
    generator = torch.Generator().manual_seed(0)
    config = SwinConfig(
        embed_dim=8, depths=(2, 2), heads=(1, 2), window=(2, 3, 3), fragments=4, gate=request.param,
        gated_stages=(0,), bands=5, skip=True,
    )  # fmt: skip
    head = QualityHead(config.channels, hidden=4, moments=True)
    regressor = RegressorModel(SwinBackbone(config, generator=generator), head)
    distance = DistanceModel(SwinBackbone(config.without_skip, generator=generator))
    model = DualQualityModel(regressor, distance)
    for name, parameter in model.named_parameters():
        if name.endswith("bias_table"):  # so that a wrong gate or mask would be seen
            torch.nn.init.normal_(parameter.data, std=2.0, generator=generator)
    return model.eval()


@pytest.mark.parametrize("most", [1, 700, 10**9])
def test_any_number_of_windows_at_a_time_gives_the_models_numbers(model, monkeypatch, most):
    biases, real = [], F.scaled_dot_product_attention

    def attend(query, key, value, *, attn_mask):
        biases.append(attn_mask.numel())
        return real(query, key, value, attn_mask=attn_mask)

    views = torch.randn(2, 3, *VIEW, generator=torch.Generator().manual_seed(1))
    windows = WindowInputs(model, VIEW)
    with torch.inference_mode():
        expected = model.encode(views)
        embedded = [backbone.patch_embed(views) for backbone in backbones(model)]
        monkeypatch.setattr(exported, "_BIAS_FLOATS", most)
        monkeypatch.setattr(F, "scaled_dot_product_attention", attend)
        found = ExportedEncoder(model, windows)(*embedded, *windows.tensors)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)
    one_row = 2 * 2 * (2 * 3 * 3) ** 2  # of two windows for the two heads of the second stage
    assert max(biases) <= max(most, one_row)


def test_the_geometry_is_shared_by_all_blocks_and_takes_a_byte_for_each_axis(model):
    windows = WindowInputs(model, VIEW)
    plans = {plan for each in backbones(model) for plan in each.config.all_plans(VIEW)}
    shifted_axes = {plan: [axis for axis, shift in enumerate(plan.shift) if shift] for plan in plans}
    entries = sum(
        plan.tokens**2
        * sum(plan.counts[axis] for axis in [*shifted, *((1, 2) if plan.gate != "none" else ())])
        for plan, shifted in shifted_axes.items()
    )
    geometry = [tensor for tensor in windows.tensors if tensor.dtype == torch.uint8]
    assert sum(tensor.numel() for tensor in geometry) == entries
    assert {tensor.dtype for tensor in windows.tensors} <= {torch.uint8, torch.int32}
