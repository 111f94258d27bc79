"""Linear layers of an exported graph in 8-bit integers, with fixed scales (extra ``openvino``).

Weights get one scale an output channel, and half of the range. What goes into a layer gets one scale, from
the largest magnitude that it takes on synthetic views: so the graph depends on the model alone, never on
which file was scored first. Products of attention, which have no weights, stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sslvqa.scoring.golden import golden_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from sslvqa.sampling.geometry import ViewGeometry

__all__ = ["calibration_views", "quantize_linear"]

_LARGEST_WEIGHT = 63
"""Processors without VNNI add two products in 16 bits, and cut off what does not fit: two of an activation up
to 255 with weights up to 127 may not. With these they do, so that every processor gives the same sums."""


def calibration_views(geometry: ViewGeometry) -> list[Tensor]:
    """Return uint8 views ``(1, 3, T, S, S)`` that span what videos hold, the same at every call.

    Noise of spectrum 1/f^0, 1/f (that of natural videos) and 1/f^2 in space and time, hard edges, and black.
    """
    generator = torch.Generator().manual_seed(0)
    shape = (geometry.frames, geometry.size_px, geometry.size_px)
    cycles = torch.meshgrid(*(torch.fft.fftfreq(size) * size for size in shape), indexing="ij")
    radius = torch.stack(cycles).square().sum(0).sqrt().clamp(min=1)
    views = [golden_view(geometry), torch.zeros((1, 3, *shape), dtype=torch.uint8)]
    for exponent in (0, 1, 2):
        white = torch.fft.fftn(torch.randn((3, *shape), generator=generator), dim=(1, 2, 3))
        noise = torch.fft.ifftn(white / radius**exponent, dim=(1, 2, 3)).real
        noise = 128 + 50 * (noise - noise.mean()) / noise.std()
        views.append(noise.round().clamp(0, 255).to(torch.uint8).unsqueeze(0))
    return views


def quantize_linear(
    graph: Any,  # noqa: ANN401 - an optional package without types
    samples: Sequence[Sequence[NDArray[Any]]],
    compiled: Callable[[Any], Callable[[Sequence[NDArray[Any]]], Any]],
) -> None:
    """Make every linear layer of a graph one of 8-bit integers, in place.

    Args:
        graph: An ``openvino.Model``.
        samples: Inputs of the graph, from which the scales are taken.
        compiled: Compiles a graph in float32.
    """
    import openvino.opset13 as ops

    layers = list(_linear_layers(graph))
    largest = np.max(_largest_inputs(graph, layers, samples, compiled), axis=0)
    rounded: dict[Any, Any] = {}  # by what goes in: query, key and value share it
    for (layer, weight), bound in zip(layers, largest, strict=True):
        tokens = layer.input_value(0)
        if tokens not in rounded:
            # the integers are -128 to 127: the lower end is one step beyond the upper one
            ends = (np.float32(-bound * 128 / 127), np.float32(bound))
            rounded[tokens] = ops.fake_quantize(tokens, *ends, *ends, 256).output(0)
        layer.input(0).replace_source_output(rounded[tokens])
        values = weight.data.astype(np.float32)
        inputs = 1 if layer.get_attributes()["transpose_b"] else 0
        largest_weight = np.abs(values).max(axis=inputs, keepdims=True)
        scale = np.maximum(largest_weight / _LARGEST_WEIGHT, np.finfo(np.float32).tiny)
        integers = ops.convert(ops.constant(np.rint(values / scale).astype(np.int8)), np.float32)
        layer.input(1).replace_source_output(ops.multiply(integers, scale).output(0))
    graph.validate_nodes_and_infer_types()


def _linear_layers(graph: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    """Matrix products with a constant, and that constant."""
    for node in graph.get_ordered_ops():
        if node.get_type_name() == "MatMul":
            weight = node.input_value(1).get_node()
            if weight.get_type_name() == "Convert":  # from half precision, as the file holds it
                weight = weight.input_value(0).get_node()
            if weight.get_type_name() == "Constant":
                yield node, weight


def _largest_inputs(
    graph: Any,  # noqa: ANN401
    layers: Sequence[tuple[Any, Any]],
    samples: Sequence[Sequence[NDArray[Any]]],
    compiled: Callable[[Any], Callable[[Sequence[NDArray[Any]]], Any]],
) -> NDArray[np.float32]:
    """Largest magnitude of what goes into each layer ``(samples, layers)``; never zero."""
    import openvino
    import openvino.opset13 as ops

    largest = []
    for layer, _ in layers:
        tokens = layer.input_value(0)
        axes = ops.constant(np.arange(len(tokens.get_partial_shape()), dtype=np.int64))
        largest.append(ops.result(ops.reduce_max(ops.abs(tokens), axes, keep_dims=False)))
    run = compiled(openvino.Model(largest, graph.get_parameters(), "largest"))
    found = [[float(value) for value in run(sample).to_tuple()] for sample in samples]
    return np.maximum(np.asarray(found, dtype=np.float32), np.finfo(np.float32).tiny)
