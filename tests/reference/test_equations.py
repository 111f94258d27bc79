"""Each equation against a slow NumPy float64 version, and against numbers of the project's own oracle."""

import numpy as np
import pytest
import torch

from sslvqa import losses, nn


def normal(seed, shape):
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape)


def relu_tokens(seed, shape):
    return np.maximum(normal(seed, shape) + normal(seed + 1, shape[:-2] + shape[-1:])[..., None, :], 0)


def slow_distance(a, b, ridge):
    """Eq. 1 with an explicit inverse."""
    pooled = (np.cov(a, rowvar=False) + np.cov(b, rowvar=False)) / 2 + ridge * np.eye(a.shape[1])
    delta = a.mean(axis=0) - b.mean(axis=0)
    return np.sqrt(delta @ np.linalg.inv(pooled) @ delta)


def slow_contrastive(first, second, temperature, ridge):
    """Eq. 2 and 3, summed version by version."""
    total = 0.0
    for a, b in zip(first, second, strict=True):
        likeness = np.array([[np.exp(-slow_distance(x, y, ridge) / temperature) for y in b] for x in a])
        own = np.diag(likeness)
        total += np.mean(-np.log(own / likeness.sum(axis=1))) + np.mean(-np.log(own / likeness.sum(axis=0)))
    return total / len(first)


def slow_cosine_contrastive(first, second, temperature):
    total = 0.0
    for a, b in zip(first.mean(axis=2), second.mean(axis=2), strict=True):
        cosine = (a / np.linalg.norm(a, axis=1)[:, None]) @ (b / np.linalg.norm(b, axis=1)[:, None]).T
        likeness = np.exp(cosine / temperature)
        own = np.diag(likeness)
        total += np.mean(-np.log(own / likeness.sum(axis=1))) + np.mean(-np.log(own / likeness.sum(axis=0)))
    return total / len(first)


def slow_plcc_loss(a, b, kind):
    rho = np.corrcoef(a, b)[0, 1]
    return (1 - rho) / 2 if kind == "paper" else ((1 - rho) / 2 + (1 - rho**2) / 4) / 2


def test_distance_equals_the_slow_one():
    a, b = normal(1, (3, 20, 5)), 0.5 * normal(2, (4, 20, 5)) + 0.3
    expected = [[slow_distance(x, y, 1e-4) for y in b] for x in a]
    actual = nn.pairwise_gaussian_distance(torch.from_numpy(a), torch.from_numpy(b), ridge=1e-4)
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-10)


def test_shrinkage_moves_towards_the_scaled_identity():
    tokens = normal(3, (9, 4))
    cov = np.cov(tokens, rowvar=False)
    _, actual = nn.token_moments(torch.from_numpy(tokens), shrinkage=0.3)
    np.testing.assert_allclose(actual.numpy(), 0.7 * cov + 0.3 * np.trace(cov) / 4 * np.eye(4), rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.5, 10.0])
def test_contrastive_loss_equals_the_slow_one(temperature):
    first, second = relu_tokens(5, (2, 3, 40, 6)), relu_tokens(7, (2, 3, 40, 6))
    expected = slow_contrastive(first, second, temperature, 1e-4)
    actual = losses.statistical_contrastive_loss(
        torch.from_numpy(first), torch.from_numpy(second), temperature=temperature
    )
    assert actual.item() == pytest.approx(expected, rel=1e-10)
    across = losses.statistical_contrastive_loss(
        torch.from_numpy(first), torch.from_numpy(second), temperature=temperature, cross_scene=True
    )
    joined = [x.reshape(1, 6, 40, 6) for x in (first, second)]
    assert across.item() == pytest.approx(slow_contrastive(*joined, temperature, 1e-4), rel=1e-10)


def test_cosine_contrastive_loss_equals_the_slow_one():
    first, second = relu_tokens(5, (2, 3, 8, 6)), relu_tokens(7, (2, 3, 8, 6))
    actual = losses.cosine_contrastive_loss(
        torch.from_numpy(first), torch.from_numpy(second), temperature=0.2
    )
    assert actual.item() == pytest.approx(slow_cosine_contrastive(first, second, 0.2), rel=1e-10)


@pytest.mark.parametrize("kind", ["paper", "released"])
def test_plcc_loss_equals_the_slow_one(kind):
    a, b = normal(8, 9), normal(9, 9)
    actual = losses.plcc_loss(torch.from_numpy(a), torch.from_numpy(b), kind=kind)
    assert actual.item() == pytest.approx(slow_plcc_loss(a, b, kind), abs=1e-12)


