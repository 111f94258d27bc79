"""Heads, quality models and the moving average."""

import math

import numpy as np
import pytest
import torch
from scipy.special import erf

from sslvqa.errors import ConfigError, DataError
from sslvqa.nn import (
    DistanceModel,
    DualQualityModel,
    Projection,
    QualityHead,
    RegressorModel,
    SharedQualityModel,
    SwinBackbone,
    SwinConfig,
    corpus_moments,
    gaussian_distance,
    moving_average,
    token_moments,
)

CONFIG = SwinConfig(embed_dim=8, depths=(1, 1), heads=(1, 2), window=(2, 3, 3), gate="none", gated_stages=())


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def backbone(seed=0):
    return SwinBackbone(CONFIG, generator=generator(seed))


def distance_model(**options):
    return DistanceModel(backbone(1), **{"shrinkage": 0.1, **options}).eval()


def views(batch=3, seed=2):
    return torch.randn(batch, 3, 8, 24, 24, generator=generator(seed))


def test_the_regressed_score_is_the_mean_of_its_map():
    model = RegressorModel(backbone(), QualityHead(16, hidden=4, generator=generator())).eval()
    values = model.quality_map(views())
    assert values.shape == (3, 4, 3, 3)
    torch.testing.assert_close(model(views()), values.mean(dim=(1, 2, 3)))


def test_the_head_drops_out_in_training_only():
    head, features = QualityHead(16, hidden=4), torch.ones(1, 16, 2, 3, 3)
    assert not torch.equal(head(features), head(features))
    head.eval()
    assert torch.equal(head(features), head(features))


def test_a_head_of_moments_judges_the_view_and_its_values_have_the_score_as_their_mean():
    head = QualityHead(5, hidden=4, moments=True, generator=generator()).eval()
    features = torch.randn(2, 5, 3, 2, 2, generator=generator(3))
    weight, bias, last, offset = (
        value.detach().double().squeeze().numpy()
        for value in (head.fc_hid.weight, head.fc_hid.bias, head.fc_last.weight, head.fc_last.bias)
    )

    def say(mean, deviation):
        hidden = weight @ np.concatenate([mean, deviation]) + bias
        return last @ (hidden * (1 + erf(hidden / np.sqrt(2))) / 2) + offset

    scores, values = head.score(head.inputs(features)), head(features)
    for index, tokens in enumerate(features.double().flatten(2).numpy()):
        mean, deviation = tokens.mean(axis=1), tokens.std(axis=1)
        each = np.array([say(token, deviation) for token in tokens.T])
        expected = each - each.mean() + say(mean, deviation)
        np.testing.assert_allclose(values[index].detach().numpy().ravel(), expected, atol=1e-4)
        assert scores[index].item() == pytest.approx(say(mean, deviation), abs=1e-4)


@pytest.mark.parametrize("moments", [False, True])
def test_a_head_can_take_the_inputs_as_they_are_that_it_was_given_standardised(moments):
    head = QualityHead(5, hidden=4, moments=moments, generator=generator()).eval()
    inputs = head.inputs(torch.randn(3, 5, 2, 2, 2, generator=generator(3)))
    mean, deviation = (torch.rand(inputs.shape[1], generator=generator(4)) + 0.5 for _ in range(2))
    shape = (-1, 1, 1, 1)
    expected = head.score((inputs - mean.view(shape)) / deviation.view(shape))
    head.standardise_inputs(mean, deviation)
    torch.testing.assert_close(head.score(inputs), expected)


def test_equal_tokens_give_a_head_of_moments_finite_gradients():
    head = QualityHead(5, hidden=4, moments=True, generator=generator())
    features = torch.ones(2, 5, 3, 2, 2, requires_grad=True)
    head(features).sum().backward()
    assert torch.isfinite(features.grad).all()


def test_the_projection_narrows_tokens_and_is_not_negative():
    projected = Projection(16, out_channels=5, generator=generator())(torch.randn(2, 3, 9, 16))
    assert projected.shape == (2, 3, 9, 5)
    assert (projected >= 0).all()


def test_the_distance_score_follows_its_equation():
    model = distance_model(temperature=7.0, ridge=1e-3)
    corpus = corpus_moments([model.tokens(views(seed=9)).detach()])
    model.set_corpus(corpus)
    tokens = model.tokens(views())
    assert tokens.shape == (3, 36, 16)
    mean, cov = token_moments(tokens, shrinkage=0.1)
    shrunk = 0.9 * corpus.cov + 0.1 * corpus.cov.trace() / 16 * torch.eye(16)
    distance = gaussian_distance(mean, cov, corpus.mean.float(), shrunk.float(), ridge=1e-3)
    torch.testing.assert_close(model(views()), torch.exp(-distance / 7))
    torch.testing.assert_close(model(views()), model(views(), (corpus.mean, corpus.cov)))
    hotter = model.score_tokens(tokens, temperature=70.0)
    torch.testing.assert_close(hotter, torch.exp(-distance / 70))


def test_a_corpus_scores_1_against_itself_and_less_against_others():
    model = distance_model()
    own = views(1)
    model.set_corpus(corpus_moments([model.tokens(own).detach()]))
    assert model(own).item() == pytest.approx(1, abs=1e-4)
    assert model(views(1, seed=5)).item() < model(own).item()


