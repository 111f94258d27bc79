"""Golden numbers."""

import shutil

import pytest
import torch

from sslvqa.errors import WeightsError
from sslvqa.hub import list_models, load_model
from sslvqa.sampling import ViewGeometry
from sslvqa.scoring import check_golden, golden_view, store_golden


def test_the_golden_view_never_changes():
    view = golden_view(ViewGeometry(grid=2, fragment_px=16, frames=4))
    assert view.shape == (1, 3, 4, 32, 32)
    assert view.dtype == torch.uint8
    assert view.long().sum() == 1487104
    assert view[0, 2, 3, 31, 30].item() == (5 * 30 + 2 * 31 + 5 * 3 + 2 * (34 * 36 // 16 % 64)) % 256


def test_stored_numbers_are_checked(model_dir, tmp_path):
    directory = shutil.copytree(model_dir, tmp_path / "m")
    card = store_golden(directory)
    loaded = load_model(directory)
    assert loaded.card == card
    assert 0 < card.golden.q_d <= 1
    assert card.golden.score is not None
    check_golden(loaded)
    with torch.no_grad():
        loaded.model.regressor.head.fc_last.bias.add_(0.5)
    with pytest.raises(WeightsError, match="q_r of the golden view is"):
        check_golden(loaded)


def test_numbers_that_are_none_are_wrong_ones(model_dir, tmp_path):
    directory = shutil.copytree(model_dir, tmp_path / "m")
    store_golden(directory)
    loaded = load_model(directory)
    with torch.no_grad():
        loaded.model.regressor.head.fc_last.bias.fill_(torch.nan)
    with pytest.raises(WeightsError, match="gives the golden view q_r nan"):
        check_golden(loaded)


def test_a_card_without_golden_numbers_passes(model_dir):
    check_golden(load_model(model_dir))


def test_shipped_models_give_their_golden_numbers():
    for shipped in list_models():
        loaded = load_model(shipped.name)
        assert loaded.card.golden is not None
        check_golden(loaded)
