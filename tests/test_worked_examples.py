"""Networks small enough for pencil and paper, to every printed digit."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.engines.reference import forward


def sigmoid_network(sizes: list[int], weights: list[object], biases: list[object], engine: str) -> pl.Network:
    """Dense and Sigmoid in turn; `weights` with a row for each receiving neuron, as books write them."""
    layers = [layer for size in sizes[1:] for layer in (pl.Dense(size), pl.Sigmoid())]
    network = pl.Network(layers, dtype="float64", engine=engine).build(sizes[0])
    for place, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        network.set(f"{2 * place}.weight", np.array(weight).T)
        network.set(f"{2 * place}.bias", np.array(bias))
    return network


@pytest.fixture
def scalar(engine: str) -> pl.Network:
    return sigmoid_network([1, 1, 1], [[[1.58]], [[2.45]]], [[-0.14], [-0.11]], engine)


def close(value: object) -> object:
    """Equal to every printed digit: within a few units of the sixteenth."""
    return pytest.approx(value, rel=1e-14, abs=1e-16)


X, Y = np.array([[0.8]]), np.array([[1.0]])


def test_scalar_forward(scalar: pl.Network) -> None:
    outputs = []
    for count in range(1, 5):
        part = pl.Network(scalar.layers[:count], dtype="float64").build(1)
        part.parameters = scalar.parameters[: part.parameters.size]
        outputs.append(float(part.scores(X)[0, 0]))
    assert outputs == close([1.124, 0.7547299213576082, 1.73908830732614, 0.850571226530534])


def test_scalar_loss_and_gradient(scalar: pl.Network) -> None:
    loss, gradient = scalar.loss_and_gradient(X, Y, loss=pl.SquaredError())
    assert loss == close(0.011164479170294499)
    assert gradient.tolist() == close(
        [-0.006890827214701939, -0.008613534018377424, -0.014334109526226761, -0.018992369482903983]  # w₁ b₁ w₂ b₂
    )


def test_scalar_gradient_passed_back(scalar: pl.Network) -> None:
    """∂C/∂a₁, through the second neuron alone."""
    scores, passes = forward(scalar.model, X)
    gradient = pl.SquaredError().gradient(scores, Y)
    for one in reversed(passes[2:]):
        gradient, _ = one.instruction.layer.backward(gradient, one.saved, one.parameters, one.context)
    assert gradient.tolist() == [[close(-0.04653130523311476)]]


def test_scalar_step(scalar: pl.Network) -> None:
    trainer = pl.Trainer(scalar, pl.SquaredError(), pl.GradientDescent(0.1))
    history = trainer.fit(X, Y, epochs=1)
    assert history["loss"] == [close(0.011164479170294499)]
    assert scalar.parameters.tolist() == close(
        [1.5806890827214704, -0.13913864659816227, 2.451433410952623, -0.1081007630517096]
    )
    assert scalar.evaluate(X, Y)["loss"] == close(0.011095884100559231)


# The 2-3-2 network of the same tutorial. What is expected was worked out scalar by scalar with 40 decimal digits, by
# z = w·a + b, ∂C/∂b = (a − y)·a(1 − a) in the last layer, ∂C/∂a = wᵀ·∂C/∂b, ∂C/∂w = ∂C/∂b·aᵀ, and rounded at the end.
W1 = [[-0.11499179, 0.454649], [-0.65801895, 0.56618695], [-0.15686814, -0.87499479]]
B1 = [0.54001045, 0.75958375, 0.01870296]
W2 = [[0.01071228, -0.49139708, -0.81775586], [-0.87455946, -0.08351883, -0.77534763]]
B2 = [-0.32783478, 0.06061246]
PIXELS, TARGET, RATE = np.array([[0.8, 0.2]]), np.array([[0.0, 1.0]]), 0.1

HIDDEN = [0.6315673867677921, 0.585745767968723, 0.43001486345184614]
OUTPUT = [0.2767680516374988, 0.29440966750343905]
LOSS, LOSS_AFTER_A_STEP = 0.28722913585991233, 0.28229621169169605
GRADIENTS = {  # weights as Pellucid keeps them: a row for each sending neuron
    "0.weight": [
        [0.023972889145407128, -0.002908216332545377, 0.013400662491614975],
        [0.005993222286351782, -0.0007270540831363443, 0.0033501656229037438],
    ],
    "0.bias": [0.02996611143175891, -0.0036352704156817216, 0.01675082811451872],
    "2.weight": [
        [0.034988813149142865, -0.09257143710541027],
        [0.03245029692436297, -0.08585517342302719],
        [0.023822809764878935, -0.06302905235520023],
    ],
    "2.bias": [0.05539996820957948, -0.1465741250180259],
}


def test_two_three_two(engine: str) -> None:
    network = sigmoid_network([2, 3, 2], [W1, W2], [B1, B2], engine)
    hidden = pl.Network(network.layers[:2], dtype="float64", engine=engine).build(2)
    hidden.parameters = network.parameters[:9]
    np.testing.assert_allclose(hidden.scores(PIXELS)[0], HIDDEN, rtol=1e-14)
    np.testing.assert_allclose(network.scores(PIXELS)[0], OUTPUT, rtol=1e-14)

    loss, gradient = network.loss_and_gradient(PIXELS, TARGET, loss=pl.SquaredError())
    assert loss == close(LOSS)
    for name, view in network.program.views().items():
        np.testing.assert_allclose(view.of(gradient), GRADIENTS[name], rtol=1e-13, err_msg=name)

    before = {name: values.copy() for name, values in network.named_parameters().items()}
    pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(RATE)).fit(PIXELS, TARGET, epochs=1)
    for name, values in network.named_parameters().items():
        np.testing.assert_allclose(values, before[name] - RATE * np.array(GRADIENTS[name]), rtol=1e-14, err_msg=name)
    assert network.evaluate(PIXELS, TARGET)["loss"] == close(LOSS_AFTER_A_STEP)
