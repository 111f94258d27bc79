from __future__ import annotations

import pytest
import torch

from sslvqa.errors import ConfigError, DataError
from sslvqa.nn import SwinBackbone, SwinConfig
from sslvqa.nn.swin3d.patches import PatchEmbed, cut_patches, dct_filters

PATCH = (2, 4, 4)


def _smooth_views(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0)).cumsum(-1).cumsum(-2)


def test_filters_of_one_colour_are_orthogonal_and_the_first_is_the_mean():
    filters = dct_filters(PATCH, 96)
    assert filters.shape == (96, 3, 2, 4, 4)
    luma = filters[:32].sum(dim=1).flatten(1)
    torch.testing.assert_close(luma @ luma.T, torch.eye(32), atol=1e-5, rtol=0)
    torch.testing.assert_close(luma[0], torch.full((32,), 32**-0.5))
    assert filters[32:].sum(dim=1).abs().max() < 1e-3  # gray has no chroma


@pytest.mark.parametrize("channels", [5, 33, 48, 200])
def test_there_are_never_more_filters_than_channels_or_bands(channels):
    assert len(dct_filters(PATCH, channels)) == min(channels, 96)


def test_every_band_has_unit_deviation_on_the_views_it_was_whitened_on():
    views = _smooth_views()
    embedding = PatchEmbed(PATCH, 24, bands=48)
    embedding.whiten(views)
    deviation, mean = torch.std_mean(embedding.proj(views), dim=(0, 2, 3, 4))
    torch.testing.assert_close(deviation, torch.ones(48), atol=1e-3, rtol=0)
    torch.testing.assert_close(mean, torch.zeros(48), atol=1e-3, rtol=0)


def test_views_without_variation_are_refused_and_nothing_changes():
    embedding = PatchEmbed(PATCH, 24, bands=48)
    before = embedding.proj.weight.clone()
    with pytest.raises(DataError, match="DCT bands are constant"):
        embedding.whiten(torch.zeros(2, 3, 4, 32, 32))
    torch.testing.assert_close(embedding.proj.weight, before)


def test_a_linear_embedding_has_nothing_to_whiten():
    embedding = PatchEmbed(PATCH, 24)
    before = embedding.proj.weight.clone()
    embedding.whiten(_smooth_views())
    torch.testing.assert_close(embedding.proj.weight, before)
    assert embedding.mix is None


def test_tokens_follow_the_log_energy_of_a_band_over_decades():
    views = _smooth_views()
    embedding = PatchEmbed(PATCH, 1, bands=48)
    embedding.whiten(views)
    with torch.no_grad():
        embedding.mix.weight.zero_()
        embedding.mix.bias.zero_()
        embedding.mix.weight[0, 48 + 7] = 1
        embedding.norm = torch.nn.Identity()
        embedding.proj.bias.zero_()
        loud, faint = (embedding(scale * views)[..., 0] for scale in (10.0, 1.0))
    values = embedding.proj(views)[:, 7].abs()
    audible = values > 0.1
    torch.testing.assert_close((loud - faint)[audible].mean().exp(), torch.tensor(10.0), rtol=0.01, atol=0)


def test_bands_are_computed_in_float32_under_autocast_and_a_flat_view_is_finite():
    views = _smooth_views() + 100
    embedding = PatchEmbed(PATCH, 24, bands=48)
    embedding.whiten(views)
    expected = embedding(views)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(embedding(views).float(), expected, atol=0.1, rtol=0.05)
    assert torch.isfinite(embedding(torch.zeros(1, 3, 4, 32, 32))).all()


def test_a_backbone_with_bands_learns_through_them():
    config = SwinConfig(
        embed_dim=24,
        bands=48,
        depths=(1, 1),
        heads=(1, 2),
        window=(2, 2, 2),
        gate="none",
        gated_stages=(),
    )
    backbone = SwinBackbone(config)
    backbone.patch_embed.whiten(_smooth_views())
    backbone(_smooth_views()).square().mean().backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())
    with pytest.raises(ConfigError, match="bands is -1"):
        SwinConfig(bands=-1)


def test_the_product_of_a_gpu_is_the_convolution_of_a_cpu():
    embedding = PatchEmbed((2, 4, 4), 6)
    views = torch.randn(2, 3, 4, 12, 8)
    product = torch.nn.functional.linear(
        cut_patches(views, (2, 4, 4)), embedding.proj.weight.flatten(1), embedding.proj.bias
    )
    assert product.shape == (2, 2, 3, 2, 6)
    torch.testing.assert_close(product, embedding.proj(views).permute(0, 2, 3, 4, 1))
