"""Conversion of fabricated checkpoints in the published naming schemes."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from sslvqa.errors import WeightsError
from sslvqa.hub.convert import convert_checkpoint, convert_tensors, read_checkpoint
from sslvqa.hub.names import Architecture
from sslvqa.nn import QualityHead, SwinBackbone, SwinConfig
from sslvqa.train.start import read_start

CONFIG = SwinConfig(embed_dim=8, depths=(1, 2), heads=(1, 2), window=(2, 3, 3), gated_stages=(0,))
TINY = Architecture("tiny", backbone=CONFIG, head_channels=4)


def backbone_tensors(seed=0, *, gated=True, prefix=""):
    """A backbone's state in the released form, with index buffers."""
    state = SwinBackbone(CONFIG, generator=torch.Generator().manual_seed(seed)).state_dict()
    state = {k: v for k, v in state.items() if gated or "fragment_position" not in k}
    for stage, depth in enumerate(CONFIG.depths):
        for block in range(depth):
            state[f"layers.{stage}.blocks.{block}.attn.relative_position_index"] = torch.zeros(
                18, 18, dtype=torch.int64
            )
    return {prefix + key: value for key, value in state.items()}


def head_tensors(prefix, seed=1):
    head = QualityHead(CONFIG.channels, hidden=4, generator=torch.Generator().manual_seed(seed))
    return {prefix + key: value for key, value in head.state_dict().items()}


def saved(tmp_path, content, name="released.pth"):
    torch.save(content, tmp_path / name)
    return tmp_path / name


def same(state, reference):
    reference = {k: v for k, v in reference.items() if "index" not in k}
    assert state.keys() == reference.keys()
    assert all(torch.equal(state[k], reference[k]) for k in state)


@pytest.mark.parametrize("module", ["", "module.", "model.", "module.model."])
@pytest.mark.parametrize("backbone", ["fragments_backbone.", "backbone."])
def test_fast_vqa_gives_a_backbone_and_a_head(tmp_path, module, backbone):
    content = backbone_tensors(prefix=module + backbone) | head_tensors(module + "vqa_head.")
    path = saved(tmp_path, {"state_dict": content, "validation_results": (0.8, 0.8, 0.6, 10.0)})
    report = convert_checkpoint(path, tmp_path / "out", architecture=TINY)
    assert report.complete
    assert len(report.kept) + len(report.dropped) == len(content)
    assert set(report.dropped.values()) == {"index buffer; follows from the window"}
    same(load_file(tmp_path / "out/backbone.safetensors"), backbone_tensors())
    same(load_file(tmp_path / "out/head.safetensors"), head_tensors(""))
    assert json.loads((tmp_path / "out/conversion.json").read_text())["missing"] == []


def test_ssl_vqa_gives_both_models(tmp_path):
    primary = backbone_tensors(1, prefix="backbone.") | head_tensors("vqa_head.")
    path = saved(tmp_path, {"primary": primary, "auxillary": backbone_tensors(2), "epoch": 30})
    report = convert_checkpoint(path, tmp_path / "out", architecture=TINY)
    assert report.initialised == {}
    same(load_file(tmp_path / "out/backbone.safetensors"), backbone_tensors(1))
    same(load_file(tmp_path / "out/distance_backbone.safetensors"), backbone_tensors(2))
    SwinBackbone(CONFIG).load_state_dict(load_file(tmp_path / "out/distance_backbone.safetensors"))


def test_training_starts_from_all_parts_of_a_conversion_or_from_one_backbone_alone(tmp_path):
    primary = backbone_tensors(1, prefix="backbone.") | head_tensors("vqa_head.")
    path = saved(tmp_path, {"primary": primary, "auxillary": backbone_tensors(2)})
    convert_checkpoint(path, tmp_path / "out", architecture=TINY)
    start = read_start(str(tmp_path / "out"), "swin_t")
    same(start.regressor, backbone_tensors(1))
    same(start.distance, backbone_tensors(2))
    same(start.head, head_tensors(""))
    alone = read_start(str(tmp_path / "out/backbone.safetensors"), "swin_t")
    same(alone.distance, backbone_tensors(1))
    assert alone.head is None


