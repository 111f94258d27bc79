"""Model directories: written, read, and refused when anything is wrong."""

import shutil

import pytest
import torch

from sslvqa import hub
from sslvqa.errors import ModelError, UnknownModelError, WeightsError
from sslvqa.hub import list_models, load_card, load_model, save_model
from sslvqa.hub.weights import file_sha256


@pytest.fixture
def copy_dir(model_dir, tmp_path):
    return shutil.copytree(model_dir, tmp_path / "copy")


def _same(first, second):
    return all(torch.equal(value, second.state_dict()[key]) for key, value in first.state_dict().items())


def test_a_saved_model_comes_back_bit_equal_in_evaluation_mode(model_dir, tmp_path):
    model, card = load_model(model_dir)
    written = save_model(tmp_path / "again", model, card)
    again = load_model(tmp_path / "again")
    assert written == card
    assert _same(model, again.model)
    assert not again.model.training
    assert int(again.model.distance.corpus_tokens) == 400


def test_everybody_can_read_a_saved_model(model_dir, tmp_path):
    loaded = load_model(model_dir)
    save_model(tmp_path / "copy", loaded.model, loaded.card)
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in (tmp_path / "copy").iterdir())


def test_half_precision_rounds_parameters_but_not_the_corpus(model_dir, tmp_path):
    model, card = load_model(model_dir)
    written = save_model(tmp_path, model, card, dtype="float16")
    again = load_model(tmp_path).model
    assert written.weights[0].bytes < card.weights[0].bytes
    assert written.weights[0].dtype == "float16"
    assert torch.equal(again.distance.corpus_cov, model.distance.corpus_cov)
    for name, parameter in again.named_parameters():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter, model.get_parameter(name).half().float())


def test_large_weights_are_split_in_parts_and_old_parts_disappear(model_dir, tmp_path):
    model, card = load_model(model_dir)
    many = save_model(tmp_path, model, card, part_bytes=20_000)
    assert len(many.weights) > 1
    assert all(item.bytes < 30_000 for item in many.weights)
    assert _same(model, load_model(tmp_path).model)
    save_model(tmp_path, model, card)
    assert [path.name for path in tmp_path.glob("*.safetensors")] == ["weights.safetensors"]


def test_the_same_model_gives_the_same_bytes(model_dir, tmp_path):
    model, card = load_model(model_dir)
    hashes = {save_model(tmp_path / name, model, card).weights_sha256 for name in "ab"}
    assert hashes == {card.weights_sha256}


def test_loading_leaves_the_global_rng_alone(model_dir):
    before = torch.get_rng_state()
    load_model(model_dir)
    assert torch.equal(before, torch.get_rng_state())


def test_changed_bytes_are_noticed(copy_dir):
    path = copy_dir / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"sha256 is [0-9a-f]{64}, but the card says"):
        load_model(copy_dir)


def test_a_missing_file_is_named(copy_dir):
    (copy_dir / "weights.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"weights\.safetensors is missing"):
        load_model(copy_dir)


def test_a_file_that_is_no_safetensors_is_refused(copy_dir):
    path = copy_dir / "weights.safetensors"
    old = file_sha256(path)
    path.write_bytes(b"not tensors at all")
    text = (copy_dir / "card.toml").read_text()
    (copy_dir / "card.toml").write_text(text.replace(old, file_sha256(path)))
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load_model(copy_dir)


def test_weights_outside_the_directory_are_refused(copy_dir):
    card = copy_dir / "card.toml"
    card.write_text(card.read_text().replace('"weights.safetensors"', '"../weights.safetensors"'))
    with pytest.raises(ModelError, match="without a folder"):
        load_model(copy_dir)


def test_tensors_that_do_not_fit_are_all_listed(copy_dir):
    card = copy_dir / "card.toml"
    card.write_text(card.read_text().replace("head_channels = 4", "head_channels = 5"))
    with pytest.raises(WeightsError, match=r"fc_hid.weight' has shape \(4, .*not \(5, .*fc_last"):
        load_model(copy_dir)
    card.write_text(
        card.read_text()
        .replace("head_channels = 5", "head_channels = 4")
        .replace("depths = [1, 1]", "depths = [1, 2]")
    )
    with pytest.raises(WeightsError, match=r"missing 'regressor\.backbone"):
        load_model(copy_dir)


def test_a_diverged_model_cannot_be_saved(model_dir, tmp_path):
    model, card = load_model(model_dir)
    with torch.no_grad():
        model.regressor.head.fc_last.bias.fill_(1e5)
    save_model(tmp_path, model, card)
    with pytest.raises(WeightsError, match=r"regressor.head.fc_last.bias .*float16"):
        save_model(tmp_path, model, card, dtype="float16")
    with torch.no_grad():
        model.regressor.head.fc_last.bias.fill_(float("nan"))
    with pytest.raises(WeightsError, match="diverged"):
        save_model(tmp_path, model, card)


def test_a_card_without_weights_is_refused(model_dir, tmp_path):
    hub.write_card(tmp_path / "card.toml", load_card(model_dir).model_copy(update={"weights": ()}))
    with pytest.raises(WeightsError, match="names no weights file"):
        load_model(tmp_path)


def test_unknown_names_and_directories_are_told_apart(tmp_path, monkeypatch, model_dir):
    with pytest.raises(UnknownModelError, match=r"holds no card.toml"):
        load_model(tmp_path)
    monkeypatch.setattr("sslvqa.hub.weights._SHIPPED", model_dir.parent)
    assert [model.name for model in list_models()] == ["tiny.random"]
    assert load_card("tiny.random").name == "tiny.random"
    with pytest.raises(
        UnknownModelError, match=r"no model named 'tiny.randon'.*did you mean 'tiny.random'.*models list"
    ):
        load_model("tiny.randon")


def test_shipped_models_load_and_their_folder_is_their_name():
    for shipped in list_models():
        assert load_model(shipped.name).card.name == shipped.name
