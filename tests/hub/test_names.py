"""Architectures by name."""

import dataclasses

import pytest

from sslvqa.errors import ConfigError
from sslvqa.hub import ARCHITECTURES, Architecture, build_model, find_architecture
from sslvqa.hub.names import architecture_from_dict, architecture_to_dict
from sslvqa.nn import SwinBackbone


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_comes_back_from_its_numbers(name):
    architecture = ARCHITECTURES[name]
    values = architecture_to_dict(architecture)
    assert values["backbone"]["depths"] == list(architecture.backbone.depths)
    assert architecture_from_dict(values) == architecture
    assert architecture.name == name


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_gate_knows_how_many_fragments_a_view_has(name):
    architecture = ARCHITECTURES[name]
    assert architecture.backbone.fragments == architecture.geometry.grid
    assert architecture.geometry.size_px % 32 == 0


def test_the_two_models_of_an_architecture_share_no_parameters():
    model = build_model(ARCHITECTURES["nano"])
    first = {id(parameter) for parameter in model.regressor.parameters()}
    assert first.isdisjoint(id(parameter) for parameter in model.distance.parameters())
    assert model.distance.temperature == ARCHITECTURES["nano"].temperature


def test_the_paper_architecture_has_28_million_parameters_a_backbone():
    backbone = SwinBackbone(ARCHITECTURES["swin_t"].backbone)
    count = sum(parameter.numel() for parameter in backbone.parameters())
    assert 27e6 < count < 29e6


def test_an_unknown_name_gets_a_suggestion():
    assert find_architecture("swin_t").name == "swin_t"
    with pytest.raises(ConfigError, match=r"'swint'; did you mean 'swin_t' or 'swin_t_bands'\?"):
        find_architecture("swint")
    with pytest.raises(ConfigError, match="known: mobile, nano, swin_t, swin_t_bands"):
        find_architecture("zzz")


def test_wrong_keys_are_all_named():
    values = architecture_to_dict(ARCHITECTURES["nano"])
    values["temprature"] = values.pop("temperature")
    with pytest.raises(
        ConfigError, match=r"'temprature'; did you mean 'temperature'.*missing key 'temperature'"
    ):
        architecture_from_dict(values)
    values = architecture_to_dict(ARCHITECTURES["nano"])
    del values["geometry"]["grid"]
    with pytest.raises(ConfigError, match=r"\[architecture.geometry\]: missing key 'grid'"):
        architecture_from_dict(values)


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [("backbone", "depths", 2), (None, "temperature", "warm"), (None, "backbone", 3)],
)
def test_values_of_a_wrong_type_are_refused(table, key, value):
    values = architecture_to_dict(Architecture("own"))
    (values if table is None else values[table])[key] = value
    with pytest.raises(ConfigError, match="wrong type"):
        architecture_from_dict(values)


@pytest.mark.parametrize(
    "change", [{"temperature": 0.0}, {"ridge": -1.0}, {"shrinkage": 1.5}, {"head_channels": 0}]
)
def test_numbers_out_of_range_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        dataclasses.replace(Architecture("own"), **change)
