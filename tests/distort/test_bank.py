"""The tuples of distortions and the seeded draw."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.distort import EXTENDED_DISTORTIONS, PAPER_DISTORTIONS, UNSEEN_DISTORTIONS, draw_distortions
from sslvqa.distort.extended import ORDERED_FAMILIES, ordered_distortions
from sslvqa.errors import ConfigError


def test_the_paper_has_twelve_distortions_numbered_as_released():
    assert [item.id for item in PAPER_DISTORTIONS] == list(range(1, 13))
    names = [item.name for item in PAPER_DISTORTIONS]
    assert names[:3] == ["mpeg2_q1", "mpeg2_q20", "mpeg2_q30"]
    assert names[3:6] == ["h264_crf5", "h264_crf35", "h264_crf50"]
    assert names[6:9] == ["pyramid_4", "pyramid_8", "pyramid_16"]
    assert names[9:] == ["rate_2", "rate_3", "rate_4"]
    assert [item.operations[0].amount for item in PAPER_DISTORTIONS[6:]] == [2, 3, 4, 2, 3, 4]


def test_file_names_and_ids_are_unique_over_all_banks():
    every = [*PAPER_DISTORTIONS, *EXTENDED_DISTORTIONS, *UNSEEN_DISTORTIONS]
    assert len({item.id for item in every}) == len({item.file_name for item in every}) == len(every)


def test_no_unseen_kind_is_in_what_models_learn_from():
    known = [*PAPER_DISTORTIONS, *EXTENDED_DISTORTIONS]
    kinds = {operation.kind for item in known for operation in item.operations}
    kinds |= {item.encoder.codec for item in known}
    for item in UNSEEN_DISTORTIONS:
        assert {operation.kind for operation in item.operations}.isdisjoint(kinds)
        assert item.operations or item.encoder.codec not in kinds


@pytest.mark.parametrize("bank", [EXTENDED_DISTORTIONS, UNSEEN_DISTORTIONS])
def test_levels_of_each_family_count_from_one(bank):
    families = {item.family: [] for item in bank}
    for item in bank:
        families[item.family].append(item.level)
    assert all(levels == list(range(1, len(levels) + 1)) for levels in families.values())
    assert all(3 <= len(levels) <= 5 for levels in families.values())


def test_parameters_are_plain_json():
    for item in [*PAPER_DISTORTIONS, *draw_distortions(20, seed=3)]:
        assert json.loads(json.dumps(item.parameters())) == item.parameters()


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 60), seed=st.integers(0, 2**31))
def test_a_draw_has_unique_ids_and_repeats_with_its_seed(count, seed):
    drawn = draw_distortions(count, seed=seed)
    assert len(drawn) == count == len({item.id for item in drawn})
    assert drawn == draw_distortions(count, seed=seed)


def test_a_draw_is_spread_over_families_and_half_of_it_are_mixtures():
    drawn = draw_distortions(24, seed=1)
    singles = [item for item in drawn if item.id < 1000]
    assert len(singles) == len({item.family for item in singles}) == 12
    mixtures = [item for item in drawn if item.id > 1000]
    assert len({item.family for item in mixtures}) == 12
    assert all(item.operations and item.encoder.codec for item in mixtures)


def test_two_seeds_give_two_draws():
    assert draw_distortions(12, seed=1) != draw_distortions(12, seed=2)


def test_what_no_full_reference_measure_can_judge_is_left_out_on_request():
    assert any(item.family == "shake" for item in draw_distortions(90, seed=0))
    assert all(item.comparable for item in draw_distortions(90, seed=0, comparable_only=True))


@pytest.mark.parametrize("count", [-1, 1000])
def test_a_draw_of_an_impossible_size_says_what_is_allowed(count):
    with pytest.raises(ConfigError, match="allowed is 0 to"):
        draw_distortions(count, seed=0)


def test_families_can_be_left_out_alone_and_in_mixtures():
    drawn = draw_distortions(24, seed=0, without=("contrast", "x264"))
    assert len(drawn) == 24
    assert not any({"contrast", "x264"} & set(item.family.split("+")) for item in drawn)


def test_what_is_ordered_has_every_level_of_its_families_and_shakes_by_its_seed():
    found = ordered_distortions(seed=1)
    assert {item.family: item.level for item in found} == dict.fromkeys(ORDERED_FAMILIES, 3)
    assert len(found) == 12
    assert [item.name for item in found] == [item.name for item in ordered_distortions(seed=2)]
    paths = [ordered_distortions(seed=seed)[-1].operations for seed in (1, 1, 2)]
    assert paths[0] == paths[1] != paths[2]


def test_an_unknown_family_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="the families are av1, bicubic"):
        draw_distortions(4, seed=0, without=("colour",))
