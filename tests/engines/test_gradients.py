"""Gradients of every layer with every loss, through a whole network, by central differences."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.typing import Floats
from support.numerics import assert_gradient
from support.samples import FREE_LAYER_SAMPLES, LOSS_SAMPLES, PENALTY_SAMPLES, LayerSample, LossSample, random_numbers


def check(network: pl.Network, x: Floats, sample: LossSample, **parts: object) -> None:
    """Compare `loss_and_gradient` with differences of its own value."""
    start = network.parameters.copy()

    def value(at: Floats) -> float:
        network.parameters = at
        return network.loss_and_gradient(x, sample.y, loss=sample.loss, **parts)[0]

    _, gradient = network.loss_and_gradient(x, sample.y, loss=sample.loss, **parts)
    assert gradient.shape == start.shape
    assert_gradient(gradient, value, start, name=repr(network), tolerance=1e-6, step=1e-5)


@pytest.mark.parametrize("loss", LOSS_SAMPLES, ids=str)
@pytest.mark.parametrize("sample", FREE_LAYER_SAMPLES, ids=str)
def test_every_layer_with_every_loss(sample: LayerSample, loss: LossSample, engine: str) -> None:
    layers = [sample.layer, pl.Dense(loss.outputs)]
    if len(sample.input_shape) == 1:
        layers = [pl.Dense(sample.input_shape[0]), *layers]
        shape: tuple[int, ...] = (3,)
    else:
        shape = sample.input_shape
    network = pl.Network(layers, dtype="float64", engine=engine).build(shape)
    x = random_numbers((len(loss.y), *shape), seed=11)
    network.parameters = random_numbers(network.parameters.size, seed=12, scale=0.7)
    network.fit_statistics(random_numbers((30, *shape), seed=13))
    check(network, x, loss)


@pytest.mark.parametrize("loss", LOSS_SAMPLES, ids=str)
def test_with_weights_and_penalties(loss: LossSample, engine: str) -> None:
    network = pl.Network([pl.Standardize(), pl.Dense(4), pl.Tanh(), pl.Dense(loss.outputs)], "float64", engine).build(3)
    x = random_numbers((len(loss.y), 3), seed=1)
    network.fit_statistics(x)
    network.parameters = random_numbers(network.parameters.size, seed=3)
    for penalty in (None, *PENALTY_SAMPLES):
        check(network, x, loss, penalty=penalty, sample_weight=[0.5, 2.0, 0.0, 1.0])


def test_ten_layers_deep(engine: str) -> None:
    layers = [layer for _ in range(5) for layer in (pl.Dense(4), pl.Sigmoid())]
    network = pl.Network([*layers, pl.Dense(3)], dtype="float64", engine=engine).build(3)
    network.parameters = random_numbers(network.parameters.size, seed=3)
    check(network, random_numbers((4, 3), seed=1), LOSS_SAMPLES[3])


def test_dropout_is_absent_in_loss_and_gradient(engine: str) -> None:
    x, y = random_numbers((5, 3)), random_numbers(5)
    plain = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(1)], dtype="float64", engine=engine).build(3)
    dropping = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dropout(0.9), pl.Dense(1)], "float64", engine).build(3)
    dropping.parameters = plain.parameters
    one, two = (n.loss_and_gradient(x, y, loss="squared_error") for n in (plain, dropping))
    assert one[0] == pytest.approx(two[0], rel=1e-14)
    np.testing.assert_allclose(one[1], two[1], rtol=1e-12, atol=1e-15)


def test_float32_is_float64_rounded(engine: str) -> None:
    x, y = random_numbers((20, 3)), np.arange(20) % 3
    layers = [pl.Dense(8), pl.ReLU(), pl.Dense(3)]
    double = pl.Network(layers, dtype="float64", engine=engine).build(3, seed=2)
    single = pl.Network(layers, dtype="float32", engine=engine).build(3, seed=2)
    loss, gradient = single.loss_and_gradient(x, y, loss="softmax_cross_entropy")
    expected, expected_gradient = double.loss_and_gradient(x, y, loss="softmax_cross_entropy")
    assert gradient.dtype == np.float32
    assert loss == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-6)


def test_order_of_rows_does_not_change_a_full_batch_gradient(engine: str) -> None:
    x, y = random_numbers((200, 5)), np.arange(200) % 3
    weight = np.linspace(0.0, 2.0, 200)
    network = pl.Network([pl.Dense(16), pl.Tanh(), pl.Dense(3)], dtype="float64", engine=engine).build(5)
    order = np.random.default_rng(0).permutation(200)
    for weights in (None, weight):
        one = network.loss_and_gradient(x, y, loss="softmax_cross_entropy", sample_weight=weights)
        shuffled = None if weights is None else weights[order]
        two = network.loss_and_gradient(x[order], y[order], loss="softmax_cross_entropy", sample_weight=shuffled)
        assert one[0] == pytest.approx(two[0], rel=1e-13)
        np.testing.assert_allclose(one[1], two[1], rtol=1e-10, atol=1e-15)


def test_the_gradient_of_the_mean_is_the_mean_of_the_gradients(engine: str) -> None:
    x, y = random_numbers((7, 3)), random_numbers(7)
    network = pl.Network([pl.Dense(4), pl.Sigmoid(), pl.Dense(1)], dtype="float64", engine=engine).build(3)
    together = network.loss_and_gradient(x, y, loss="squared_error")
    single = [network.loss_and_gradient(x[i : i + 1], y[i : i + 1], loss="squared_error") for i in range(7)]
    assert together[0] == pytest.approx(np.mean([value for value, _ in single]), rel=1e-13)
    np.testing.assert_allclose(together[1], np.mean([g for _, g in single], axis=0), rtol=1e-11, atol=1e-15)
