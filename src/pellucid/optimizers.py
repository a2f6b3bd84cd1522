"""Optimizers, in order of complexity: how a gradient becomes a step.

Contract: a frozen dataclass whose `update` is a pure function on flat vectors,

    update(parameters, gradient, slots, rate, step) -> new parameters, new slots

with parameters, gradient and each slot of the shape (p,), `rate` the learning rate of this step and `step` its number,
from 0 on. Slots are what an optimizer remembers (velocity, moments); they start at 0 and are kept by the trainer, so
that training goes on exactly where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from pellucid.kernel import Kernel
from pellucid.schedules import LearningRate, check_learning_rate, rate_at
from pellucid.typing import Floats
from pellucid.validation import check_number, unknown_name

Slots: TypeAlias = tuple[Floats, ...]
"""What an optimizer remembers: one flat vector (p,) for each name in `slot_names`."""


@dataclass(frozen=True)
class Optimizer:
    """The family's base. See the head of this file."""

    learning_rate: LearningRate = 0.1
    slot_names: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "learning_rate", check_learning_rate(self.learning_rate))

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        return rate_at(self.learning_rate, step)

    def update(
        self, parameters: Floats, gradient: Floats, slots: Slots, rate: float, step: int
    ) -> tuple[Floats, Slots]:
        """The parameters and slots after one step."""
        raise NotImplementedError

    def kernel(self) -> Kernel | None:
        """The optimizer's line in the native instruction table; None: the reference engine alone runs it."""
        return None


@dataclass(frozen=True)
class GradientDescent(Optimizer):
    """w ← w − rate·g.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.GradientDescent(0.1).update(np.array([1.0]), np.array([2.0]), (), 0.1, 0)[0]
    array([0.8])
    """

    def update(
        self, parameters: Floats, gradient: Floats, slots: Slots, rate: float, step: int
    ) -> tuple[Floats, Slots]:
        """W ← w − rate·g."""
        return parameters - rate * gradient, ()

    def kernel(self) -> Kernel:
        """`gradient_descent`."""
        return Kernel("gradient_descent")


@dataclass(frozen=True)
class Momentum(Optimizer):
    """v ← μv + g, w ← w − rate·v.

    Parameters
    ----------
    learning_rate : float or schedule
        The rate.
    momentum : float
        μ, the part of the velocity that stays: 0 <= μ < 1.

    Notes
    -----
    PyTorch's form: the rate stands outside the velocity. Source: Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964.
    """

    learning_rate: LearningRate = 0.1
    momentum: float = 0.9
    slot_names: ClassVar[tuple[str, ...]] = ("velocity",)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "momentum", check_number("momentum", self.momentum, minimum=0.0, below=1.0))

    def update(
        self, parameters: Floats, gradient: Floats, slots: Slots, rate: float, step: int
    ) -> tuple[Floats, Slots]:
        """V ← μv + g, w ← w − rate·v."""
        velocity = self.momentum * slots[0] + gradient  # (p,)
        return parameters - rate * velocity, (velocity,)

    def kernel(self) -> Kernel:
        """`momentum`, with μ."""
        return Kernel("momentum", (self.momentum,))


@dataclass(frozen=True)
class Nesterov(Momentum):
    """v ← μv + g, w ← w − rate·(g + μv): momentum that looks one step ahead.

    Parameters
    ----------
    learning_rate : float or schedule
        The rate.
    momentum : float
        μ, the part of the velocity that stays: 0 <= μ < 1.

    Notes
    -----
    PyTorch's form. Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in
    deep learning", ICML 2013.
    """

    def update(
        self, parameters: Floats, gradient: Floats, slots: Slots, rate: float, step: int
    ) -> tuple[Floats, Slots]:
        """V ← μv + g, w ← w − rate·(g + μv)."""
        velocity = self.momentum * slots[0] + gradient  # (p,)
        return parameters - rate * (gradient + self.momentum * velocity), (velocity,)

    def kernel(self) -> Kernel:
        """`nesterov`, with μ."""
        return Kernel("nesterov", (self.momentum,))


@dataclass(frozen=True)
class Adam(Optimizer):
    """m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − rate·m̂/(√v̂ + ε), m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ).

    Parameters
    ----------
    learning_rate : float or schedule
        The rate: about the size of the first steps.
    beta_1, beta_2 : float
        How much of the first and second moment stays: 0 <= β < 1.
    epsilon : float
        Keeps the division finite; added outside the root, above 0.

    Notes
    -----
    t is the number of the step, from 1 on. Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR
    2015, algorithm 1.
    """

    learning_rate: LearningRate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    slot_names: ClassVar[tuple[str, ...]] = ("first_moment", "second_moment")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "beta_1", check_number("beta_1", self.beta_1, minimum=0.0, below=1.0))
        object.__setattr__(self, "beta_2", check_number("beta_2", self.beta_2, minimum=0.0, below=1.0))
        object.__setattr__(self, "epsilon", check_number("epsilon", self.epsilon, above=0.0))

    def update(
        self, parameters: Floats, gradient: Floats, slots: Slots, rate: float, step: int
    ) -> tuple[Floats, Slots]:
        """Moments, their corrections, and the step."""
        first = self.beta_1 * slots[0] + (1 - self.beta_1) * gradient  # (p,)
        second = self.beta_2 * slots[1] + (1 - self.beta_2) * np.square(gradient)  # (p,)
        rate_1 = rate / (1 - self.beta_1 ** (step + 1))
        root_2 = (1 - self.beta_2 ** (step + 1)) ** 0.5
        return parameters - rate_1 * first / (np.sqrt(second) / root_2 + self.epsilon), (first, second)

    def kernel(self) -> Kernel:
        """`adam`, with β₁, β₂ and ε."""
        return Kernel("adam", (self.beta_1, self.beta_2, self.epsilon))


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "gradient_descent": GradientDescent,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adam": Adam,
}


def find_optimizer(value: Any) -> Optimizer:
    """The optimizer that `value` is or names ("adam", with its defaults)."""
    if isinstance(value, Optimizer):
        return value
    if isinstance(value, str) and value in OPTIMIZERS:
        return OPTIMIZERS[value]()
    raise ValueError(unknown_name("optimizer", value, OPTIMIZERS))
