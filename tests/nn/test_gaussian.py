"""Gaussian distance: properties, gradients, degenerate covariances."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslvqa.errors import DataError
from sslvqa.nn import corpus_moments, gaussian_distance, pairwise_gaussian_distance, shrink, token_moments

few = settings(max_examples=25, deadline=None)


def tokens(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_unit_covariances_give_the_euclidean_distance():
    eye, zero = torch.eye(3), torch.zeros(3)
    assert gaussian_distance(zero, eye, torch.tensor([3.0, 4.0, 0.0]), eye, ridge=0).item() == pytest.approx(
        5
    )
    assert gaussian_distance(zero, eye, zero, 3 * eye).item() == 0


@few
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 5))
def test_distance_is_symmetric_not_negative_and_zero_for_the_same_mean(seed, count, channels):
    first, second = tokens(seed, 2, count, channels), tokens(seed + 1, 3, count + 1, channels) + 0.5
    distance = pairwise_gaussian_distance(first, second)
    assert distance.shape == (2, 3)
    assert (distance > 0).all()
    torch.testing.assert_close(distance, pairwise_gaussian_distance(second, first).mT)
    assert not pairwise_gaussian_distance(first, first).diagonal().any()


@few
@given(st.integers(0, 10**6))
def test_distance_without_ridge_does_not_change_under_linear_maps(seed):
    first, second, mix = (
        tokens(seed, 30, 4),
        tokens(seed + 1, 30, 4) + 1,
        tokens(seed + 2, 4, 4) + 4 * torch.eye(4),
    )
    before = pairwise_gaussian_distance(first[None], second[None], ridge=0)
    after = pairwise_gaussian_distance(first[None] @ mix, second[None] @ mix, ridge=0)
    torch.testing.assert_close(before, after, rtol=1e-6, atol=1e-8)


def test_gradients_of_the_distance_are_right():
    first, second = tokens(1, 2, 6, 3).requires_grad_(), tokens(2, 2, 5, 3).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b: pairwise_gaussian_distance(a, b, shrinkage=0.2), (first, second)
    )
    mean, cov = tokens(3, 3).requires_grad_(), torch.eye(3, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda m, c: gaussian_distance(m, c + c.mT, torch.zeros(4, 3, dtype=torch.float64), c + c.mT),
        (mean, cov),
    )


def test_the_gradient_is_0_where_the_means_coincide():
    first = tokens(1, 1, 9, 3).requires_grad_()
    pairwise_gaussian_distance(first, first.detach().clone()).sum().backward()
    assert torch.equal(first.grad, torch.zeros_like(first))


@pytest.mark.parametrize("ridge", [0.0, 1e-6, 1e-4])
@pytest.mark.parametrize("shrinkage", [0.0, 0.1, 1.0])
@pytest.mark.parametrize(
    "kind", ["rank deficient", "constant", "zero", "tiny", "huge", "two tokens", "collinear"]
)
def test_singular_covariances_give_finite_distances_and_gradients(kind, ridge, shrinkage):
    base = tokens(4, 2, 40, 96, dtype=torch.float32)
    values = {
        "rank deficient": base,
        "constant": torch.ones_like(base) * torch.arange(1.0, 3)[:, None, None],
        "zero": torch.zeros_like(base),
        "tiny": 1e-18 * base,
        "huge": 1e12 * base,
        "two tokens": base[:, :2],
        "collinear": base[..., :1].expand_as(base) + 1,
    }[kind].requires_grad_()
    distance = pairwise_gaussian_distance(values, values.roll(1, dims=0), ridge=ridge, shrinkage=shrinkage)
    distance.sum().backward()
    assert distance.isfinite().all()
    assert values.grad.isfinite().all()


def test_one_failed_factorisation_changes_no_other():
    good = token_moments(tokens(1, 3, 20, 4, dtype=torch.float32))
    cov = good[1].clone()
    cov[1] = -torch.eye(4)
    mean = torch.zeros(4)
    distance = gaussian_distance(good[0], cov, mean, cov, ridge=0)
    expected = gaussian_distance(good[0], good[1], mean, good[1], ridge=0)
    assert torch.equal(distance[[0, 2]], expected[[0, 2]])


def test_half_precision_and_autocast_are_raised_to_float32():
    first = tokens(1, 2, 30, 8, dtype=torch.float32)
    exact = pairwise_gaussian_distance(first, first.flip(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(pairwise_gaussian_distance(first, first.flip(0)), exact)
    rough = first.bfloat16()
    assert token_moments(rough)[1].dtype == torch.float32
    torch.testing.assert_close(pairwise_gaussian_distance(rough, rough.flip(0)), exact, rtol=0.05, atol=0.05)


def test_full_shrinkage_leaves_a_scaled_identity_of_the_same_trace():
    cov = token_moments(tokens(1, 20, 4))[1]
    torch.testing.assert_close(shrink(cov, 1.0), cov.trace() / 4 * torch.eye(4, dtype=torch.float64))
    assert shrink(cov, 0.0) is cov


def test_a_single_token_is_refused():
    with pytest.raises(DataError, match="N >= 2"):
        token_moments(torch.zeros(1, 4))
    with pytest.raises(DataError, match="add pristine clips"):
        corpus_moments([torch.zeros(1, 4)])
    with pytest.raises(DataError, match="add pristine clips"):
        corpus_moments([])
    with pytest.raises(DataError, match="5 channels after batches of 4"):
        corpus_moments([torch.zeros(3, 4), torch.zeros(3, 5)])