def test_transfer_teaches_only_the_less_consistent_model():
    a, b = normal(8, 9), normal(9, 9)
    for eps_r, eps_d, learns in ((0.3, 0.1, "r"), (0.1, 0.3, "d"), (0.2, 0.2, "d")):
        q_r, q_d = (torch.tensor(x, requires_grad=True) for x in (a, b))
        loss = losses.knowledge_transfer_loss(q_r, q_d, torch.tensor(eps_r), torch.tensor(eps_d))
        loss.backward()
        assert loss.item() == pytest.approx(slow_plcc_loss(a, b, "paper"), abs=1e-12)
        student, teacher = (q_r, q_d) if learns == "r" else (q_d, q_r)
        assert student.grad.abs().max() > 0
        assert teacher.grad is None or teacher.grad.abs().max() == 0


def test_pairwise_ranking_equals_the_slow_one():
    scores, levels = normal(4, 6), np.array([2.0, 0.0, np.nan, 1.0, 1.0, 3.0])
    pairs = [scores[i] - scores[j] for i in range(6) for j in range(6) if levels[i] > levels[j]]
    margin = np.mean(np.maximum(0.4 - np.array(pairs), 0))
    logistic = np.mean(np.log1p(np.exp(-np.array(pairs) / 0.7)))
    scores, levels = torch.from_numpy(scores), torch.from_numpy(levels)
    assert losses.pairwise_margin_loss(scores, levels, margin=0.4).item() == pytest.approx(margin, abs=1e-12)
    assert losses.pairwise_logistic_loss(scores, levels, temperature=0.7).item() == pytest.approx(
        logistic, abs=1e-12
    )


def test_corpus_moments_of_a_stream_equal_those_of_all_tokens():
    tokens = 1000 + normal(6, (50, 3))
    parts = [tokens[:7].reshape(7, 1, 3), tokens[7:8], tokens[8:8], tokens[8:]]
    stats = nn.corpus_moments(torch.from_numpy(p) for p in parts)
    assert stats.tokens == 50
    np.testing.assert_allclose(stats.mean.numpy(), tokens.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(stats.cov.numpy(), np.cov(tokens, rowvar=False), rtol=1e-9)


def test_golden_contrastive_losses_and_distances():
    first = relu_tokens(11, (2, 4, 784, 64))
    second = torch.from_numpy(0.5 * relu_tokens(111, (2, 4, 784, 64)) + 0.5 * first)
    first = torch.from_numpy(first)
    for temperature, expected in ((10.0, 2.3165025319432164), (1.0, 0.3051657654202642)):
        loss = losses.statistical_contrastive_loss(first, second, temperature=temperature, ridge=1e-4)
        assert loss.item() == pytest.approx(expected, abs=1e-6)
    distance = nn.pairwise_gaussian_distance(first[0], second[0], ridge=1e-4)
    assert distance[0, 0].item() == pytest.approx(5.565296866080482, abs=1e-6)
    assert distance[0, 1].item() == pytest.approx(8.885161874195518, abs=1e-6)
    half = nn.pairwise_gaussian_distance(first[0].float(), second[0].float(), ridge=1e-4)
    assert half[0, 1].item() == pytest.approx(8.885161874195518, rel=1e-4)


def test_golden_corpus_distances():
    corpus = nn.corpus_moments(torch.from_numpy(part) for part in np.split(normal(13, (3000, 768)), 3))
    scale, shift = np.array([0.5, 1, 1.5, 2]), np.array([0, 0.1, 0.2, 0.3])
    views = torch.from_numpy(normal(14, (4, 784, 768)) * scale[:, None, None] + shift[:, None, None])
    mean, cov = nn.token_moments(views)
    distance = nn.gaussian_distance(mean, cov, corpus.mean, corpus.cov, ridge=1e-6)
    expected = [1.0080403076086664, 3.5089177622717296, 5.829674151420803, 7.570073025591004]
    np.testing.assert_allclose(distance.numpy(), expected, atol=1e-6)
    scores = [0.9041101933129764, 0.7040599457562853, 0.5582393783451713, 0.4690681074858546]
    np.testing.assert_allclose(torch.exp(-distance / 10).numpy(), scores, atol=1e-6)


def test_golden_plcc():
    a = normal(15, 16)
    b = 0.6 * a + 0.7 * normal(16, 16)
    a, b = torch.from_numpy(a), torch.from_numpy(b)
    assert losses.plcc(a, b).item() == pytest.approx(0.705991402487437, abs=1e-12)
    assert losses.plcc_loss(a, b).item() == pytest.approx(0.14700429875628152, abs=1e-12)
