"""The head alone, before the first step."""

import torch

from sslvqa.data.datasets import Item
from sslvqa.evaluate.correlation import srocc
from sslvqa.hub.names import build_model
from sslvqa.methods import Compute
from sslvqa.train.head import fit_head


class Bright:
    """Videos whose brightness is their score."""

    def __len__(self):
        return 12

    def __getitem__(self, key):
        noise = torch.rand((2, 3, 4, 32, 32), generator=torch.Generator().manual_seed(key.position))
        views = (noise * 20 + 18 * key.position).to(torch.uint8)
        return Item(views, float(key.position), key.position)


def test_the_head_ranks_the_videos_and_nothing_else_changes(tiny):
    torch.manual_seed(0)
    regressor = build_model(tiny).regressor
    videos, compute = Bright(), Compute()
    before = {name: value.clone() for name, value in regressor.backbone.state_dict().items()}
    state = torch.get_rng_state()

    fit_head(regressor, videos, steps=60, lr=1e-2, compute=compute, seed=3)

    assert torch.equal(state, torch.get_rng_state())
    assert regressor.training
    assert all(value.equal(before[name]) for name, value in regressor.backbone.state_dict().items())
    views = torch.stack([videos[type("Key", (), {"position": p})].views[0] for p in range(len(videos))])
    with torch.no_grad():
        q_r = compute(regressor.eval(), views).double().numpy()
    assert srocc(q_r, list(range(len(videos)))).value > 0.95


def test_the_same_seed_gives_the_same_head(tiny):
    def head(seed):
        torch.manual_seed(0)
        regressor = build_model(tiny).regressor
        fit_head(regressor, Bright(), steps=3, lr=1e-2, compute=Compute(), seed=seed)
        return regressor.head.fc_hid.weight

    assert torch.equal(head(1), head(1))
    assert not torch.equal(head(1), head(2))
