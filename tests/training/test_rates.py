"""Callbacks that change the rate, against courses worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
from support.samples import classification


def parabola(engine: str, rate: float, callbacks: list[Any], **options: Any) -> pl.Trainer:
    """½b² from b = 1 on, full batch: a step multiplies b with 1 − rate."""
    network = pl.Network([pl.Dense(1, weight_initializer="zeros")], dtype="float64", engine=engine).build(1)
    network.set("0.bias", [1.0])
    return pl.Trainer(
        network, pl.SquaredError(), pl.GradientDescent(rate), batch_size="full", callbacks=callbacks, **options
    )


X, Y = np.zeros((2, 1)), np.zeros(2)


def test_backtracking_goes_back_to_a_true_copy_and_divides_the_rate(engine: str) -> None:
    """At rate 3, b doubles and changes its sign; at rate 0.6 it shrinks by 0.4."""
    backtracking = pl.Backtracking(every=1, divisor=5.0)
    trainer = parabola(engine, 3.0, [backtracking])
    trainer.fit(X, Y, epochs=1)
    assert trainer.network.get("0.bias")[0] == 1.0  # back where it began
    assert backtracking.times == 1
    trainer.fit(X, Y, epochs=2)
    assert trainer.network.get("0.bias")[0] == pytest.approx(0.4**2, rel=1e-12)
    np.testing.assert_allclose(trainer.history["learning_rate"], [3.0, 0.6, 0.6], rtol=1e-12)
    assert trainer.epoch == trainer.step == 3


def test_backtracking_looks_only_now_and_then(engine: str) -> None:
    backtracking = pl.Backtracking(every=3, divisor=2.0)
    trainer = parabola(engine, 3.0, [backtracking])
    trainer.fit(X, Y, epochs=2)
    assert trainer.network.get("0.bias")[0] == pytest.approx(4.0)  # (−2)²: not looked at yet
    trainer.fit(X, Y, epochs=1)
    assert trainer.network.get("0.bias")[0] == 1.0  # −8 at the look: back to the beginning
    assert backtracking.times == 1


def test_backtracking_brings_the_velocity_back_as_well(engine: str) -> None:
    network = pl.Network([pl.Dense(1, weight_initializer="zeros")], dtype="float64", engine=engine).build(1)
    network.set("0.bias", [1.0])
    optimizer = pl.Momentum(3.0, momentum=0.9)
    trainer = pl.Trainer(
        network, pl.SquaredError(), optimizer, batch_size="full", callbacks=[pl.Backtracking(every=1, divisor=30.0)]
    )
    trainer.fit(X, Y, epochs=2)  # the first goes back, the second starts without a velocity at rate 0.1
    assert network.get("0.bias")[0] == pytest.approx(0.9, rel=1e-12)


def test_reduce_on_plateau_waits_and_multiplies(engine: str) -> None:
    """Rate 2 throws b from 1 to −1 and back: the loss stays the same for ever, until the rate falls."""
    trainer = parabola(engine, 2.0, [pl.ReduceOnPlateau(patience=3, factor=0.25)])
    trainer.fit(X, Y, epochs=6)
    np.testing.assert_allclose(trainer.history["learning_rate"], [2, 2, 2, 2, 0.5, 0.5])
    np.testing.assert_allclose(trainer.history["loss"], [0.5, 0.5, 0.5, 0.5, 0.5, 0.125])


def test_reduce_on_plateau_has_a_floor(engine: str) -> None:
    trainer = parabola(engine, 2.0, [pl.ReduceOnPlateau(patience=1, factor=0.1, minimum_improvement=9, lowest=0.05)])
    trainer.fit(X, Y, epochs=5)
    np.testing.assert_allclose(trainer.history["learning_rate"], [2, 2, 0.2, 0.1, 0.1])


def test_factors_for_single_layers_and_parameters(engine: str) -> None:
    x, y = classification()
    layers = [pl.Dense(3, weight_initializer="zeros"), pl.Dense(3)]
    network = pl.Network(layers, dtype="float64", engine=engine).build(3, seed=1)
    before = {name: values.copy() for name, values in network.named_parameters().items()}
    _, gradient = network.loss_and_gradient(x, y, loss="softmax_cross_entropy")
    parts = {name: view.of(gradient) for name, view in network.program.views().items()}
    trainer = pl.Trainer(
        network,
        "softmax_cross_entropy",
        pl.GradientDescent(0.1),
        batch_size="full",
        learning_rate_factors={"0": 5.0, "1": 0.0, "1.bias": 2.0},
    )
    trainer.fit(x, y, epochs=1)
    for name, factor in (("0.weight", 5.0), ("0.bias", 5.0), ("1.weight", 0.0), ("1.bias", 2.0)):
        np.testing.assert_allclose(network.get(name), before[name] - 0.1 * factor * parts[name], rtol=0, atol=1e-14)


def test_a_factor_for_a_layer_that_is_not_there() -> None:
    trainer = pl.Trainer(pl.Network([pl.Dense(3)]), "softmax_cross_entropy", learning_rate_factors={"0.wait": 2.0})
    with pytest.raises(ValueError, match=r"'0\.wait' is unknown\. Did you mean '0\.weight'\? Allowed: 0, 0\.bias"):
        trainer.fit(*classification(), epochs=1)


def test_the_moving_average_is_shown_and_training_goes_on_from_the_weights(engine: str) -> None:
    trainer = parabola(engine, 0.5, [], average=0.9)
    trainer.fit(X, Y, epochs=3)
    weights, average = [0.5, 0.25, 0.125], 0.5  # it starts as the weights after the first step
    for weight in weights[1:]:
        average = 0.9 * average + 0.1 * weight
    assert trainer.network.get("0.bias")[0] == pytest.approx(average, rel=1e-12)
    assert trainer.state.parameters[-1] == pytest.approx(0.125, rel=1e-12)
    trainer.fit(X, Y, epochs=1)
    assert trainer.state.parameters[-1] == pytest.approx(0.0625, rel=1e-12)


def test_max_norm_limits_the_incoming_weights_of_every_unit(engine: str) -> None:
    x, y = classification(features=6)
    network = pl.Network([pl.Dense(40), pl.ReLU(), pl.Dense(3)], engine=engine)
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.GradientDescent(2.0), constraint=pl.MaxNorm(0.7))
    trainer.fit(x, y, epochs=5)
    norms = np.concatenate([np.linalg.norm(network.get(name), axis=0) for name in ("0.weight", "2.weight")])
    assert norms.max() <= 0.7 * (1 + 1e-6)
    assert (norms > 0.699).sum() >= 10
    assert pl.MaxNorm(5.0).apply(np.array([[3.0, 30.0], [4.0, 40.0]])).tolist() == [[3.0, 3.0], [4.0, 4.0]]


@pytest.mark.parametrize("weights", ["balanced", {0: 1 / 3, 1: 1.0, 2: 2.0}])
def test_class_weights_are_sample_weights(engine: str, weights: Any) -> None:
    x, y = classification(rows=60)
    x, y = x[:45], np.where(np.arange(45) < 30, 0, y[:45])  # class 0 is frequent
    counts = np.bincount(y, minlength=3)
    table = len(y) / (3 * counts) if weights == "balanced" else np.array([1 / 3, 1.0, 2.0])
    ends = []
    for options in ({"class_weight": weights}, {"sample_weight": table[y]}):
        network = pl.Network([pl.Dense(3)], dtype="float64", engine=engine)
        pl.Trainer(network, "softmax_cross_entropy", batch_size=7).fit(x, y, epochs=3, **options)
        ends.append(network.parameters)
    np.testing.assert_array_equal(*ends)


def test_wrong_class_weights() -> None:
    x, y = classification()

    def fit(weights: Any, loss: str = "softmax_cross_entropy", targets: Any = y) -> None:
        pl.Trainer(pl.Network([pl.Dense(3)]), loss).fit(x, targets, epochs=1, class_weight=weights)

    with pytest.raises(ValueError, match=r"class_weight names the class 3, but the classes are 0 to 2\."):
        fit({3: 1.0})
    with pytest.raises(ValueError, match=r"class_weight\[1\] must be a number of at least 0, not -1\."):
        fit({1: -1})
    with pytest.raises(ValueError, match=r"class_weight 'balance' is unknown\. Did you mean 'balanced'\?"):
        fit("balance")
    with pytest.raises(ValueError, match="class_weight needs targets that are classes"):
        fit("balanced", "squared_error", np.random.default_rng(0).normal(size=(len(x), 3)))
