"""The backbone's attention against a slow one: explicit softmax, one window, one pair at a time."""

import itertools

import numpy as np
import pytest
import torch

from sslvqa.nn.swin3d.attention import WindowAttention
from sslvqa.nn.swin3d.window import plan_windows


def slow_bias(attention, plan, positions):
    """Bias of one window: ``positions`` are its tokens' places in the padded, unshifted map."""
    relative = attention.relative_position_bias_table.detach().double().numpy()
    fragment = attention.fragment_position_bias_table
    fragment = relative if fragment is None else fragment.detach().double().numpy()
    _, th, tw = plan.table_window
    local = list(itertools.product(*(range(n) for n in plan.table_window)))[: plan.tokens]
    _, height, width = plan.padded
    bias = np.zeros((attention.heads, plan.tokens, plan.tokens))
    for a, b in itertools.product(range(plan.tokens), repeat=2):
        dt, dh, dw = (p - q + n - 1 for p, q, n in zip(local[a], local[b], plan.table_window, strict=True))
        row = dt * (2 * th - 1) * (2 * tw - 1) + dh * (2 * tw - 1) + dw
        cells = [
            (h * plan.fragments // height, w * plan.fragments // width)
            for _, h, w in (positions[a], positions[b])
        ]
        gate = abs(cells[0][0] - cells[1][0]) + abs(cells[0][1] - cells[1][1])
        gate = {"distance": gate, "binary": min(gate, 1), "none": 1}[plan.gate]
        bias[:, a, b] = gate * relative[row] + (1 - gate) * fragment[row]
        if any((p < s) != (q < s) for p, q, s in zip(positions[a], positions[b], plan.shift, strict=True)):
            bias[:, a, b] -= 100
    return bias


def slow_attention(attention, tokens, plan):
    """``tokens``: float64 (T, H, W, C), padded, not rolled; returns the map in the same places."""
    state = {k: v.detach().double().numpy() for k, v in attention.state_dict().items()}
    out = np.zeros_like(tokens)
    head = tokens.shape[-1] // attention.heads
    for corner in itertools.product(*(range(0, n, w) for n, w in zip(plan.padded, plan.window, strict=True))):
        rolled = [
            tuple(c + o for c, o in zip(corner, offset, strict=True))
            for offset in itertools.product(*map(range, plan.window))
        ]
        positions = [
            tuple((p + s) % n for p, s, n in zip(at, plan.shift, plan.padded, strict=True)) for at in rolled
        ]
        window = np.stack([tokens[p] for p in positions])
        qkv = window @ state["qkv.weight"].T + state["qkv.bias"]
        query, key, value = np.split(qkv, 3, axis=-1)
        bias = slow_bias(attention, plan, positions)
        mixed = []
        for h in range(attention.heads):
            part = slice(h * head, (h + 1) * head)
            logits = query[:, part] @ key[:, part].T / np.sqrt(head) + bias[h]
            weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
            mixed.append(weights / weights.sum(axis=-1, keepdims=True) @ value[:, part])
        result = np.concatenate(mixed, axis=-1) @ state["proj.weight"].T + state["proj.bias"]
        for position, row in zip(positions, result, strict=True):
            out[position] = row
    return out


@pytest.mark.parametrize("gate", ["distance", "binary", "none"])
@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize(
    ("size", "window", "fragments"),
    [
        ((4, 6, 6), (2, 3, 3), 3),
        ((2, 5, 4), (4, 3, 3), 2),
        ((3, 4, 7), (2, 4, 2), 7),
        ((2, 2, 2), (3, 3, 3), 2),
    ],
)
def test_attention_equals_the_slow_one(gate, shifted, size, window, fragments):
    generator = torch.Generator().manual_seed(3)
    attention = WindowAttention(8, heads=2, window=window, gated=gate != "none")
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.4, generator=generator)
    plan = plan_windows(size, window=window, shifted=shifted, fragments=fragments, gate=gate)
    tokens = torch.randn(2, *plan.padded, 8, generator=generator)
    expected = np.stack([slow_attention(attention, clip, plan) for clip in tokens.double().numpy()])
    rolled = tokens.roll([-s for s in plan.shift], dims=(1, 2, 3))
    for context in (torch.no_grad, torch.enable_grad):
        with context():
            actual = attention(rolled, plan).roll(plan.shift, dims=(1, 2, 3))
        np.testing.assert_allclose(actual.detach().numpy(), expected, atol=1e-5, rtol=1e-5)