def test_st_vqrl_gives_a_backbone_only(tmp_path):
    path = saved(tmp_path, {"model": backbone_tensors(3), "epoch": 30})
    convert_checkpoint(path, tmp_path / "out", architecture=TINY)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["backbone.safetensors", "conversion.json"]


def test_kinetics_weights_start_the_fragment_tables_from_the_relative_ones(tmp_path):
    content = backbone_tensors(4, gated=False, prefix="backbone.") | {
        "cls_head.fc_cls.weight": torch.zeros(400, 16)
    }
    report = convert_checkpoint(
        saved(tmp_path, {"meta": {}, "state_dict": content}), tmp_path / "out", architecture=TINY
    )
    relative, fragment = (f"layers.0.blocks.0.attn.{n}_position_bias_table" for n in ("relative", "fragment"))
    assert report.initialised == {f"backbone/{fragment}": f"backbone.{relative}"}
    assert report.dropped["cls_head.fc_cls.weight"] == "classifier of actions"
    state = load_file(tmp_path / "out/backbone.safetensors")
    assert torch.equal(state[fragment], state[relative])
    SwinBackbone(CONFIG).load_state_dict(state)


def test_every_misfit_is_listed_and_nothing_is_written(tmp_path):
    content = backbone_tensors(prefix="backbone.")
    del content["backbone.norm.weight"]
    content["backbone.extra.weight"] = torch.zeros(1)
    content["optimizer_step"] = torch.zeros(1)
    content["backbone.norm.bias"] = torch.zeros(5)
    with pytest.raises(WeightsError) as caught:
        convert_checkpoint(saved(tmp_path, content), tmp_path / "out", architecture=TINY)
    for text in (
        "missing backbone/norm.weight",
        "unexpected backbone.extra",
        "unexpected optimizer_step",
        r"shape (5,)",
    ):
        assert text in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_some_missing_fragment_tables_are_missing_and_not_copied():
    config = SwinConfig(embed_dim=8, depths=(2,), heads=(1,), window=(2, 3, 3), gated_stages=(0,))
    tensors = SwinBackbone(config).state_dict()
    del tensors["layers.0.blocks.1.attn.fragment_position_bias_table"]
    _, report = convert_tensors(tensors, architecture=Architecture("one", backbone=config))
    assert report.missing == ("backbone/layers.0.blocks.1.attn.fragment_position_bias_table",)
    assert not report.complete


def test_two_tensors_for_one_parameter_are_refused():
    tensors = backbone_tensors() | {"module.norm.bias": torch.zeros(16)}
    _, report = convert_tensors(tensors, architecture=TINY)
    assert report.unexpected == ("module.norm.bias",)


def test_half_precision_and_safetensors_are_read(tmp_path):
    tensors = {k: v.half() if v.is_floating_point() else v for k, v in backbone_tensors().items()}
    save_file(tensors, tmp_path / "a.safetensors")
    states, report = convert_tensors(read_checkpoint(tmp_path / "a.safetensors"), architecture=TINY)
    assert report.complete
    assert {v.dtype for v in states["backbone"].values()} == {torch.float32}


class _Payload:
    def __reduce__(self):
        return print, ("this must never run",)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, capsys):
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        read_checkpoint(saved(tmp_path, {"state_dict": _Payload()}))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04"])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_broken_files_are_refused(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        read_checkpoint(tmp_path / name)


def test_a_file_without_tensors_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="holds no tensors"):
        read_checkpoint(saved(tmp_path, [1, 2]))
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        read_checkpoint(tmp_path / "absent.pth")


def test_a_full_size_released_state_dict_converts(shared, tmp_path):
    shapes = json.loads((shared / "golden/reference_state_dict.json").read_text())
    tensors = {
        k: torch.zeros(s, dtype=torch.int64 if k.endswith("index") else torch.float32)
        for k, s in shapes.items()
    }
    _, report = convert_tensors(tensors, architecture=Architecture("swin_t"))
    assert report.complete
    assert report.initialised == {}
    assert len(report.kept) + len(report.dropped) == len(shapes)
