"""How busy the hardware was."""

import time

import pytest
import torch

from sslvqa.methods import Compute
from sslvqa.train.meter import Meter, matmul_peak

CPU = torch.device("cpu")


@pytest.fixture
def meter(monkeypatch):
    monkeypatch.setattr("sslvqa.train.meter.matmul_peak", lambda *_: 1000.0)
    return Meter(CPU, bf16=False)


def product(columns):
    weight = torch.ones(5, columns, requires_grad=True)
    torch.autograd.backward((torch.ones(2, 5) @ weight).sum())


def test_utilisation_counts_forward_and_backward_of_the_second_batch_for_all(meter):
    for columns in (100, 10, 1):  # the first has more to do, the third is not counted
        with meter.arithmetic():
            product(columns)
    meter.step(2.0)
    forward_and_backward = 2 * (2 * 2 * 5 * 10)  # the input needs no gradient
    assert meter.take()["mfu"] == pytest.approx(3 * forward_and_backward / 2.0 / 1000.0)


def test_compiled_networks_are_counted_as_if_they_were_not_and_compiled_after_that(meter, monkeypatch):
    real, graphs = torch.compile, []

    def backend(graph, _inputs):
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", lambda function, **_: real(function, backend=backend))
    network, views = torch.nn.Linear(5, 10), torch.randint(0, 256, (2, 3, 1, 1, 5), dtype=torch.uint8)
    compute = Compute(compiled=True)
    for number in range(4):
        with meter.arithmetic():
            torch.autograd.backward(compute(network, views).sum())
        assert len(graphs) == (number > 1)
    meter.step(2.0)
    assert meter.take()["mfu"] == pytest.approx(4 * 2 * (2 * 2 * 3 * 5 * 10) / 2.0 / 1000.0)
    torch._dynamo.reset()


def test_every_record_begins_anew(meter):
    with meter.waiting():
        time.sleep(0.02)
    meter.step(0.04)
    assert 0.5 <= meter.take()["waited"] <= 1.5
    meter.step(1.0)
    assert meter.take() == {"mfu": 0.0, "waited": 0.0}


def test_the_peak_is_a_rate_that_this_machine_has():
    assert 1e8 < matmul_peak(CPU, torch.float32, runs=1) < 1e15
