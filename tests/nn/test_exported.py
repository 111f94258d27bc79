"""The form of the networks that is exported: the same numbers from patch tokens and the windows' geometry."""

import pytest
import torch
from torch import Tensor

from sslvqa.nn import (
    DistanceModel,
    DualQualityModel,
    QualityHead,
    RegressorModel,
    SwinBackbone,
    SwinConfig,
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


def test_a_view_gets_the_models_numbers_from_its_tokens_and_the_geometry(model):
    views = torch.randn(2, 3, *VIEW, generator=torch.Generator().manual_seed(1))
    windows = WindowInputs(model, VIEW)
    encoder = ExportedEncoder(model, windows)
    with torch.inference_mode():
        expected = model.encode(views)
        found = [
            encoder(*(backbone.patch_embed(view) for backbone in backbones(model)), *windows.tensors)
            for view in views.split(1)
        ]
    for mine, theirs in zip(zip(*found, strict=True), expected, strict=True):
        torch.testing.assert_close(torch.cat(mine), theirs, atol=1e-5, rtol=1e-5)


def test_no_bias_of_more_than_a_row_of_windows_is_held(model, monkeypatch):
    largest, real = [], Tensor.__add__

    def add(self, other):
        out = real(self, other)
        largest.append(out.numel() if out.shape[-1] == out.shape[-2] else 0)
        return out

    windows = WindowInputs(model, VIEW)
    view = torch.zeros(1, 3, *VIEW)
    monkeypatch.setattr(Tensor, "__add__", add)
    with torch.inference_mode():
        embedded = [backbone.patch_embed(view) for backbone in backbones(model)]
        ExportedEncoder(model, windows)(*embedded, *windows.tensors)
    heads, tokens, most_windows_along_an_axis = 2, 2 * 3 * 3, 4
    assert 0 < max(largest) <= most_windows_along_an_axis * heads * tokens**2


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
