"""Optimizers: by hand, and one battery for all. PyTorch's numbers stand in `parity`."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.kernel import Kernel
from pellucid.optimizers import OPTIMIZERS, Optimizer, find_optimizer
from pellucid.typing import Floats
from support.samples import OPTIMIZER_SAMPLES, random_numbers

every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZER_SAMPLES, ids=str)


def steps(optimizer: Optimizer, start: Floats, count: int) -> Floats:
    """The way down a bowl, ½ Σ cᵢ wᵢ²."""
    curvature = np.linspace(0.5, 2.0, start.size).astype(start.dtype)
    parameters, slots = start, tuple(np.zeros_like(start) for _ in optimizer.slot_names)
    for step in range(count):
        parameters, slots = optimizer.update(parameters, curvature * parameters, slots, optimizer.rate_at(step), step)
    return parameters


def test_every_optimizer_has_a_sample() -> None:
    assert {type(sample) for sample in OPTIMIZER_SAMPLES} == set(OPTIMIZERS.values())


@every_optimizer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_dtypes_and_slots(optimizer: Optimizer, dtype: str) -> None:
    parameters = random_numbers(5).astype(dtype)
    slots = tuple(np.zeros_like(parameters) for _ in optimizer.slot_names)
    new, new_slots = optimizer.update(parameters, np.ones_like(parameters), slots, 0.1, 0)
    assert new.dtype == dtype
    assert new.shape == (5,)
    assert len(new_slots) == len(optimizer.slot_names)
    assert all(slot.dtype == dtype and slot.shape == (5,) for slot in new_slots)


@every_optimizer
def test_a_pure_function(optimizer: Optimizer) -> None:
    parameters, gradient = random_numbers(5), random_numbers(5, seed=1)
    slots = tuple(np.abs(random_numbers(5, seed=2)) for _ in optimizer.slot_names)
    for array in (parameters, gradient, *slots):
        array.flags.writeable = False
    first, first_slots = optimizer.update(parameters, gradient, slots, 0.1, 3)
    again, again_slots = optimizer.update(parameters, gradient, slots, 0.1, 3)
    np.testing.assert_array_equal(first, again)
    for one, two in zip(first_slots, again_slots, strict=True):
        np.testing.assert_array_equal(one, two)


@every_optimizer
def test_it_goes_down(optimizer: Optimizer) -> None:
    start = random_numbers(6)
    assert np.square(steps(optimizer, start, 300)).sum() < 0.01 * np.square(start).sum()


@every_optimizer
def test_rate_zero_stands_still(optimizer: Optimizer) -> None:
    parameters = random_numbers(5)
    slots = tuple(np.zeros(5) for _ in optimizer.slot_names)
    np.testing.assert_array_equal(optimizer.update(parameters, random_numbers(5, seed=1), slots, 0.0, 0)[0], parameters)


@every_optimizer
def test_zero_gradient_gives_finite_numbers(optimizer: Optimizer) -> None:
    parameters, slots = random_numbers(5), tuple(np.zeros(5) for _ in optimizer.slot_names)
    for step in range(3):
        parameters, slots = optimizer.update(parameters, np.zeros(5), slots, 0.1, step)
    assert np.isfinite(parameters).all()
    assert all(np.isfinite(slot).all() for slot in slots)


@every_optimizer
def test_kernel(optimizer: Optimizer) -> None:
    kernel = optimizer.kernel()
    assert kernel is None or isinstance(kernel, Kernel)
    assert kernel is None or all(type(number) is float for number in kernel.numbers)


def test_by_hand() -> None:
    """Two steps with gradient 2, then 1, at rate 0.1 and μ = 0.5."""
    w, g1, g2 = np.array([1.0]), np.array([2.0]), np.array([1.0])
    after, _ = pl.GradientDescent().update(w, g1, (), 0.1, 0)
    assert after == pytest.approx(0.8)
    momentum = pl.Momentum(0.1, momentum=0.5)
    after, slots = momentum.update(w, g1, (np.zeros(1),), 0.1, 0)  # v = 2
    after, slots = momentum.update(after, g2, slots, 0.1, 1)  # v = 0.5·2 + 1 = 2
    assert (slots[0][0], after[0]) == (2.0, pytest.approx(0.6))
    nesterov = pl.Nesterov(0.1, momentum=0.5)
    after, slots = nesterov.update(w, g1, (np.zeros(1),), 0.1, 0)  # v = 2, g + μv = 3
    after, slots = nesterov.update(after, g2, slots, 0.1, 1)  # v = 2, g + μv = 2
    assert (slots[0][0], after[0]) == (2.0, pytest.approx(0.5))
    after, _ = pl.Adam(0.1).update(w, g1, (np.zeros(1), np.zeros(1)), 0.1, 0)  # m̂/√v̂ = 1
    assert after == pytest.approx(0.9, abs=1e-8)
    # At step 1 with ε = 1 beside √v: √v = √0.001·2, √(1 − β₂) = √0.001, and m/(1 − β₁) = 2.
    after, _ = pl.Adam(0.1, epsilon=1.0, epsilon_hat=True).update(w, g1, (np.zeros(1), np.zeros(1)), 0.1, 0)
    assert after == pytest.approx(1.0 - 0.1 * 0.001**0.5 * 2 / (0.001**0.5 * 2 + 1), rel=1e-12)


def test_epsilon_hat_is_for_those_that_have_such_a_form() -> None:
    assert pl.AdamW(epsilon_hat=True).epsilon_hat
    for cls in (pl.AMSGrad, pl.Adamax, pl.NAdam):
        expected = rf"^epsilon_hat is for Adam and AdamW: {cls.__name__} has no such form\.$"
        with pytest.raises(ValueError, match=expected):
            cls(epsilon_hat=True)
    with pytest.raises(TypeError, match=r"^epsilon_hat must be True or False, not 1\.$"):
        pl.Adam(epsilon_hat=1)  # type: ignore[arg-type]


def test_momentum_of_zero_is_plain_descent() -> None:
    start = random_numbers(4)
    np.testing.assert_allclose(
        steps(pl.Momentum(0.1, momentum=0.0), start, 5), steps(pl.GradientDescent(0.1), start, 5), rtol=1e-14
    )


def test_numbers_of_numpy_do_not_widen_the_parameters() -> None:
    for optimizer in (
        pl.GradientDescent(np.float64(0.1)),
        pl.Momentum(np.float32(0.1), momentum=np.float64(0.9)),
        pl.Nesterov(0.1, momentum=np.float64(0.9)),
        pl.Adam(0.1, beta_1=np.float64(0.9), beta_2=np.float64(0.99), epsilon=np.float64(1e-8)),
    ):
        assert steps(optimizer, random_numbers(4).astype(np.float32), 3).dtype == np.float32


def test_names() -> None:
    for name, cls in OPTIMIZERS.items():
        assert find_optimizer(name) == cls()
    assert find_optimizer(pl.Adam(0.5)) == pl.Adam(0.5)


@every_optimizer
def test_training_keeps_its_dtype(optimizer: Optimizer, engine: str) -> None:
    network = pl.Network([pl.Dense(2), pl.Tanh(), pl.Dense(1)], engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError(), optimizer, batch_size=2)
    trainer.fit(random_numbers((5, 3)), random_numbers(5), epochs=2)
    assert network.parameters.dtype == np.float32
    assert all(slot.dtype == np.float32 for slot in trainer.state.slots)
