"""Closed forms, gradients, degenerate inputs and invariances of the losses."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa import losses
from sslvqa.errors import DataError

few = settings(max_examples=25, deadline=None)


def rng(seed):
    return torch.Generator().manual_seed(seed)


def tokens(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, generator=rng(seed), dtype=dtype)


CONTRASTIVE = [losses.statistical_contrastive_loss, losses.cosine_contrastive_loss]


@pytest.mark.parametrize("loss", CONTRASTIVE)
@pytest.mark.parametrize("versions", [1, 2, 5])
def test_equal_distances_give_twice_log_k(loss, versions):
    view = tokens(0, 1, 1, 9, 4).expand(2, versions, 9, 4)
    assert loss(view, view).item() == pytest.approx(2 * math.log(versions), abs=1e-9)


@pytest.mark.parametrize("loss", CONTRASTIVE)
@pytest.mark.parametrize("cross_scene", [False, True])
def test_contrastive_loss_is_symmetric_and_falls_with_matching_pairs(loss, cross_scene):
    first = tokens(1, 2, 3, 30, 4) + 3 * tokens(2, 2, 3, 1, 4)
    second = first + 0.1 * tokens(3, 2, 3, 30, 4)
    matched = loss(first, second, cross_scene=cross_scene)
    assert matched.item() == pytest.approx(loss(second, first, cross_scene=cross_scene).item(), abs=1e-12)
    assert matched < loss(first, second.roll(1, dims=1), cross_scene=cross_scene)


@pytest.mark.parametrize("loss", CONTRASTIVE)
def test_contrastive_gradients_are_right(loss):
    first, second = (tokens(s, 1, 2, 5, 3).requires_grad_() for s in (4, 5))
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, temperature=0.7), (first, second))


@pytest.mark.parametrize("loss", CONTRASTIVE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("case", ["coincide", "far", "constant", "zero", "one version", "few tokens", "huge"])
def test_contrastive_loss_and_gradient_are_finite(loss, dtype, case):
    first, second = tokens(6, 2, 3, 20, 8, dtype=torch.float64), tokens(7, 2, 3, 20, 8, dtype=torch.float64)
    first, second = {
        "coincide": (first, first.clone()),
        "far": (first, second + 1e4),
        "constant": (torch.ones_like(first), 2 * torch.ones_like(first)),
        "zero": (torch.zeros_like(first), torch.zeros_like(first)),
        "one version": (first[:, :1], second[:, :1]),
        "few tokens": (first[:, :, :2], second[:, :, :2]),
        "huge": (1e6 * first, 1e6 * second),
    }[case]
    first, second = (x.to(dtype).requires_grad_() for x in (first, second))
    value = loss(first, second)
    value.backward()
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert value.isfinite()
    assert first.grad.isfinite().all()
    assert second.grad.isfinite().all()


def test_contrastive_loss_ignores_autocast():
    first, second = tokens(8, 1, 3, 20, 8, dtype=torch.float32), tokens(9, 1, 3, 20, 8, dtype=torch.float32)
    for loss in CONTRASTIVE:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss(first, second)
        assert value.item() == pytest.approx(loss(first, second).item(), rel=1e-6)


@pytest.mark.parametrize("loss", CONTRASTIVE)
def test_unequal_tokens_are_refused(loss):
    with pytest.raises(DataError, match="two equal ones"):
        loss(tokens(1, 2, 3, 4, 5), tokens(1, 2, 2, 4, 5))
    with pytest.raises(DataError, match="scenes, versions, tokens, channels"):
        loss(tokens(1, 3, 4, 5), tokens(1, 3, 4, 5))


def test_plcc_loss_is_0_1_and_a_half_for_equal_reversed_and_constant():
    scores = tokens(1, 12)
    for constant in (0.0, 0.1, -1e6):
        assert losses.plcc_loss(scores, torch.full_like(scores, constant)).item() == 0.5
    assert losses.plcc_loss(scores, scores).item() == pytest.approx(0, abs=1e-12)
    assert losses.plcc_loss(scores, -scores).item() == pytest.approx(1, abs=1e-12)
    assert losses.plcc_loss(scores, -scores, kind="released").item() == pytest.approx(0.5, abs=1e-12)
    assert losses.plcc_loss(scores, torch.zeros_like(scores), kind="released").item() == 0.375


@pytest.mark.parametrize("kind", ["paper", "released"])
def test_plcc_gradient_is_right(kind):
    first, second = tokens(2, 6).requires_grad_(), tokens(3, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: losses.plcc_loss(a, b, kind=kind), (first, second))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scores", [[0.1] * 16, [0.3], [0.0] * 7, [1.0, 2.0], [1e4, 1e4 + 8, 1e4], [5.0] * 3])
def test_plcc_loss_of_degenerate_batches_has_finite_gradients(dtype, scores):
    first = torch.tensor(scores, dtype=dtype, requires_grad=True)
    second = torch.arange(len(scores), dtype=dtype, requires_grad=True)
    loss = losses.plcc_loss(first, second)
    loss.backward()
    assert 0 <= loss.item() <= 1
    assert first.grad.isfinite().all()
    assert second.grad.isfinite().all()
    if len(set(scores)) == 1:
        assert loss.item() == 0.5
        assert not first.grad.any()


@few
@given(st.integers(0, 10**6), st.integers(3, 20), st.floats(0.01, 100), st.floats(-100, 100))
def test_plcc_loss_does_not_change_under_increasing_linear_maps(seed, count, slope, offset):
    first, second = torch.randn(2, count, generator=rng(seed), dtype=torch.float64)
    for kind in ("paper", "released"):
        before = losses.plcc_loss(first, second, kind=kind).item()
        assert losses.plcc_loss(slope * first + offset, second, kind=kind).item() == pytest.approx(
            before, abs=1e-8
        )
        assert losses.plcc_loss(second, first, kind=kind).item() == pytest.approx(before, abs=1e-12)
    assert losses.plcc_loss(-first, second).item() == pytest.approx(
        1 - losses.plcc_loss(first, second).item()
    )


@pytest.mark.parametrize("shapes", [((3,), (4,)), ((0,), (0,)), ((2, 2), (2, 2))])
def test_plcc_refuses_batches_that_do_not_match(shapes):
    with pytest.raises(DataError, match="PLCC needs"):
        losses.plcc(*(torch.zeros(s) for s in shapes))


def test_consistency_gives_both_views_a_gradient_and_is_0_for_linear_agreement():
    first = tokens(4, 8).requires_grad_()
    assert losses.consistency_loss(first, 2 * first + 1).item() == pytest.approx(0, abs=1e-12)
    second = tokens(5, 8).requires_grad_()
    losses.consistency_loss(first, second).backward()
    assert first.grad.any()
    assert second.grad.any()


def test_transfer_without_consistency_terms_teaches_both_models():
    q_r, q_d = tokens(4, 8).requires_grad_(), tokens(5, 8).requires_grad_()
    loss = losses.knowledge_transfer_loss(q_r, q_d)
    loss.backward()
    assert loss.item() == pytest.approx(2 * losses.plcc_loss(q_r, q_d).item())
    assert q_r.grad.any()
    assert q_d.grad.any()


def test_transfer_gives_the_consistency_terms_no_gradient():
    q_r, q_d = tokens(4, 8).requires_grad_(), tokens(5, 8)
    eps_r, eps_d = (torch.tensor(x, requires_grad=True) for x in (0.3, 0.1))
    losses.knowledge_transfer_loss(q_r, q_d, eps_r, eps_d).backward()
    assert eps_r.grad is None
    assert eps_d.grad is None


def test_ranking_losses_have_closed_forms_for_perfect_and_equal_scores():
    levels = torch.tensor([3.0, 2.0, 1.0])
    assert losses.pairwise_margin_loss(levels, levels, margin=1.0).item() == 0
    assert losses.pairwise_margin_loss(torch.zeros(3), levels, margin=0.25).item() == 0.25
    assert losses.pairwise_logistic_loss(torch.zeros(3), levels).item() == pytest.approx(math.log(2))
    assert losses.pairwise_logistic_loss(levels, levels) < losses.pairwise_logistic_loss(-levels, levels)


@pytest.mark.parametrize("loss", [losses.pairwise_margin_loss, losses.pairwise_logistic_loss])
def test_ranking_without_an_ordered_pair_is_0_with_a_gradient_of_0(loss):
    scores = torch.tensor([1.0, 2.0], requires_grad=True)
    value = loss(scores, torch.tensor([1.0, 1.0]))
    value.backward()
    assert value.item() == 0
    assert not scores.grad.any()
    with pytest.raises(DataError, match="one entry per version"):
        loss(scores, torch.zeros(3))


def test_ranking_gradients_are_right_and_finite_far_apart():
    scores, levels = tokens(6, 2, 4).requires_grad_(), torch.tensor([1.0, 3.0, 2.0, 2.0])
    assert torch.autograd.gradcheck(
        lambda s: losses.pairwise_logistic_loss(s, levels, temperature=0.5), scores
    )
    assert torch.autograd.gradcheck(lambda s: losses.pairwise_margin_loss(s, levels, margin=0.3), scores)
    far = (1e6 * scores.detach()).requires_grad_()
    losses.pairwise_logistic_loss(far, levels).backward()
    assert far.grad.isfinite().all()


def test_the_ranking_loss_of_groups_is_that_of_each_scene_kind_and_view_and_has_no_scale():
    nan = math.nan
    levels = torch.tensor([[[0.0, -1, nan, -2], [0, nan, -1, nan]], [[0, -1, -2, -3], [nan, nan, nan, nan]]])
    scores, spread = tokens(7, 2, 4, 3), torch.tensor(0.7, dtype=torch.float64)
    pairs = {0: [(0, 1), (0, 3), (1, 3), (0, 2)], 1: [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]}
    values = [
        math.log1p(math.exp(-float(scores[scene, better, view] - scores[scene, worse, view]) / 0.7 / 0.25))
        for scene, ordered in pairs.items()
        for better, worse in ordered
        for view in range(3)
    ]
    loss = losses.ranking_loss(scores, levels, spread=spread)
    assert loss.item() == pytest.approx(sum(values) / len(values))
    torch.testing.assert_close(losses.ranking_loss(5 * scores + 3, levels, spread=5 * spread), loss)


@few
@given(st.integers(0, 10**6), st.integers(2, 6))
def test_ranking_does_not_depend_on_the_order_of_versions(seed, count):
    scores = torch.randn(count, generator=rng(seed), dtype=torch.float64)
    levels = torch.randint(0, 3, (count,), generator=rng(seed))
    order = torch.randperm(count, generator=rng(seed))
    for loss in (losses.pairwise_margin_loss, losses.pairwise_logistic_loss):
        assert loss(scores, levels).item() == pytest.approx(loss(scores[order], levels[order]).item())
