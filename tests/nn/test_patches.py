from __future__ import annotations

import pytest
import torch

from sslvqa.errors import DataError
from sslvqa.nn import SwinBackbone, SwinConfig
from sslvqa.nn.swin3d.patches import dct_filters, whiten_patches

CONFIG = SwinConfig(embed_dim=48, depths=(1, 1), heads=(1, 2), window=(2, 2, 2), gate="none", gated_stages=())


def test_filters_of_one_colour_are_orthogonal_and_the_first_is_the_mean():
    filters = dct_filters((2, 4, 4), 96)
    assert filters.shape == (96, 3, 2, 4, 4)
    luma = filters[:32].sum(dim=1).flatten(1)
    torch.testing.assert_close(luma @ luma.T, torch.eye(32), atol=1e-5, rtol=0)
    torch.testing.assert_close(luma[0], torch.full((32,), 32**-0.5))
    assert filters[32:].sum(dim=1).abs().max() < 1e-3  # gray has no chroma


@pytest.mark.parametrize("channels", [5, 33, 48, 200])
def test_there_are_never_more_filters_than_channels_or_bands(channels):
    assert len(dct_filters((2, 4, 4), channels)) == min(channels, 96)


def test_every_band_has_unit_deviation_on_the_views_it_was_whitened_on():
    views = torch.randn(4, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0)).cumsum(-1).cumsum(-2)
    backbone = SwinBackbone(CONFIG)
    whiten_patches(backbone, views)
    bands = backbone.patch_embed.proj(views)
    deviation, mean = torch.std_mean(bands, dim=(0, 2, 3, 4))
    torch.testing.assert_close(deviation, torch.ones(48), atol=1e-3, rtol=0)
    torch.testing.assert_close(mean, torch.zeros(48), atol=1e-3, rtol=0)


def test_views_without_variation_are_refused_and_nothing_changes():
    backbone = SwinBackbone(CONFIG)
    before = backbone.patch_embed.proj.weight.clone()
    with pytest.raises(DataError, match="DCT bands are constant"):
        whiten_patches(backbone, torch.zeros(2, 3, 4, 32, 32))
    torch.testing.assert_close(backbone.patch_embed.proj.weight, before)
