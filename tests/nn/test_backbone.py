"""The backbone: published numbers, names, sizes, gradients."""

import dataclasses
import functools
import json
import math
import zlib

import numpy as np
import pytest
import torch

from sslvqa.errors import ConfigError, DataError
from sslvqa.nn import SwinBackbone, SwinConfig

MOBILE = SwinConfig(window=(4, 4, 4), gate="none", fragments=4)
TINY = SwinConfig(embed_dim=8, depths=(2, 2), heads=(1, 2), window=(2, 3, 3), gated_stages=(0,), fragments=3)
# Outputs of the published implementation at these places of the flattened output; see published_weights().
PLACES = [70488, 17869, 54135, 19751, 91360, 50958, 87949, 13153]
PUBLISHED = {
    "small": [-0.842037, 0.650585, -0.737812, 0.162681, 0.01623, -1.039459, 0.150249, -0.300118],
    "mobile": [0.163523, -2.332251, 0.811192, 0.22669, -1.880677, 0.172315, -0.890916, -0.655993],
}
SHAPES = {"small": (2, 3, 8, 128, 128), "mobile": (1, 3, 16, 128, 128)}


def normal(seed, shape):
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape).astype(np.float32)


def published_weights(key, shape):
    """Deterministic weights from a parameter's name."""
    values = normal(zlib.crc32(key.encode()), shape)
    if key.endswith("norm.weight") or (".norm" in key and key.endswith("weight")):
        return 1 + 0.1 * values
    if "bias_table" in key:
        return 0.5 * values
    if key.endswith(".bias"):
        return 0.05 * values
    return (values / math.sqrt(math.prod(shape[1:]) if len(shape) > 1 else shape[0])).astype(np.float32)


@functools.cache
def published_backbone(config):
    with torch.device("meta"):
        backbone = SwinBackbone(config).eval()
    state = backbone.state_dict()
    backbone.load_state_dict(
        {k: torch.from_numpy(published_weights(k, tuple(v.shape))) for k, v in state.items()}, assign=True
    )
    return backbone


def tiny(seed=0, **changes):
    return SwinBackbone(
        dataclasses.replace(TINY, **changes), generator=torch.Generator().manual_seed(seed)
    ).eval()


def views(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["small", "mobile"])
def test_outputs_equal_published_ones(name):
    backbone = published_backbone(MOBILE if name == "mobile" else SwinConfig())
    with torch.no_grad():
        output = backbone(torch.from_numpy(normal(11, SHAPES[name])))
    np.testing.assert_allclose(output.flatten()[PLACES].numpy(), PUBLISHED[name], atol=1e-4)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["small", "mobile", "short", pytest.param("full", marks=pytest.mark.slow)])
def test_outputs_equal_the_golden_file(shared, name):
    with np.load(shared / "golden/backbone.npz") as golden:
        seed, shape, out_shape = int(golden["seed"]), golden[f"{name}_shape"], golden[f"{name}_out_shape"]
        places, expected = golden[f"{name}_index"], golden[f"{name}_value"]
    backbone = published_backbone(MOBILE if name == "mobile" else SwinConfig())
    with torch.no_grad():
        output = backbone(torch.from_numpy(normal(seed, tuple(shape))))
    assert output.shape == tuple(out_shape)
    difference = np.abs(output.flatten()[torch.from_numpy(places)].numpy() - expected)
    assert difference.max() < 2e-3
    assert np.quantile(difference, 0.9) < 1e-4


@pytest.mark.shared
def test_parameters_have_the_released_names_and_shapes(shared):
    released = json.loads((shared / "golden/reference_state_dict.json").read_text())
    parameters = {k: tuple(v) for k, v in released.items() if not k.endswith("relative_position_index")}
    with torch.device("meta"):
        backbone = SwinBackbone()
    assert {k: tuple(v.shape) for k, v in backbone.state_dict().items()} == parameters
    assert sum(p.numel() for p in backbone.parameters()) == sum(math.prod(s) for s in parameters.values())


@pytest.mark.parametrize(
    "shape", [(8, 24, 24), (1, 4, 4), (7, 21, 50), (16, 32, 40), (3, 9, 1), (32, 12, 12)]
)
@pytest.mark.parametrize("gate", ["distance", "binary", "none"])
def test_any_number_of_frames_and_any_size_gives_finite_tokens(shape, gate):
    backbone = tiny(gate=gate)
    output = backbone(views(2, 3, *shape))
    t, h, w = (math.ceil(n / p) for n, p in zip(shape, (2, 4, 4), strict=True))
    assert output.shape == (2, backbone.channels, t, math.ceil(h / 2), math.ceil(w / 2))
    assert output.isfinite().all()


