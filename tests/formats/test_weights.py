"""Weights of PyTorch and Keras: with them a network scores what was recorded; what does not fit changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.typing import Array

GOLDEN = Path(__file__).parent / "golden" / "exchange"


def recorded(library: str) -> tuple[dict[str, Array], Array, Array]:
    """Weights in the library's order, inputs, scores."""
    arrays = dict(np.load(GOLDEN / f"weights-{library}.npz"))
    return arrays, arrays.pop("x"), arrays.pop("scores")


def of_torch() -> pl.Network:
    layers = [pl.Dense(4), pl.BatchNormalization(), pl.PReLU(per_unit=True), pl.Dense(5), pl.LayerNormalization()]
    return pl.Network([*layers, pl.ReLU(), pl.Dense(2, bias=False)]).build(3)


def of_keras() -> pl.Network:
    layers = [pl.Standardize(), pl.Dense(4), pl.BatchNormalization(epsilon=1e-3), pl.PReLU(per_unit=True), pl.Dense(5)]
    return pl.Network([*layers, pl.LayerNormalization(epsilon=1e-3), pl.ReLU(), pl.Dense(2, bias=False)]).build(3)


def test_weights_of_pytorch_score_the_same(engine: str) -> None:
    weights, x, scores = recorded("torch")
    network = pl.Network(of_torch().layers, engine=engine).build(3)
    pl.load_torch_weights(network, weights)
    np.testing.assert_allclose(network.scores(x), scores, rtol=1e-5, atol=1e-6)
    assert network.statistics_fitted


@pytest.mark.parametrize("named", [True, False])
def test_weights_of_keras_score_the_same(named: bool, engine: str) -> None:
    weights, x, scores = recorded("keras")
    network = pl.Network(of_keras().layers, engine=engine).build(3)
    pl.load_keras_weights(network, weights if named else list(weights.values()))
    np.testing.assert_allclose(network.scores(x), scores, rtol=1e-5, atol=1e-6)
    assert network.statistics_fitted


def test_scaling_stays_what_it_is_where_the_weights_have_none() -> None:
    x = 3 * np.random.default_rng(0).normal(size=(20, 3)) + 1
    network = pl.Network([pl.Standardize(), *of_torch().layers]).build(3)
    weights, _, _ = recorded("torch")
    pl.load_torch_weights(network, weights)
    assert not network.statistics_fitted, "nobody measured the scaling yet"
    network.fit_statistics(x)
    pl.load_torch_weights(network, weights)
    assert network.statistics_fitted
    np.testing.assert_allclose(network.get("0.mean"), x.mean(axis=0))


def test_tensors_are_taken_as_they_are() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    linear = torch.nn.Linear(3, 2).to(torch.bfloat16)
    network = pl.Network([pl.Dense(2)]).build(3)
    pl.load_torch_weights(network, linear.state_dict())
    np.testing.assert_array_equal(network.get("0.weight"), linear.weight.detach().float().numpy().T)


def refused(network: pl.Network, load: Any, weights: Any, words: str, error: type[Exception] = ValueError) -> None:
    before, measured = network.parameters.copy(), network.statistics.copy()
    with pytest.raises(error, match=words):
        load(network, weights)
    np.testing.assert_array_equal(network.parameters, before)
    np.testing.assert_array_equal(network.statistics, measured)


def test_every_mismatch_of_pytorch_is_named() -> None:
    weights, _, _ = recorded("torch")
    weights["3.weight"] = weights["3.weight"].T
    del weights["4.bias"]
    weights["7.weight"] = np.ones((2, 2))
    refused(
        of_torch(),
        pl.load_torch_weights,
        weights,
        r"^The weights do not fit the network:\n"
        r"  layer 3, Dense\(5\) needs 3\.weight of the shape \(5, 4\), not \(4, 5\)\n"
        r"  layer 4, LayerNormalization\(\) expects weight, bias, but the next weights are 4\.weight\n"
        r"  left over: 7\.weight$",
    )


def test_every_mismatch_of_keras_is_named() -> None:
    weights, _, _ = recorded("keras")
    arrays = list(weights.values())
    refused(
        of_keras(),
        pl.load_keras_weights,
        arrays[:-1],
        r"layer 7, Dense\(2, bias=False\): there is nothing left for it",
    )
    refused(of_keras(), pl.load_keras_weights, [*arrays, np.ones(2)], r"left over: weights\[15\]$")
    arrays[3] = arrays[3].T
    refused(
        of_keras(), pl.load_keras_weights, arrays, r"Dense\(4\) needs weights\[3\] of the shape \(3, 4\), not \(4, 3\)"
    )
    refused(
        of_keras(),
        pl.load_keras_weights,
        arrays[:11],
        r"Dense\(5\) expects kernel, bias, but the next weights are weights\[10\]",
    )


def test_numbers_that_cannot_be() -> None:
    network = of_torch()
    weights, _, _ = recorded("torch")
    refused(network, pl.load_torch_weights, {**weights, "1.running_var": -np.ones(4)}, "running_var holds negative")
    refused(network, pl.load_torch_weights, {**weights, "0.bias": np.full(4, np.nan)}, r"^0\.bias holds nan")
    refused(network, pl.load_torch_weights, {**weights, "0.bias": ["a"] * 4}, r"^0\.bias must hold numbers", TypeError)
    refused(network, pl.load_torch_weights, list(weights.values()), "must be a mapping from names", TypeError)
    refused(network, pl.load_torch_weights, {}, r"layer 0, Dense\(4\): there is nothing left for it")


def test_a_network_must_be_built() -> None:
    with pytest.raises(ValueError, match=r"call network\.build\(input_shape\)"):
        pl.load_keras_weights(pl.Network([pl.Dense(1)]), [np.ones((2, 1)), np.ones(1)])