def test_no_gradient_flows_into_the_corpus():
    model = distance_model()
    mean, cov = torch.zeros(16, requires_grad=True), torch.eye(16, requires_grad=True)
    model(views(), (mean, cov)).sum().backward()
    assert mean.grad is None
    assert cov.grad is None
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_a_missing_or_unfit_corpus_is_refused():
    model = distance_model()
    with pytest.raises(DataError, match="has no corpus"):
        model(views())
    with pytest.raises(DataError, match=r"5 channels, the backbone 16"):
        model.set_corpus(corpus_moments([torch.zeros(4, 5)]))
    for options in ({"temperature": 0.0}, {"ridge": -1.0}, {"shrinkage": 1.5}):
        with pytest.raises(ConfigError, match="temperature must be > 0"):
            distance_model(**options)


def test_a_stored_corpus_survives_the_state_dict():
    model, copy = distance_model(), distance_model()
    model.set_corpus(corpus_moments([model.tokens(views(seed=9)).detach()]))
    copy.load_state_dict(model.state_dict())
    assert torch.equal(copy(views()), model(views()))
    assert int(copy.corpus_tokens) == 108


@pytest.mark.parametrize("frame", ["black", "noise", "far"])
def test_both_scores_and_gradients_are_finite(frame):
    model = DualQualityModel(
        RegressorModel(backbone(), QualityHead(16)), distance_model(temperature=0.1)
    ).train()
    model.distance.set_corpus(corpus_moments([model.distance.tokens(views(seed=9)).detach()]))
    batch = {"black": torch.zeros_like(views()), "noise": views(), "far": 1e4 * views()}[frame]
    scores = model(batch)
    assert model.quality_map(batch).shape == (3, 4, 3, 3)
    assert scores.q_r.shape == scores.q_d.shape == (3,)
    assert ((scores.q_d >= 0) & (scores.q_d <= 1)).all()
    (scores.q_r.sum() + scores.q_d.sum()).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_equal_backbones_can_be_one_with_the_same_scores():
    options = {"embed_dim": 8, "depths": (1, 1), "heads": (1, 2), "window": (2, 3, 3), "gate": "none"}
    config = SwinConfig(gated_stages=(), bands=5, skip=True, **options)
    own = SwinBackbone(config.without_skip, generator=generator(1))
    skipping = SwinBackbone(config)
    skipping.load_state_dict(own.state_dict())
    head = QualityHead(config.channels, hidden=4, moments=True, generator=generator())
    distance = DistanceModel(own, temperature=3.0, ridge=1e-3, shrinkage=0.2)
    pair = DualQualityModel(RegressorModel(skipping, head), distance).eval()
    distance.set_corpus(corpus_moments([distance.tokens(views(seed=5)).detach()]))
    shared = SharedQualityModel.of(pair).eval()
    for mine, theirs in zip(shared(views()), pair(views()), strict=True):
        torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(shared.tokens(views()), pair.tokens(views()))
    torch.testing.assert_close(shared.quality_map(views()), pair.quality_map(views()))
    kept = {name for name in pair.state_dict() if not name.startswith("distance.backbone.")}
    assert set(shared.state_dict()) == kept
    torch.nn.init.zeros_(own.norm.weight)
    assert SharedQualityModel.of(pair) is None


def test_scores_under_autocast_are_float32():
    model = DualQualityModel(RegressorModel(backbone(), QualityHead(16)), distance_model()).eval()
    model.distance.set_corpus(corpus_moments([model.distance.tokens(views(seed=9)).detach()]))
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        rough = model(views())
    assert rough.q_r.dtype == rough.q_d.dtype == torch.float32
    torch.testing.assert_close(rough.q_d, model(views()).q_d.detach(), atol=0.02, rtol=0)


def test_the_moving_average_follows_its_equation():
    model = torch.nn.Linear(1, 1, bias=False)
    average = moving_average(model, decay=0.9, ramp=False)
    values = [1.0, 2.0, 5.0]
    for value in values:
        model.weight.data.fill_(value)
        average.update_parameters(model)
    expected = 0.9 * (0.9 * 1 + 0.1 * 2) + 0.1 * 5
    assert average.module.weight.item() == pytest.approx(expected)
    assert not average.module.weight.requires_grad


def test_a_ramped_average_is_the_plain_mean_until_the_decay_is_reached():
    model = torch.nn.Linear(1, 1, bias=False)
    average = moving_average(model, decay=0.999)
    for value in (1.0, 2.0, 6.0):
        model.weight.data.fill_(value)
        average.update_parameters(model)
    assert average.module.weight.item() == pytest.approx(3)
    with pytest.raises(ConfigError, match=r"decay is 1"):
        moving_average(model, decay=1.0)


def test_the_average_copies_the_corpus():
    model = distance_model()
    average = moving_average(model)
    model.set_corpus(corpus_moments([model.tokens(views()).detach()]))
    average.update_parameters(model)
    assert torch.equal(average.module.corpus_mean, model.corpus_mean)
    assert math.isfinite(average(views()).sum().item())
