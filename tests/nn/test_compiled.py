"""Compiling: the same numbers, a graph without breaks, and going on where it fails.

A tracing back end without a C++ compiler stands in; what it is given is what the real one is given.
"""

from functools import partial

import pytest
import torch

from sslvqa.nn import SwinBackbone, SwinConfig
from sslvqa.nn.compiled import Compiled

CONFIG = SwinConfig(
    embed_dim=8, depths=(2, 1), heads=(1, 2), window=(2, 2, 2), fragments=2, gated_stages=(0,), drop_path=0.5
)


@pytest.fixture
def traced(monkeypatch):
    """Let the tracing back end compile, and count how often it is asked."""
    from torch._dynamo.backends.debugging import aot_eager
    from torch._dynamo.utils import counters

    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return aot_eager(graph, inputs)

    real = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda function, *, dynamic, options: real(function, backend=backend)
    )
    torch._dynamo.reset()
    counters.clear()
    yield graphs
    assert not counters["graph_break"]
    torch._dynamo.reset()


def gradients(module):
    return {name: p.grad.clone() for name, p in module.named_parameters()}


def test_a_network_gives_the_same_values_draws_and_gradients_compiled(traced):
    torch.manual_seed(0)
    network = SwinBackbone(CONFIG).train()
    compiled = Compiled(network)
    views = torch.randn(3, 3, 4, 32, 32)
    results = []
    for _ in range(3):
        network.zero_grad()
        torch.manual_seed(1)  # of the stochastic depth
        out = compiled(views)
        out.square().sum().backward()
        results.append((out.detach(), gradients(network)))
    assert len(traced) == 1, "the first call is plain, the second compiles, the third reuses"
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=1e-4, atol=1e-5)


def test_every_shape_is_compiled_when_it_comes_again(traced):
    compiled = Compiled(lambda rows: rows * 2)
    for count in (2, 3, 2, 3, 4):
        assert torch.equal(compiled(torch.ones(count)), torch.full((count,), 2.0))
    assert len(traced) == 2


@pytest.mark.parametrize("calls", [2, 4])
def test_where_compiling_fails_the_function_serves_and_one_warning_says_why(monkeypatch, caplog, calls):
    from torch._dynamo.exc import TorchDynamoException

    def broken(*_args, **_options):
        raise TorchDynamoException("no working C++ compiler\nand a long story")

    monkeypatch.setattr(torch, "compile", lambda *_, **__: broken)
    compiled = Compiled(partial(torch.mul, other=2))
    for _ in range(calls):
        assert compiled(torch.ones(1)).item() == 2
    assert [record.message for record in caplog.records] == [
        "the networks are not compiled (no working C++ compiler); they run as they are, only slower"
    ]


def test_an_error_of_the_network_itself_is_not_swallowed(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    compiled = Compiled(lambda rows: rows @ torch.ones(7, 7))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            compiled(torch.ones(2, 2))
