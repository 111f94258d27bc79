"""The head alone, before the first step."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sslvqa.data.datasets import Item
from sslvqa.evaluate.correlation import srocc
from sslvqa.hub.names import build_model
from sslvqa.methods import Compute
from sslvqa.train import HeadConfig
from sslvqa.train.head import Reading, _channel_moments, fit_head, fit_ridge, train_head


class Bright:
    """Videos whose brightness is their score."""

    def __init__(self, scores=range(12)):
        self.scores = [float(score) for score in scores]

    def __len__(self):
        return len(self.scores)

    def __getitem__(self, key):
        noise = torch.rand((2, 3, 4, 32, 32), generator=torch.Generator().manual_seed(key.position))
        views = (noise * 20 + 18 * key.position).to(torch.uint8)
        return Item(views, torch.tensor(self.scores[key.position]), key.position)


class Counted(Bright):
    """The same, and how often one was read."""

    read = 0

    def __getitem__(self, key):
        self.read += 1
        return super().__getitem__(key)


@pytest.fixture
def regressor(tiny):
    torch.manual_seed(0)
    return build_model(tiny).regressor


def predict(regressor, videos):
    views = torch.stack([videos[type("Key", (), {"position": p})].views[0] for p in range(len(videos))])
    with torch.no_grad():
        return Compute()(regressor.eval(), views).double().numpy()


def test_the_head_ranks_the_videos_and_nothing_but_its_last_layer_changes(regressor):
    videos, state = Bright(), torch.get_rng_state()
    before = {name: value.clone() for name, value in regressor.state_dict().items()}
    fit_head(regressor, videos, reading=Reading())
    assert torch.equal(state, torch.get_rng_state())
    assert regressor.training
    changed = {name for name, value in regressor.state_dict().items() if not value.equal(before[name])}
    assert changed == {"head.fc_last.weight", "head.fc_last.bias"}
    assert srocc(predict(regressor, videos), videos.scores).value > 0.8


def test_scores_are_centred_with_a_deviation_of_one_whatever_the_scale_of_the_labels(regressor):
    videos = Bright([5000 + 100 * position for position in range(12)])
    fit_head(regressor, videos, reading=Reading())
    found = predict(regressor, videos)
    assert abs(found.mean()) < 0.1
    assert found.std() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("scores", [[3.0] * 12, [3.0], [1.0, 2.0]])
def test_labels_that_tell_little_or_nothing_leave_a_head_that_works(regressor, scores):
    videos = Bright(scores)
    fit_head(regressor, videos, reading=Reading())
    assert np.isfinite(predict(regressor, videos)).all()


def test_a_direction_with_one_nth_of_the_variance_is_damped_to_half():
    rows = 40
    features = np.linalg.qr(np.random.default_rng(0).normal(size=(rows, 4)))[0]
    features = np.linalg.qr(features - features.mean(axis=0))[0] * np.sqrt([37, 1, 1, 1])
    scores = features @ np.array([1.0, 1.0, 0.0, 0.0]) + 7
    weights = fit_ridge(features, scores)
    np.testing.assert_allclose(weights, [37 / 38, 1 / 2, 0, 0], atol=1e-12)


def test_constant_features_give_no_weights():
    assert not fit_ridge(np.ones((5, 3)), np.arange(5.0)).any()


@pytest.mark.parametrize("moments", [False, True])
def test_the_head_learns_on_views_that_are_read_once_and_nothing_else_changes(tiny, moments):
    torch.manual_seed(0)
    regressor = build_model(replace(tiny, head_moments=moments, head_dropout=0.0)).regressor
    videos, state = Counted(), torch.get_rng_state()
    before = {name: value.clone() for name, value in regressor.state_dict().items()}
    config = HeadConfig(epochs=60, draws=2, batch=6, lr=1e-2)
    train_head(regressor, videos, config, reading=Reading())
    assert torch.equal(state, torch.get_rng_state())
    assert videos.read == 2 * len(videos)  # two pairs of views a video, however many passes
    changed = {name for name, value in regressor.state_dict().items() if not value.equal(before[name])}
    assert changed == {"head.fc_hid.weight", "head.fc_hid.bias", "head.fc_last.weight", "head.fc_last.bias"}
    found = predict(regressor, videos)
    assert srocc(found, videos.scores).value > 0.9
    assert abs(found.mean()) < 0.2
    assert found.std() == pytest.approx(1, rel=0.2)


def test_a_head_that_has_learned_goes_on_from_what_it_is(tiny):
    torch.manual_seed(0)
    regressor = build_model(replace(tiny, head_moments=True, head_dropout=0.0)).regressor
    videos, config = Bright(), HeadConfig(epochs=60, batch=6, lr=1e-2)
    train_head(regressor, videos, config, reading=Reading())
    before = predict(regressor, videos)
    onwards = replace(config, epochs=1, lr=1e-6)
    train_head(regressor, videos, onwards, reading=Reading(), weight_decay=0.0, learned=True)
    assert np.corrcoef(before, predict(regressor, videos))[0, 1] > 0.9999


def test_the_same_seed_learns_the_same_head(tiny):
    learned = []
    for seed in (0, 0, 1):
        torch.manual_seed(0)
        regressor = build_model(tiny).regressor
        train_head(regressor, Bright(), HeadConfig(epochs=2, batch=4), reading=Reading(), seed=seed)
        learned.append(regressor.head.fc_hid.weight.detach().clone())
    assert learned[0].equal(learned[1])
    assert not learned[0].equal(learned[2])


def test_channels_of_a_bank_have_their_moments_some_videos_at_a_time():
    bank = torch.randn(70, 2, 5, 3, 2, 2).half() * 3 + 1
    mean, deviation = _channel_moments(bank)
    expected, centre = torch.std_mean(bank.float().transpose(0, 2).flatten(1), dim=1)
    torch.testing.assert_close(mean.flatten(), centre)
    torch.testing.assert_close(deviation.flatten(), expected)
