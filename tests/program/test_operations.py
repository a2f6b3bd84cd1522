"""What a network computes, as operations: read from `forward`, and in fewer operations the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import pellucid as pl
from pellucid.program.operations import Graph
from pellucid.program.simplification import simplified
from pellucid.program.symbols import operations_of
from support.exports import network_of
from support.nested import nested_layers
from support.samples import RANKED_LAYER_SAMPLES, LayerSample, random_numbers


def graph_of(network: pl.Network) -> Graph:
    return operations_of(network.program, network.parameters, network.statistics)


def names_of(graph: Graph) -> list[str]:
    """The operations of a graph in the order of the computation."""
    return [node.operation for node in graph if not node.is_constant and node is not graph.input]


@pytest.mark.parametrize("sample", RANKED_LAYER_SAMPLES, ids=str)
def test_every_layer_is_read(sample: LayerSample) -> None:
    network = network_of([sample.layer], sample.input_shape, "identity", 3, "float64")
    x, graph = sample.inputs(4), graph_of(network)
    for each in (graph, simplified(graph)):
        np.testing.assert_allclose(each.run(x), network.scores(x), rtol=1e-12, atol=1e-12)
    assert graph.output.shape == (None, *network.program.output_shape)


@given(layers=nested_layers(), positions=some.sampled_from([(), (2,), (2, 3)]))
def test_nested_networks_are_read(layers: list[pl.Layer], positions: tuple[int, ...]) -> None:
    network = network_of(layers, (*positions, 3), "identity", 1, "float64")
    x, graph = random_numbers((4, *positions, 3)), graph_of(network)
    for each in (graph, simplified(graph)):
        np.testing.assert_allclose(each.run(x), network.scores(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("layers", "operations"),
    [
        ([pl.Dense(3), pl.BatchNormalization()], ["matmul", "add"]),
        ([pl.Dense(3, bias=False), pl.Scale(2.0), pl.Rescale(3.0, 1.0)], ["matmul", "add"]),
        ([pl.Dense(3, parametrization="ntk")], ["matmul", "add"]),
        ([pl.Dropout(0.5), pl.Identity(), pl.GaussianNoise(1.0)], []),
        ([pl.ReLU()], ["maximum"]),
        ([pl.Flatten(), pl.Reshape((-1,))], []),
        ([pl.Standardize(), pl.Dense(2)], ["subtract", "multiply", "to_dtype", "matmul", "add"]),
        ([pl.Standardize()], ["subtract", "multiply", "to_dtype"]),
    ],
    ids=str,
)
def test_few_operations_are_left(layers: list[pl.Layer], operations: list[str]) -> None:
    network = network_of(layers, 4, "identity", 2)
    assert names_of(simplified(graph_of(network))) == operations


@dataclass(frozen=True)
class Given(pl.Layer):
    """Any function."""

    function: Any
    shape: tuple[int, ...]

    def output_shape(self, input_shape: Any) -> Any:
        return self.shape

    def forward(self, x: Any, parameters: Any, context: Any) -> Any:
        return self.function(x), None


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda x: x.mean(axis=(1, 3)), (3,)),
        (lambda x: np.max(x, axis=(1, 3), keepdims=True), (1, 3, 1)),
        (lambda x: np.pad(x, ((0, 0), (0, 0), (2, 1), (0, 0)), constant_values=-np.inf).max(axis=3), (2, 6)),
        (lambda x: x.reshape(-1, 4).max(axis=-1).reshape(len(x), -1), (6,)),
        (lambda x: x.transpose(0, 3, 1, 2).reshape(len(x), 4, 6), (4, 6)),
        (lambda x: np.stack([x[:, 0], x[:, -1]], axis=-1), (3, 4, 2)),
        (lambda x: x[:, None, :, 1:, ...][:, 0], (1, 3, 4)),
        (lambda x: np.where((x > 0) & (x < 1), x, np.zeros_like(x)), (2, 3, 4)),
        (lambda x: x * np.ones_like(x[:, :1]), (2, 3, 4)),
    ],
)
def test_functions_of_numpy_are_read(function: Any, shape: tuple[int, ...]) -> None:
    network = pl.Network([Given(function, shape)], dtype="float64").build((2, 3, 4))
    x = random_numbers((5, 2, 3, 4))
    expected = function(x)
    for graph in (graph_of(network), simplified(graph_of(network))):
        np.testing.assert_allclose(graph.run(x), expected, rtol=1e-14)
        for node in graph:
            if not node.is_constant:
                one = Graph(graph.input, node).run(x[:1])
                assert one.size == np.prod(node.example_shape), "the shape for one example is that of its numbers"


def test_what_is_changed_in_place_alone_may_be() -> None:
    def summed(x: Any) -> Any:
        y = x * 2
        y += 1
        np.tanh(y, out=y)
        return y

    network = pl.Network([Given(summed, (2,))], dtype="float64").build(2)
    x = random_numbers((3, 2))
    np.testing.assert_allclose(graph_of(network).run(x), np.tanh(2 * x + 1))
