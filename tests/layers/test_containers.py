"""Layers that hold layers: the function, its gradient, names, files, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.program.operations import Graph
from pellucid.program.simplification import simplified
from pellucid.program.symbols import operations_of
from support.nested import nested_layers
from support.numerics import assert_gradient
from support.samples import random_numbers


def built(layers: list[pl.Layer], input_shape: tuple[int, ...], seed: int = 0) -> pl.Network:
    """A network in float64 with random parameters."""
    network = pl.Network(layers, dtype="float64", engine="reference").build(input_shape)
    network.parameters = 0.7 * random_numbers(network.parameters.size, seed)
    network.statistics = np.random.default_rng(seed).uniform(0.5, 1.5, network.statistics.size)
    return network


def test_a_residual_adds_its_input() -> None:
    network = built([pl.Residual([pl.Dense(3), pl.Tanh()])], (3,))
    x = random_numbers((5, 3), 1)
    expected = np.tanh(x @ network.get("0.0.weight") + network.get("0.0.bias")) + x
    np.testing.assert_allclose(network.scores(x), expected, rtol=1e-14)


def test_a_residual_with_a_projection() -> None:
    network = built([pl.Residual([pl.Dense(2)], projection=pl.Dense(2, bias=False))], (3,))
    x = random_numbers((5, 3), 1)
    own = x @ network.get("0.0.weight") + network.get("0.0.bias")
    np.testing.assert_allclose(network.scores(x), own + x @ network.get("0.projection.weight"), rtol=1e-14)


def test_parallel_layers_side_by_side_and_added() -> None:
    layers = [pl.Dense(2), pl.Sequential([pl.Dense(2), pl.ReLU()])]
    x = random_numbers((4, 3), 2)
    beside = built([pl.Parallel(layers)], (3,))
    added = built([pl.Parallel(layers, combine="add")], (3,))
    first = x @ beside.get("0.0.weight") + beside.get("0.0.bias")
    second = np.maximum(x @ beside.get("0.1.0.weight") + beside.get("0.1.0.bias"), 0)
    np.testing.assert_allclose(beside.scores(x), np.concatenate([first, second], axis=1), rtol=1e-13)
    np.testing.assert_allclose(added.scores(x), first + second, rtol=1e-13)


def test_names_nest() -> None:
    network = built([pl.Standardize(), pl.Residual([pl.BatchNormalization(), pl.Dense(3)])], (3,))
    assert list(network.named_parameters()) == ["1.0.scale", "1.0.shift", "1.1.weight", "1.1.bias"]
    assert list(network.named_statistics()) == ["0.mean", "0.scale", "1.0.mean", "1.0.variance"]
    assert [i.path for i in network.program.instructions] == ["0", "1.0", "1.1", "1.add"]
    assert "1.1    Dense(3)" in network.summary()


@settings(max_examples=40, deadline=None)
@given(layers=nested_layers(), positions=st.sampled_from([(), (2,), (2, 2)]), seed=st.integers(0, 99))
def test_random_nested_networks(layers: list[pl.Layer], positions: tuple[int, ...], seed: int) -> None:
    network = built(layers, (*positions, 3), seed)
    x, y = random_numbers((2, *positions, 3), seed + 1), random_numbers((2, *positions, 3), seed + 2)
    _, gradient = network.loss_and_gradient(x, y, loss=pl.SquaredError())

    def at(parameters: np.ndarray) -> float:
        network.parameters = parameters
        return network.loss_and_gradient(x, y, loss=pl.SquaredError())[0]

    if network.parameters.size:
        assert_gradient(gradient, at, network.parameters.copy(), name=str(network.layers))
    graph: Graph = operations_of(network.program, network.parameters, network.statistics)
    np.testing.assert_allclose(graph.run(x), network.scores(x), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(simplified(graph).run(x), network.scores(x), rtol=1e-9, atol=1e-12)


def test_a_nested_network_trains_and_travels(tmp_path: Path) -> None:
    x = random_numbers((60, 4), 3)
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    layers = [pl.Standardize(), pl.Dense(8), pl.Residual([pl.Dense(8), pl.ReLU(), pl.Dropout(0.1)]), pl.Dense(2)]
    network = pl.Network(layers)
    history = pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.Adam(0.01), seed=1).fit(x, y, epochs=60)
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    pl.save(network, tmp_path / "nested.pellucid")
    again = pl.load(tmp_path / "nested.pellucid")
    assert again.layers == network.layers
    assert np.array_equal(again.scores(x), network.scores(x))


def test_initializers_look_past_the_join() -> None:
    network = pl.Network([pl.Residual([pl.Dense(50)], projection=pl.Dense(50)), pl.ReLU()], dtype="float64").build(50)
    for name in ("0.0.weight", "0.projection.weight"):  # He's variance 2/50, not Glorot's 2/100
        assert network.get(name).var() == pytest.approx(2 / 50, rel=0.1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pl.Sequential([]), ValueError, "Sequential is empty: it needs at least one layer."),
        (lambda: pl.Sequential(pl.Dense(2)), TypeError, "write Sequential([layer]), not Sequential(layer)."),
        (lambda: pl.Residual([pl.Dense]), TypeError, "Residual.layers[0] must be a layer"),
        (lambda: pl.Residual([pl.Dense(2)], projection=3), TypeError, "Residual.projection must be a layer, not 3."),
        (lambda: pl.Parallel([pl.Dense(2)]), ValueError, "at least two layers side by side"),
        (lambda: pl.Parallel([pl.Dense(2)] * 2, combine="ad"), ValueError, "Did you mean 'add'?"),
        (
            lambda: pl.Network([pl.Residual([pl.Dense(4)])]).build(3),
            ValueError,
            "Layer 0.add, Add(): the branches have the shapes (4,), (3,), and only equal ones can be added.",
        ),
        (
            lambda: pl.Network([pl.Parallel([pl.Flatten(), pl.Dense(4)])]).build((2, 3)),
            ValueError,
            "Layer 0.concatenate, Concatenate(): the branches have the shapes (6,), (2, 4)",
        ),
    ],
)
def test_what_is_refused(make: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make()  # type: ignore[operator]


def test_gradient_checks_look_into_containers() -> None:
    block = pl.Residual([pl.Dense(3), pl.Tanh()], projection=pl.Dense(3))
    check = pl.layer_gradient_check(block, (2, 3))
    assert check.passed
    assert {entry.name for entry in check.arrays} == {"x", "0.weight", "0.bias", "projection.weight", "projection.bias"}
    network = pl.Network([block, pl.Flatten(), pl.Dense(2)])
    x, y = random_numbers((4, 2, 3), 1), np.array([0, 1, 1, 0])
    assert pl.gradient_check(network, "softmax_cross_entropy", x, y).passed


def test_a_trace_of_a_nested_network() -> None:
    network = built([pl.Dense(3), pl.Residual([pl.Dense(3), pl.ReLU()]), pl.Dense(1)], (2,))
    trace = pl.trace(network, pl.SquaredError(), [[0.5, -1.0]], [1.0])
    joined = trace.layers[3]
    first, second = trace.layers[2].output, trace.layers[0].output
    np.testing.assert_allclose(joined.output, first + second, rtol=1e-14)
    np.testing.assert_allclose(trace.layers[0].output_gradient, trace.layers[1].input_gradient + joined.output_gradient)
    assert "Residual" in repr(network)
