"""A model's network for other windows and views."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from sslvqa.errors import WeightsError
from sslvqa.hub import load_model
from sslvqa.hub.names import build_single
from sslvqa.hub.resize import resize_model, resize_table
from sslvqa.train.start import read_start


@pytest.fixture
def larger(model_dir):
    """The random model's architecture with a larger window and more frames."""
    own = load_model(model_dir).card.architecture
    return replace(
        own,
        name="larger",
        backbone=replace(own.backbone, window=tuple(side + 1 for side in own.backbone.window)),
        geometry=replace(own.geometry, frames=2 * own.geometry.frames),
    )


def test_a_table_keeps_its_corners_and_its_centre():
    table = torch.randn(3 * 5 * 7, 2)
    same, grown = resize_table(table, (2, 3, 4), (2, 3, 4)), resize_table(table, (2, 3, 4), (3, 5, 7))
    torch.testing.assert_close(same, table)
    old, new = table.view(3, 5, 7, 2), grown.view(5, 9, 13, 2)
    torch.testing.assert_close(new[::4, ::8, ::12], old[::2, ::4, ::6])
    torch.testing.assert_close(new[2, 4, 6], old[1, 2, 3])
    torch.testing.assert_close(new[1, 4, 6], (old[0, 2, 3] + old[1, 2, 3]) / 2)


def test_training_starts_from_what_is_written(model_dir, larger, tmp_path):
    written = resize_model(model_dir, tmp_path / "start", architecture=larger)
    start = read_start(str(tmp_path / "start"), "swin_t", kind="regressor")
    assert start.architecture.backbone == written.backbone == larger.backbone
    assert start.architecture.geometry == larger.geometry
    own = load_model(model_dir).model.regressor.state_dict()
    kept = {f"backbone.{name}": value for name, value in start.regressor.items()}
    kept |= {f"head.{name}": value for name, value in start.head.items()}
    assert all(kept[name].equal(own[name]) for name in own if "position_bias" not in name)
    network = build_single(start.architecture).regressor
    network.load_state_dict(kept)
    view = torch.randn(1, 3, larger.geometry.frames, larger.geometry.size_px, larger.geometry.size_px)
    assert network(view).isfinite().all()


def test_a_gate_that_is_new_changes_nothing_at_first(tmp_path, model_dir):
    loaded = load_model(model_dir)
    own = loaded.card.architecture
    gated = replace(own, backbone=replace(own.backbone, gate="distance", gated_stages=(0,)))
    resize_model(model_dir, tmp_path, architecture=gated)
    network = build_single(gated).regressor.backbone.eval()
    network.load_state_dict(load_file(tmp_path / "backbone.safetensors"))
    assert any("fragment_position" in name for name in network.state_dict())
    view = torch.randn(1, 3, own.geometry.frames, own.geometry.size_px, own.geometry.size_px)
    with torch.no_grad():
        torch.testing.assert_close(network(view), loaded.model.regressor.backbone(view))


def test_another_network_is_refused_with_all_that_differs(model_dir, larger, tmp_path):
    wider = replace(larger, backbone=replace(larger.backbone, mlp_ratio=3.0))
    with pytest.raises(WeightsError, match=r"not only other windows(.|\n)*fc1\.weight: shape"):
        resize_model(model_dir, tmp_path / "start", architecture=wider)
    assert not (tmp_path / "start").exists()