def test_a_view_does_not_depend_on_the_others_in_its_batch():
    backbone, batch = tiny(), views(3, 3, 8, 24, 24)
    with torch.no_grad():
        together = backbone(batch)
        for i in range(3):
            torch.testing.assert_close(backbone(batch[i : i + 1])[0], together[i], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("gate", ["distance", "binary", "none"])
def test_every_parameter_gets_a_gradient(gate):
    backbone = tiny(gate=gate, drop_path=0.0).train()  # a dropped path gets none
    backbone(views(2, 3, 8, 24, 24)).square().sum().backward()
    for name, parameter in backbone.named_parameters():
        assert parameter.grad.isfinite().all(), name
        if name != "norm.bias":
            assert parameter.grad.any(), name


def test_inference_mode_first_does_not_spoil_training():
    backbone, batch = tiny(window=(3, 5, 2)), views(1, 3, 12, 40, 24)
    with torch.inference_mode():
        before = backbone(batch)
    after = backbone(batch)
    after.sum().backward()
    torch.testing.assert_close(after.detach(), before.clone())
    assert backbone.layers[0].blocks[1].attn.fragment_position_bias_table.grad.any()


def test_the_gates_differ_where_there_are_several_fragments_and_tables_differ():
    batch = views(1, 3, 8, 36, 36)
    outputs = []
    for gate in ("distance", "binary"):
        backbone = tiny(gate=gate)
        for i, (name, parameter) in enumerate(backbone.named_parameters()):
            if "bias_table" in name:
                torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(i))
        outputs.append(backbone(batch))
    assert not torch.allclose(*outputs, atol=1e-6)
    one_fragment = []
    for gate in ("distance", "binary"):
        backbone = tiny(gate=gate, fragments=1)
        one_fragment.append(backbone(batch))
    assert torch.equal(*one_fragment)


def test_stochastic_depth_acts_in_training_only():
    backbone, batch = tiny(drop_path=0.9), views(4, 3, 8, 24, 24)
    assert torch.equal(backbone(batch), backbone(batch))
    backbone.train()
    torch.manual_seed(0)
    first = backbone(batch)
    assert not torch.equal(first, backbone(batch))
    torch.manual_seed(0)
    assert torch.equal(first, backbone(batch))


def test_checkpointing_changes_no_gradient():
    gradients = []
    for enabled in (False, True):
        backbone = tiny().train()
        backbone.checkpoint_blocks(enabled=enabled)
        torch.manual_seed(0)
        backbone(views(2, 3, 8, 24, 24)).square().sum().backward()
        gradients.append([p.grad for p in backbone.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_bfloat16_autocast_stays_close():
    backbone, batch = tiny(), views(2, 3, 8, 24, 24)
    with torch.no_grad():
        exact = backbone(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = backbone(batch)
    assert (rough.float() - exact).square().mean().sqrt() < 0.05 * exact.std()


def test_the_same_generator_gives_the_same_weights():
    first, second, other = tiny(3).state_dict(), tiny(3).state_dict(), tiny(4).state_dict()
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)


def test_exported_graphs_equal_the_module():
    backbone, batch = tiny(window=(2, 4, 3)), views(1, 3, 8, 24, 24)
    with torch.no_grad():
        exported = torch.export.export(backbone, (batch,), strict=False)
        torch.testing.assert_close(exported.module()(batch), backbone(batch))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": (1,)}, "one entry per stage"),
        ({"heads": (3, 2)}, r"heads \[3\] do not divide"),
        ({"drop_path": 1.0}, "drop_path is 1.0"),
        ({"gate": "soft"}, "gate is 'soft'"),
        ({"gated_stages": (2,)}, "there are stages 0 to 1"),
    ],
)
def test_impossible_configurations_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(TINY, **changes)


def test_input_of_another_rank_is_refused():
    with pytest.raises(DataError, match="batch, 3, frames, height, width"):
        tiny()(torch.zeros(3, 8, 24, 24))


def test_with_skip_a_token_also_has_the_band_energies_of_its_place():
    config = SwinConfig(
        embed_dim=8, depths=(1, 1), heads=(1, 2), window=(2, 3, 3), bands=5, gate="none", gated_stages=(),
        skip=True,
    )  # fmt: skip
    torch.manual_seed(0)
    backbone = SwinBackbone(config).eval()
    own = SwinBackbone(config.without_skip).eval()
    own.load_state_dict(backbone.state_dict())  # the parameters are the same
    views = torch.randn(2, 3, 4, 16, 24)
    with torch.no_grad():
        tokens = backbone(views)
        assert tokens.shape == (2, config.channels, 2, 2, 3) == (2, 16 + 10, 2, 2, 3)
        torch.testing.assert_close(tokens[:, :16], own(views))
        values = backbone.patch_embed.proj(views)  # (2, 5, 2, 4, 6)
    energies = (np.log(values.double().numpy() ** 2 + 1e-4) / 2 + 1).reshape(2, 5, 2, 2, 2, 3, 2)
    np.testing.assert_allclose(tokens[:, 16:21], energies.mean(axis=(4, 6)), atol=1e-4)
    np.testing.assert_allclose(tokens[:, 21:], energies.std(axis=(4, 6)), atol=2e-3)


def test_skip_needs_a_band_embedding():
    with pytest.raises(ConfigError, match="bands is 0"):
        SwinConfig(skip=True)
