"""Penalties: by hand, by differences, and on weights only."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.penalties import PENALTIES, Penalty
from support.numerics import assert_gradient
from support.samples import PENALTY_SAMPLES, random_numbers


def test_every_penalty_has_a_sample() -> None:
    assert {type(sample) for sample in PENALTY_SAMPLES} == set(PENALTIES.values())


def test_by_hand() -> None:
    weight = np.array([[3.0, -4.0], [0.0, 0.0]])
    assert pl.L1(0.5).value(weight) == 3.5
    assert pl.L1(0.5).gradient(weight).tolist() == [[0.5, -0.5], [0.0, 0.0]]
    assert pl.L2(0.5).value(weight) == 6.25  # ½ · 0.5 · 25
    assert pl.L2(0.5).gradient(weight).tolist() == [[1.5, -2.0], [0.0, 0.0]]


@pytest.mark.parametrize("penalty", PENALTY_SAMPLES, ids=str)
def test_gradient(penalty: Penalty) -> None:
    weight = random_numbers((4, 3))
    assert_gradient(penalty.gradient(weight), penalty.value, weight, name=str(penalty))
    assert penalty.gradient(weight.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("penalty", PENALTY_SAMPLES, ids=str)
def test_added_to_the_mean_loss_for_weights_only(penalty: Penalty, engine: str) -> None:
    x, y = random_numbers((6, 3)), random_numbers(6, seed=1)
    network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(1)], dtype="float64", engine=engine).build(3)
    network.parameters = random_numbers(network.parameters.size, seed=2)
    plain, plain_gradient = network.loss_and_gradient(x, y, loss="squared_error")
    value, gradient = network.loss_and_gradient(x, y, loss="squared_error", penalty=penalty)
    weights = [network.get("0.weight"), network.get("2.weight")]
    penalty = penalty.of_batch(6)
    assert value - plain == pytest.approx(sum(penalty.value(weight) for weight in weights), rel=1e-12)
    parts = [penalty.gradient(weights[0]).ravel(), np.zeros(4), penalty.gradient(weights[1]).ravel(), np.zeros(1)]
    np.testing.assert_allclose(gradient - plain_gradient, np.concatenate(parts), rtol=1e-12, atol=1e-14)


def test_independent_of_the_batch_size(engine: str) -> None:
    """With no data to learn from, a step of any batch size shrinks the weights alike: w ← w − rate·λ·w."""
    x, y = np.zeros((6, 3)), np.zeros(6)
    for batch_size, steps in ((1, 6), (2, 3), (6, 1)):
        network = pl.Network([pl.Dense(1)], dtype="float64", engine=engine).build(3)
        start = network.get("0.weight").copy()
        trainer = pl.Trainer(
            network, pl.SquaredError(), pl.GradientDescent(0.1), batch_size=batch_size, penalty=pl.L2(0.5)
        )
        trainer.fit(x, y, epochs=1)
        np.testing.assert_allclose(network.get("0.weight"), start * 0.95**steps, rtol=1e-13)


def test_per_example_it_is_divided_by_what_the_batch_weighs(engine: str) -> None:
    """With no data to learn from, a step on n rows takes rate·λ/n of the weights; the last batch is smaller."""
    x, y = np.zeros((5, 3)), np.zeros(5)
    for weight, masses in ((None, (2, 2, 1)), ([1.0, 2.0, 0.5, 0.5, 4.0], (3, 1, 4))):
        network = pl.Network([pl.Dense(1)], dtype="float64", engine=engine).build(3)
        start = network.get("0.weight").copy()
        trainer = pl.Trainer(
            network,
            pl.SquaredError(),
            pl.GradientDescent(0.1),
            batch_size=2,
            penalty=pl.L2(0.5, per_example=True),
            shuffle=False,
        )
        trainer.fit(x, y, epochs=1, sample_weight=weight)
        factor = np.prod([1 - 0.1 * 0.5 / mass for mass in masses])
        np.testing.assert_allclose(network.get("0.weight"), start * factor, rtol=1e-13)


def test_the_history_may_hold_it(engine: str) -> None:
    """A row weight of 2 counts as two rows, also in the penalty: the same objective, step by step."""
    x, y = random_numbers((6, 3)), random_numbers(6, seed=1)
    penalty = pl.L2(0.9, per_example=True)
    losses = []
    for rows, weight in ((x, np.full(6, 2.0)), (np.repeat(x, 2, axis=0), None)):
        network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(1)], dtype="float64", engine=engine)
        trainer = pl.Trainer(
            network, "squared_error", pl.GradientDescent(0.1), "full", penalty, penalty_in_loss=True, seed=3
        )
        targets = np.resize(y, 6) if weight is not None else np.repeat(y, 2)
        trainer.initialize(rows, targets)
        first, _ = network.loss_and_gradient(rows, targets, penalty=penalty, sample_weight=weight)
        losses.append(trainer.fit(rows, targets, epochs=3, sample_weight=weight)["loss"])
        assert losses[-1][0] == pytest.approx(first, rel=1e-13)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-12)


def test_what_per_example_may_be() -> None:
    with pytest.raises(TypeError, match=r"^per_example must be True or False, not 1\.$"):
        pl.L2(0.1, per_example=1)  # type: ignore[arg-type]
